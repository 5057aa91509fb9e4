"""Turns JSON objects of Kubernetes into facts, each object for itself: a bad one costs only itself.

What no server of names may believe is left out here and counted: odd names, namespaces and addresses that are not the
member's to give, special addresses. It knows nothing of watches, nor how facts join to services.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from datetime import datetime
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from fedns.clusters import shapes
from fedns.clusters.facts import ExportFacts, Facts, ImportFacts, LeaseFacts, ServiceFacts, SliceFacts
from fedns.clusters.trust import LABEL, Boundary, source
from fedns.federation.objects import READY, SERVING, TERMINATING, Port, ServiceKey, Slice, column
from fedns.settings.schema import Trust

EXPORT_LABEL: Final = "fedns.io/export"
ANNOTATION_PREFIX: Final = "fedns.io/"
AGELESS: Final = 253_402_300_799
"""The creation time (the end of 9999) of what says none: it goes before nobody, and is the same on every replica."""
_FAMILIES: Final = {"IPv4": AF_INET, "IPv6": AF_INET6}
_LOCAL: Final = frozenset({"endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"})
"""Who writes the slices of a cluster's own endpoints. They copy the labels of the Service, whatever these say."""
_MESH: Final = "endpointslice-mesh-controller.cilium.io"
_SHARED: Final = 50_000
"""How many texts and values of a kind are remembered, so that objects share them."""
_READY: Final = READY | SERVING
_PLAIN: Final = shapes.Conditions(ready=True, serving=True, terminating=False)
_BAD: Final = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)
"""What decoding a stranger's object can raise; RecursionError from brackets nested too deep."""


_Value = TypeVar("_Value", bound=Hashable)


class Item(Struct, frozen=True):
    """One object: `facts` is None where it says nothing here, or, with a `fault`, where it could not be understood.

    `version` is the resourceVersion as a number, 0 where it is none; `created` is Unix seconds, or AGELESS.
    `triggered` says when the change behind it happened (endpoints.kubernetes.io/last-change-trigger-time), in Unix
    seconds, 0 where that is unknown. `key` is (namespace, name), one tuple for all objects of that name.
    """

    namespace: str
    name: str
    version: int
    facts: Facts | None = None
    fault: str = ""
    created: int = AGELESS
    triggered: float = 0.0
    key: ServiceKey | None = None


