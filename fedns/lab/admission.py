"""What may enter the store, and the defaults that a real API server fills in, type by type.

Covers what tests and people meet: names, Services with their cluster IPs, EndpointSlices. No schemas.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from fedns.lab.kinds import CRDS, ENDPOINT_SLICES, KINDS, NAMESPACES, SERVICES, Json, Kind
from fedns.lab.status import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_MAX_ENDPOINTS = 1000
_MAX_ADDRESSES = 100


class Addresses:
    """The cluster IPs of one cluster: which are taken, and the next free one."""

    def __init__(self, network: IPv4Network | IPv6Network) -> None:
        self.network = network
        self.taken: set[str] = set()
        self._fresh: Iterator[str] = (str(address) for address in network.hosts())
        self.taken.add(next(self._fresh))  # the first one is the API server's own Service

    def free(self) -> str:
        """An address that nobody has; freed ones come back when the range has been gone through."""
        for address in self._fresh:
            if address not in self.taken:
                return address
        self._fresh = (str(address) for address in self.network.hosts())
        return next(address for address in self._fresh if address not in self.taken)


def check(kind: Kind, item: Json, old: Json | None, ips: Addresses) -> None:
    """Raise a 422 for what a real server refuses; fill in defaults in place."""
    name = item["metadata"].get("name", "")
    if not name:
        raise invalid(
            kind, name, "metadata.name", "FieldValueRequired", "Required value: name or generateName is required"
        )
    strict = kind in {SERVICES, NAMESPACES}
    if not (_LABEL if strict else _SUBDOMAIN).match(name):
        wanted = "a lowercase RFC 1123 label" if strict else "a lowercase RFC 1123 subdomain"
        text = f"Invalid value: \"{name}\": {wanted} must consist of lower case alphanumeric characters or '-'"
        raise invalid(kind, name, "metadata.name", "FieldValueInvalid", text)
    if kind is SERVICES:
        _service(item, old, ips)
    elif kind is ENDPOINT_SLICES:
        _slice(item, old)
    elif kind is CRDS:
        item.setdefault("status", {}).setdefault("conditions", [{"type": "Established", "status": "True"}])
    elif kind is NAMESPACES:
        item["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
        item.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
        item.setdefault("status", {}).setdefault("phase", "Active")


def _service(item: Json, old: Json | None, ips: Addresses) -> None:
    name = item["metadata"]["name"]
    spec = item.setdefault("spec", {})
    item.setdefault("status", {}).setdefault("loadBalancer", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] == "ExternalName":
        return
    if not spec.get("ports") and spec.get("clusterIP") != "None":
        raise invalid(SERVICES, name, "spec.ports", "FieldValueRequired", "Required value")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    _cluster_ip(name, spec, (old or {}).get("spec", {}), ips)
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    version = ip_address(spec["clusterIP"]).version if spec["clusterIP"] != "None" else ips.network.version
    spec.setdefault("ipFamilies", [f"IPv{version}"])


def _cluster_ip(name: str, spec: Json, old: Json, ips: Addresses) -> None:
    if not spec.get("clusterIP") and spec.get("clusterIPs"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    spec["clusterIP"] = spec.get("clusterIP") or old.get("clusterIP") or ips.free()
    spec["clusterIPs"] = spec.get("clusterIPs") or old.get("clusterIPs") or [spec["clusterIP"]]
    asked, before = spec["clusterIP"], old.get("clusterIP")
    if before and asked != before:
        text = f'Invalid value: "{asked}": may not change once set'
        raise invalid(SERVICES, name, "spec.clusterIPs[0]", "FieldValueInvalid", text)
    if before is None and asked in ips.taken:
        text = f'Invalid value: "{asked}": failed to allocate IP {asked}: provided IP is already allocated'
        raise invalid(SERVICES, name, "spec.clusterIPs", "FieldValueInvalid", text)


def _slice(item: Json, old: Json | None) -> None:
    name = item["metadata"]["name"]
    family = item.get("addressType", "")
    if not family:
        raise invalid(ENDPOINT_SLICES, name, "addressType", "FieldValueRequired", "Required value")
    if family not in {"IPv4", "IPv6", "FQDN"}:
        text = f'Unsupported value: "{family}": supported values: "FQDN", "IPv4", "IPv6"'
        raise invalid(ENDPOINT_SLICES, name, "addressType", "FieldValueNotSupported", text)
    if old is not None and family != old["addressType"]:
        text = f'Invalid value: "{family}": field is immutable'
        raise invalid(ENDPOINT_SLICES, name, "addressType", "FieldValueInvalid", text)
    endpoints = item["endpoints"] = item.get("endpoints") or []
    if len(endpoints) > _MAX_ENDPOINTS:
        text = f"Too many: {len(endpoints)}: must have at most {_MAX_ENDPOINTS} items"
        raise invalid(ENDPOINT_SLICES, name, "endpoints", "FieldValueTooMany", text)
    for at, endpoint in enumerate(endpoints):
        if not 0 < len(endpoint.get("addresses") or []) <= _MAX_ADDRESSES:
            text = "Required value: must contain at least 1 address"
            raise invalid(ENDPOINT_SLICES, name, f"endpoints[{at}].addresses", "FieldValueRequired", text)
        endpoint.setdefault("conditions", {})
    item["ports"] = item.get("ports")
    for port in item["ports"] or []:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def keep(kind: Kind, item: Json, ips: Addresses) -> None:
    """Note what a stored object holds."""
    if kind is SERVICES:
        ips.taken.update(address for address in item["spec"].get("clusterIPs", ()) if address != "None")


def forget(kind: Kind, item: Json, ips: Addresses) -> None:
    """Free what a deleted object held."""
    if kind is SERVICES:
        ips.taken.difference_update(item["spec"].get("clusterIPs", ()))


def namespaced_kinds() -> tuple[Kind, ...]:
    """The types whose objects go when their namespace goes."""
    return tuple(kind for kind in KINDS if kind.namespaced)
