"""Turns JSON objects of Kubernetes into facts, each object for itself: a bad one costs only itself.

Only the fields that names and addresses need are decoded. What no server of names may believe is left out here and
counted: odd names, loopback and other special addresses. It knows nothing of watches, nor how facts join to services.
"""

import re
import socket
import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Raw, Struct

from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint, Port, Slice, pack

if TYPE_CHECKING:
    from collections.abc import Callable

EXPORT_LABEL: Final = "fedns.io/export"
ANNOTATION_PREFIX: Final = "fedns.io/"
_SERVICE_LABEL: Final = "kubernetes.io/service-name"
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FAMILIES: Final = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
_BAD: Final = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)
"""What decoding a stranger's object can raise; RecursionError from brackets nested too deep."""


class ServiceFacts(Struct, frozen=True):
    """A Service: `labelled` when a label exports it; `created` in Unix seconds."""

    headless: bool
    external: bool
    labelled: bool
    created: int
    ports: tuple[Port, ...]
    cluster_ips: tuple[bytes, ...]
    load_balancer_ips: tuple[bytes, ...]
    annotations: tuple[tuple[str, str], ...]


class SliceFacts(Struct, frozen=True):
    """An EndpointSlice and the service that it belongs to."""

    service: str
    slices: tuple[Slice, ...]


class ExportFacts(Struct, frozen=True):
    """A ServiceExport: that it exists, and since when (Unix seconds)."""

    created: int


Facts = ServiceFacts | SliceFacts | ExportFacts


class Item(Struct, frozen=True):
    """One object: `facts` is None where it says nothing here, or, with a `fault`, where it could not be understood.

    `version` is the resourceVersion as a number, 0 where it is none.
    """

    namespace: str
    name: str
    version: int
    facts: Facts | None = None
    fault: str = ""