class Decoder:
    """Decodes one member's objects, within its `trust`; `refused` counts what was left out, by reason."""

    def __init__(self, trust: Trust | None = None) -> None:
        self.refused: Counter[str] = Counter()
        self._boundary = Boundary(trust or Trust())
        self._shared: dict[Any, Any] = {}

    def service(self, raw: Raw) -> Item:
        """A Service."""
        return self._item(raw, shapes.SERVICE, self._service)

    def slice(self, raw: Raw) -> Item:
        """An EndpointSlice of the member's own endpoints."""
        return self._item(raw, shapes.SLICE, self._own_slice)

    def export(self, raw: Raw) -> Item:
        """A ServiceExport."""
        return self._item(raw, shapes.EXPORT, lambda _, version, created: ExportFacts(version, created))

    def imported(self, raw: Raw) -> Item:
        """A ServiceImport."""
        return self._item(raw, shapes.IMPORT, self._import)

    def imported_slice(self, raw: Raw) -> Item:
        """An EndpointSlice of another cluster's endpoints."""
        return self._item(raw, shapes.SLICE, self._imported_slice)

    def lease(self, raw: Raw) -> Item:
        """A Lease of a source cluster."""
        return self._item(raw, shapes.LEASE, self._lease)

    def bare(self, raw: Raw) -> Item:
        """Only which object it is, for a deletion: all other fields may be broken."""
        return self._item(raw, shapes.BARE, lambda _, __, ___: None)

    def _item(
        self, raw: Raw, decoder: msgspec.json.Decoder[Any], read: Callable[[Any, int, int], Facts | None]
    ) -> Item:
        fault = ""
        try:
            found = decoder.decode(raw)
        except _BAD as failure:
            self.refused["object"] += 1
            fault = str(failure)[:120] or type(failure).__name__
            try:
                found = shapes.BARE.decode(raw)
            except _BAD:
                return Item("", "", 0, fault=f"no object: {fault}")
        meta: shapes.Meta = found.metadata
        version = number(meta.resourceVersion)
        if not (LABEL.fullmatch(meta.namespace) and 0 < len(meta.name) <= 253):
            self.refused["name"] += 1
            return Item("", "", version, fault="not a name")
        namespace = self._same(meta.namespace)
        if fault:
            return Item(namespace, meta.name, version, fault=fault)
        created = self._created(meta.creationTimestamp)
        if not self._boundary.namespace(namespace):
            self.refused["namespace"] += 1
            return Item(namespace, meta.name, version, created=created)
        notes = getattr(meta, "annotations", None)
        triggered = _triggered(notes) if notes else 0.0
        facts = read(found, version, created)
        key = None if isinstance(facts, SliceFacts) else self._same((namespace, meta.name))
        return Item(namespace, meta.name, version, facts, "", created, triggered, key)

    def _service(self, found: shapes.Service, version: int, created: int) -> ServiceFacts | None:
        meta, spec = found.metadata, found.spec
        if not self._named(meta.name):
            return None
        texts = spec.clusterIPs or ([spec.clusterIP] if spec.clusterIP else [])
        headless = spec.clusterIP == "None" or texts[:1] == ["None"]
        balancer = found.status.loadBalancer if found.status else None
        ingress = (balancer.ingress if balancer else None) or []
        notes = (meta.annotations or {}).items()
        return ServiceFacts(
            version=version,
            headless=headless,
            external=spec.type == "ExternalName",
            labelled=meta.labels is not None and meta.labels.export == "true",
            created=created,
            ports=self._ports(spec.ports),
            cluster_ips=() if headless else self._addresses(texts),
            load_balancer_ips=self._addresses([entry.ip for entry in ingress if entry.ip]),
            annotations=tuple(sorted((key, text) for key, text in notes if key.startswith(ANNOTATION_PREFIX))),
        )

    def _own_slice(self, found: shapes.EndpointSlice, version: int, _: int) -> SliceFacts | None:
        labels = found.metadata.labels
        if labels is None or not LABEL.fullmatch(labels.own_service) or _foreign(found.metadata):
            return None
        return self._slice(found, version, labels.own_service, "")

    def _imported_slice(self, found: shapes.EndpointSlice, version: int, _: int) -> SliceFacts | None:
        meta, labels = found.metadata, found.metadata.labels
        if labels is None or labels.manager in _LOCAL:
            return None
        service, cluster = labels.service or labels.old_service, labels.source or labels.old_source
        # Submariner's broker holds copies of all slices in one namespace of its own: a slice speaks for its own only.
        if not (cluster and LABEL.fullmatch(service)) or labels.source_namespace not in {"", meta.namespace}:
            return None
        return self._slice(found, version, service, self._same(cluster)) if self._sourced(cluster) else None

    def _slice(self, found: shapes.EndpointSlice, version: int, service: str, cluster: str) -> SliceFacts | None:
        if found.addressType not in _FAMILIES:
            self.refused["addressType"] += 1
            return None
        meta = found.metadata
        owner = self._same((self._same(meta.namespace), service))
        return SliceFacts(version, meta.name, owner, self._columns(found), cluster)

    def _import(self, found: shapes.ServiceImport, version: int, created: int) -> ImportFacts | None:
        spec = found.spec
        if not self._named(found.metadata.name):
            return None
        if spec.type not in {"ClusterSetIP", "Headless"}:
            self.refused["type"] += 1
            return None
        headless = spec.type == "Headless"
        ips = () if headless else self._addresses(spec.ips or [])
        return ImportFacts(version, headless, created, self._ports(spec.ports), ips)

    def _lease(self, found: shapes.Lease, version: int, _: int) -> LeaseFacts | None:
        cluster, spec = found.metadata.labels.source if found.metadata.labels else "", found.spec
        if not cluster or spec is None or not self._sourced(cluster):
            return None
        return LeaseFacts(version, self._same(cluster), spec.renewTime or "", spec.leaseDurationSeconds or 0)

    def _named(self, name: str) -> bool:
        """Whether a service may have this name."""
        if LABEL.fullmatch(name):
            return True
        self.refused["name"] += 1
        return False

    def _sourced(self, cluster: str) -> bool:
        if source(cluster):
            return True
        self.refused["source"] += 1
        return False

    def _columns(self, found: shapes.EndpointSlice) -> tuple[Slice, ...]:
        """The endpoints as columns, in their order: whole lists at a time, which costs a third of one by one."""
        points = [(each, text) for each in found.endpoints or () for text in each.addresses or ()]
        width = 4 if found.addressType == "IPv4" else 16
        packed = self._packed(_FAMILIES[found.addressType], width, [text for _, text in points])
        if b"" in packed:
            points = [point for point, address in zip(points, packed, strict=True) if address]
        if not points:
            return ()
        conditions = bytes(
            [_READY if (said := each.conditions) is None or said == _PLAIN else _bits(said) for each, _ in points]
        )
        zones, places = self._zones([each.zone for each, _ in points])
        hosts = tuple([self._hostname(each.hostname) if each.hostname else "" for each, _ in points])
        return (
            Slice(
                self._ports(found.ports),
                width,
                b"".join(packed),
                column(conditions),
                zones,
                places,
                hosts if any(hosts) else (),
            ),
        )

    def _packed(self, family: int, width: int, texts: list[str]) -> list[bytes]:
        """The addresses as bytes, b"" for one that is none or is refused."""
        try:
            packed = [inet_pton(family, text) for text in texts]
        except (OSError, ValueError):
            return [self._address(family, text) for text in texts]
        if self._boundary.clear(b"".join(packed), width):
            return packed
        return [self._address(family, text) for text in texts]

    def _ports(self, ports: "list[shapes.Port] | None") -> tuple[Port, ...]:
        """Ports as values, one tuple for all objects that have the same."""
        made = []
        for port in ports or ():
            name = port.name or ""
            if port.port is None or not 0 < port.port < 65536 or (name and not LABEL.fullmatch(name)):
                if port.port is not None:  # a slice may say "all ports" by none
                    self.refused["port"] += 1
                continue
            made.append(Port(name, port.port, port.protocol or "TCP"))
        return self._same(tuple(made))

    def _addresses(self, texts: list[str]) -> tuple[bytes, ...]:
        found = (self._address(AF_INET6 if ":" in text else AF_INET, text) for text in texts)
        return tuple(address for address in found if address)

    def _address(self, family: int, text: str) -> bytes:
        """The packed address, b"" where it is none or one that no client may be sent to."""
        try:
            packed = inet_pton(family, text)
            refused = self._boundary.refuses(packed)
        except (OSError, ValueError):
            packed, refused = b"", "address"
        if refused:
            self.refused[refused] += 1
            return b""
        return packed

    def _hostname(self, name: str) -> str:
        if LABEL.fullmatch(name):
            return name
        self.refused["hostname"] += 1
        return ""

    def _zones(self, zones: list[str | None]) -> tuple[tuple[str, ...], bytes]:
        """The zones of a slice and the column of places in them; too long a name, or past the 255th, counts as none."""
        named = dict.fromkeys(zones)
        if len(named) > 255 or not all(named) or max(map(len, filter(None, named))) > 63:
            good = {zone for zone in list(filter(None, named))[:255] if len(zone) <= 63}
            zones = [zone if zone in good else "" for zone in zones]
            named = dict.fromkeys(zones)
        index = dict(zip(named, range(256), strict=False))
        places = column(bytes(map(index.__getitem__, zones)))
        return self._same(tuple(zone or "" for zone in named)), self._same(places)

    def _created(self, timestamp: str | None) -> int:
        found = seconds(timestamp or "")
        if found < 1:
            if timestamp:
                self.refused["timestamp"] += 1
            return AGELESS
        return self._same(int(found))

    def _same(self, value: _Value) -> _Value:
        """The one that was seen first of all values that are equal."""
        if len(self._shared) > _SHARED:
            self._shared.clear()
        found: _Value = self._shared.setdefault(value, value)
        return found


def number(version: str) -> int:
    """A resourceVersion as a number; 0 for one that is none (a stranger may send a million digits)."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 20 else 0


def seconds(timestamp: str) -> float:
    """Unix seconds of an RFC 3339 time; 0 where it is none, or has no zone."""
    try:
        time = datetime.fromisoformat(timestamp)
        return time.timestamp() if time.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _triggered(notes: "shapes.Notes | dict[str, str]") -> float:
    text = notes.get(shapes.TRIGGER, "") if isinstance(notes, dict) else notes.triggered
    return max(0.0, seconds(text)) if text else 0.0


def _foreign(meta: shapes.SliceMeta) -> bool:
    """Whether a mesh has put another cluster's endpoints among the member's own (Cilium, Karmada)."""
    labels = meta.labels
    if labels is None or labels.manager in _LOCAL:
        return False
    return bool(labels.source) or labels.manager == _MESH or bool(meta.annotations and meta.annotations.provider)


def _bits(said: shapes.Conditions) -> int:
    ready = said.ready is not False  # nil counts as true, says the API
    serving = ready if said.serving is None else said.serving
    return ready * READY | serving * SERVING | bool(said.terminating) * TERMINATING
