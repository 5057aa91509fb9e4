"""Objects as an API server gives them, and what fedns makes of them: through the decoder and the translators."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Raw

from fedns.clusters.decode import Decoder
from fedns.clusters.imports import Imports
from fedns.clusters.shelves import Shelves
from fedns.clusters.translate import Translator
from fedns.federation.objects import Export

Json = dict[str, Any]
ENDPOINTS: Final = "endpointslice-controller.k8s.io"
MIRRORED: Final = "endpointslicemirroring-controller.k8s.io"
_RESOURCES: Final = {
    "Service": "services",
    "EndpointSlice": "slices",
    "ServiceExport": "exports",
    "ServiceImport": "imports",
}


def _object(kind: str, name: str, age: int, **labels: str) -> Json:
    """An object `namespace/name` that was created `age` days into 2026."""
    namespace, _, own = name.rpartition("/")
    created = f"2026-01-{age:02}T00:00:00Z"
    meta = {"name": own, "namespace": namespace or "shop", "creationTimestamp": created, "resourceVersion": "7"}
    return {"kind": kind, "metadata": meta | ({"labels": labels} if labels else {})}


def port(text: str) -> Json:
    """A port: `https:443`, `dns:53/UDP`, or `:80` without a name."""
    name, _, rest = text.partition(":")
    number, _, protocol = rest.partition("/")
    return ({"name": name} if name else {}) | {"port": int(number), "protocol": protocol or "TCP"}


def service(
    name: str, *ports: str, ips: Sequence[str] = (), lb: Sequence[str | Json] = (), age: int = 1, **more: Any
) -> Json:
    """A Service with these ClusterIPs, headless without any; `lb` are addresses, or whole ingress entries."""
    spec = {"clusterIP": ips[0] if ips else "None", "clusterIPs": list(ips) or ["None"], "ports": [*map(port, ports)]}
    ingress = [{"ip": each} if isinstance(each, str) else each for each in lb]
    made = _object("Service", name, age) | {"spec": spec | more}
    return made | ({"status": {"loadBalancer": {"ingress": ingress}}} if ingress else {})


def export(name: str, age: int = 1) -> Json:
    """A ServiceExport."""
    return _object("ServiceExport", name, age)


def point(address: str, host: str = "", zone: str = "", **conditions: bool) -> Json:
    """One endpoint with one address; without conditions it is ready, for nil counts as true."""
    made: Json = {"addresses": [address], "conditions": conditions}
    return made | ({"hostname": host} if host else {}) | ({"zone": zone} if zone else {})


def slices(
    owner: str, *points: Json, ports: Sequence[str] = ("https:443",), manager: str = ENDPOINTS, name: str = "1"
) -> list[Json]:
    """The EndpointSlices of a service, one for each family."""
    found: dict[str, list[Json]] = {}
    for each in points:
        found.setdefault("IPv6" if ":" in each["addresses"][0] else "IPv4", []).append(each)
    labels = {"kubernetes.io/service-name": owner.rpartition("/")[2], "endpointslice.kubernetes.io/managed-by": manager}
    return [
        _object("EndpointSlice", f"{owner}-{kind.lower()}-{name}", 1, **labels)
        | {"addressType": kind, "endpoints": own, "ports": [*map(port, ports)]}
        for kind, own in found.items()
    ]


def imported(name: str, *ports: str, ips: Sequence[str] = ()) -> Json:
    """A ServiceImport, headless without IPs."""
    spec = {"type": "ClusterSetIP", "ips": list(ips)} if ips else {"type": "Headless"}
    return _object("ServiceImport", name, 1) | {"spec": spec | {"ports": [*map(port, ports)]}}


def imported_slices(owner: str, source: str, *points: Json, ports: Sequence[str] = ("https:443",)) -> list[Json]:
    """EndpointSlices that a cluster has imported from another one."""
    made = slices(owner, *points, ports=ports, manager="mcs.example", name=source.replace(".", "-"))
    labels = {
        "multicluster.kubernetes.io/service-name": owner.rpartition("/")[2],
        "multicluster.kubernetes.io/source-cluster": source,
        "endpointslice.kubernetes.io/managed-by": "mcs.example",
    }
    return [each | {"metadata": each["metadata"] | {"labels": labels}} for each in made]


def exports(cluster: str, objects: Iterable[Json], *, pods: bool = False) -> list[Export]:
    """What a member exports that has these objects; with `pods`, hosts are called by theirs."""
    translator = Translator(cluster, ("ServiceExport", "Label"))
    decoder = Decoder(pods=pods)
    _fill(translator, objects, services=decoder.service, slices=decoder.slice, exports=decoder.export)
    return list(translator.exports(cluster))


def told(hub: str, objects: Iterable[Json]) -> dict[str, list[Export]]:
    """What each cluster exports of which a hub has these objects."""
    imports = Imports(hub)
    decoder = Decoder()
    _fill(imports, objects, imports=decoder.imported, slices=decoder.imported_slice)
    return {cluster: list(imports.exports(cluster)) for cluster in sorted(imports.clusters())}


def _fill(shelves: Shelves, objects: Iterable[Json], **decoders: Any) -> None:
    found: dict[str, list[Json]] = {resource: [] for resource in decoders}
    for each in objects:
        found[_RESOURCES[each["kind"]]].append(each)
    for resource, own in found.items():
        shelves.replace(resource, [decoders[resource](Raw(json.dumps(each).encode())) for each in own])