class Decoder:
    """Decodes one member's objects; `refused` counts what was left out, by reason."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self._ports: dict[tuple[Port, ...], tuple[Port, ...]] = {}

    def service(self, raw: Raw) -> Item:
        """A Service."""
        return self._item(raw, self._service)

    def slice(self, raw: Raw) -> Item:
        """An EndpointSlice."""
        return self._item(raw, self._slice)

    def export(self, raw: Raw) -> Item:
        """A ServiceExport."""
        return self._item(raw, self._export)

    def bare(self, raw: Raw) -> Item:
        """Only which object it is, for a deletion: all other fields may be broken."""
        return self._item(raw, lambda _, __: None)

    def _item(self, raw: Raw, facts: "Callable[[Raw, _Meta], Facts | None]") -> Item:
        try:
            meta = _BARE.decode(raw).metadata
        except _BAD as fault:
            self.refused["object"] += 1
            return Item("", "", 0, fault=f"no object: {str(fault)[:120]}")
        version = number(meta.resourceVersion)
        if not (_LABEL.fullmatch(meta.namespace) and len(meta.name) <= 253):
            self.refused["name"] += 1
            return Item("", "", version, fault="not a name")
        try:
            return Item(meta.namespace, meta.name, version, facts(raw, meta))
        except _BAD as fault:
            self.refused["object"] += 1
            return Item(meta.namespace, meta.name, version, fault=str(fault)[:120] or type(fault).__name__)

    def _service(self, raw: Raw, meta: "_Meta") -> ServiceFacts | None:
        if not _LABEL.fullmatch(meta.name):
            self.refused["name"] += 1
            return None
        found = _SERVICE.decode(raw)
        spec = found.spec
        texts = spec.clusterIPs or ([spec.clusterIP] if spec.clusterIP else [])
        headless = spec.clusterIP == "None" or texts[:1] == ["None"]
        balancer = found.status.loadBalancer if found.status else None
        ingress = (balancer.ingress if balancer else None) or []
        notes = (meta.annotations or {}).items()
        return ServiceFacts(
            headless=headless,
            external=spec.type == "ExternalName",
            labelled=(meta.labels or {}).get(EXPORT_LABEL) == "true",
            created=_seconds(meta.creationTimestamp),
            ports=self._named_ports(spec.ports),
            cluster_ips=() if headless else self._addresses(texts),
            load_balancer_ips=self._addresses([entry.ip for entry in ingress if entry.ip]),
            annotations=tuple(sorted((key, text) for key, text in notes if key.startswith(ANNOTATION_PREFIX))),
        )

    def _slice(self, raw: Raw, meta: "_Meta") -> SliceFacts | None:
        service = (meta.labels or {}).get(_SERVICE_LABEL, "")
        if not _LABEL.fullmatch(service):
            return None
        found = _SLICE.decode(raw)
        family = _FAMILIES.get(found.addressType)
        if family is None:
            self.refused["addressType"] += 1
            return None
        endpoints = [
            Endpoint(address, conditions, zone, hostname)
            for endpoint in found.endpoints or ()
            for conditions, zone, hostname in [self._described(endpoint)]
            for text in endpoint.addresses or ()
            if (address := self._address(text, family)) is not None
        ]
        return SliceFacts(service, pack(self._named_ports(found.ports), endpoints))

    def _export(self, _: Raw, meta: "_Meta") -> ExportFacts:
        return ExportFacts(_seconds(meta.creationTimestamp))

    def _described(self, endpoint: "_Endpoint") -> tuple[int, str, str]:
        said = endpoint.conditions or _Conditions()
        ready = said.ready is not False  # nil counts as true, says the API
        serving = ready if said.serving is None else said.serving
        conditions = ready * READY | serving * SERVING | bool(said.terminating) * TERMINATING
        hostname = endpoint.hostname or ""
        if hostname and not _LABEL.fullmatch(hostname):
            self.refused["hostname"] += 1
            hostname = ""
        zone = endpoint.zone or ""
        return conditions, sys.intern(zone) if len(zone) <= 63 else "", hostname

    def _named_ports(self, ports: "list[_Port] | None") -> tuple[Port, ...]:
        """Ports as values, one tuple for all slices that have the same."""
        made = []
        for port in ports or ():
            name = port.name or ""
            if port.port is None or not 0 < port.port < 65536 or (name and not _LABEL.fullmatch(name)):
                self.refused["port"] += port.port is not None  # a slice may say "all ports" by none
                continue
            made.append(Port(sys.intern(name), port.port, sys.intern(port.protocol or "TCP")))
        found = tuple(made)
        if len(self._ports) > 10_000:
            self._ports.clear()
        return self._ports.setdefault(found, found)

    def _addresses(self, texts: list[str]) -> tuple[bytes, ...]:
        found = (self._address(text, socket.AF_INET6 if ":" in text else socket.AF_INET) for text in texts)
        return tuple(address for address in found if address is not None)

    def _address(self, text: str, family: int) -> bytes | None:
        """The packed address, or None where it is no address or one that no client may be sent to."""
        try:
            packed = socket.inet_pton(family, text)
        except (OSError, ValueError):
            self.refused["address"] += 1
            return None
        if special(packed):
            self.refused["address"] += 1
            return None
        return packed


def special(packed: bytes) -> bool:
    """Loopback, link-local, multicast, unspecified, broadcast, v4-mapped: never the address of a service."""
    if len(packed) == 4:
        first = packed[0]
        return first in {0, 127} or 224 <= first < 240 or packed[:2] == b"\xa9\xfe" or packed == b"\xff\xff\xff\xff"
    return (
        packed[0] == 0xFF
        or (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80)
        or packed[:12] in {bytes(12), bytes(10) + b"\xff\xff"}  # ::/96 holds ::, ::1 and the old v4-compatible ones
    )


def number(version: str) -> int:
    """A resourceVersion as a number; 0 for one that is none (a stranger may send a million digits)."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 20 else 0


def _seconds(timestamp: str | None) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp()) if timestamp else 0


class _Meta(Struct):
    name: str
    namespace: str = ""
    resourceVersion: str = ""  # noqa: N815 -- the fields below are spelt as Kubernetes spells them
    creationTimestamp: str | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Bare(Struct):
    metadata: _Meta


class _Port(Struct):
    port: int | None = None
    name: str | None = None
    protocol: str | None = None


class _Spec(Struct):
    type: str = "ClusterIP"
    clusterIP: str | None = None  # noqa: N815
    clusterIPs: list[str] | None = None  # noqa: N815
    ports: list[_Port] | None = None


class _Ingress(Struct):
    ip: str | None = None


class _Balancer(Struct):
    ingress: list[_Ingress] | None = None


class _ServiceStatus(Struct):
    loadBalancer: _Balancer | None = None  # noqa: N815


class _Service(Struct):
    spec: _Spec
    status: _ServiceStatus | None = None


class _Conditions(Struct):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class _Endpoint(Struct, gc=False):
    addresses: list[str] | None = None
    conditions: _Conditions | None = None
    hostname: str | None = None
    zone: str | None = None


class _Slice(Struct):
    addressType: str  # noqa: N815
    endpoints: list[_Endpoint] | None = None
    ports: list[_Port] | None = None


_BARE: Final = msgspec.json.Decoder(_Bare)
_SERVICE: Final = msgspec.json.Decoder(_Service)
_SLICE: Final = msgspec.json.Decoder(_Slice)
