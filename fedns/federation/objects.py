"""What members export, as slim values: clusters, ports, endpoints, exports.

Kubernetes' own objects are turned into these at the edge and never travel further. The structs are frozen and outside
the garbage collector's rounds (`gc=False`: they hold no cycles), so that a million endpoints cost memory, not pauses.
Addresses are packed: 4 bytes (IPv4) or 16 (IPv6), in network order.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import repeat
from typing import Any, Final

from msgspec import Struct

ServiceKey = tuple[str, str]
"""(namespace, name) of a service: the same in every member (namespace sameness, KEP-1645)."""

READY = 1
"""Condition bit of an endpoint: Kubernetes says ready (nil counts as true)."""
SERVING = 2
"""Condition bit of an endpoint: it answers, though it may be terminating."""
TERMINATING = 4
"""Condition bit of an endpoint: its pod is being deleted."""


class AddressKind(StrEnum):
    """The kinds of address that a member can hand out for a service."""

    CLUSTER_SET_IP = "ClusterSetIP"
    CLUSTER_IP = "ClusterIP"
    POD_IP = "PodIP"
    LOAD_BALANCER = "LoadBalancer"
    GATEWAY = "Gateway"


class Cluster(Struct, frozen=True, kw_only=True):
    """A member as its owner configured it: where it is, and which of its addresses may be handed out.

    `via` names the member that tells of this one (a hub of imported services); "" when it is followed itself.
    """

    name: str
    via: str = ""
    region: str = ""
    jurisdiction: str = ""
    network: str = "default"
    addresses: tuple[AddressKind, ...] = (
        AddressKind.CLUSTER_IP,
        AddressKind.POD_IP,
        AddressKind.LOAD_BALANCER,
        AddressKind.GATEWAY,
    )
    cluster_ips_routable: bool = False
    gateway_ips: tuple[bytes, ...] = ()
    weight: int = 100
    capacity: float = 1.0
    cost: float = 1.0
    trust_rank: int = 0


class Port(Struct, frozen=True, array_like=True, gc=False):
    """One port of a service or a slice; `name` is empty for an unnamed port, `protocol` is TCP, UDP or SCTP."""

    name: str
    number: int
    protocol: str = "TCP"


class Endpoint(Struct, frozen=True, array_like=True, gc=False):
    """One address of one endpoint of an EndpointSlice; `hostname` is empty where the slice names none.

    `hinted` are the zones of its hints (`hints.forZones`).
    It lives only while it is looked at: what is held are the columns of a `Slice`.
    """

    address: bytes
    conditions: int
    zone: str = ""
    hostname: str = ""
    hinted: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether Kubernetes says that it takes traffic."""
        return bool(self.conditions & READY)


class Hints(Struct, frozen=True, array_like=True, gc=False):
    """The hints of a slice's endpoints: sets of zones, and the index of one of them for each endpoint."""

    zones: tuple[tuple[str, ...], ...]
    places: bytes


class Slice(Struct, frozen=True, array_like=True, gc=False):
    """Endpoints of one family that share the same port numbers, as columns: a few bytes for each endpoint.

    `addresses` holds `width` bytes each (4: IPv4, 16: IPv6), `conditions` a byte each, `places` an index into `zones`
    each. A column of one byte is the same for all. `hostnames` is empty where no endpoint has one, `hints` is
    None there.
    """

    ports: tuple[Port, ...]
    width: int
    addresses: bytes
    conditions: bytes
    zones: tuple[str, ...] = ("",)
    places: bytes = b"\0"
    hostnames: tuple[str, ...] = ()
    hints: Hints | None = None

    @property
    def count(self) -> int:
        """How many endpoints it has."""
        return len(self.addresses) // self.width

    def endpoints(self) -> Iterator[Endpoint]:
        """Its endpoints, in the order of their columns."""
        for address, hostname, conditions, place, hints in self.rows():
            yield Endpoint(address, conditions, self.zones[place], hostname, self.hinted(hints))

    def rows(self) -> Iterator[tuple[bytes, str, int, int, int]]:
        """Address, hostname and conditions of each endpoint, and the indices of its zone and of its hints."""
        width, count = self.width, self.count
        packed = self.addresses
        addresses = [packed[at : at + width] for at in range(0, len(packed), width)]
        held = (self.conditions, self.places, (self.hints or _NO_HINTS).places)
        conditions, places, hints = (column * count if len(column) == 1 else column for column in held)
        return zip(addresses, self.hostnames or repeat("", count), conditions, places, hints, strict=True)

    def hinted(self, at: int) -> tuple[str, ...]:
        """The zones of these hints."""
        return (self.hints or _NO_HINTS).zones[at]


_NO_HINTS: Final = Hints(((),), b"\0")


def pack(ports: tuple[Port, ...], endpoints: Iterable[Endpoint]) -> tuple[Slice, ...]:
    """These endpoints as slices, one for each family: those of one keep their order.

    Past the 256th zone of a slice (Kubernetes allows 1,000 endpoints in one) an endpoint counts as being in none.
    """
    families: dict[int, list[Endpoint]] = {}
    for endpoint in endpoints:
        families.setdefault(len(endpoint.address), []).append(endpoint)
    return tuple(_packed(ports, width, families[width]) for width in sorted(families))


def _packed(ports: tuple[Port, ...], width: int, endpoints: list[Endpoint]) -> Slice:
    zones = tuple(dict.fromkeys(each.zone for each in endpoints))
    if len(zones) > 256:
        zones = ("", *filter(None, zones[:256]))[:256]
    index = {zone: at for at, zone in enumerate(zones)}
    hostnames = tuple(each.hostname for each in endpoints)
    return Slice(
        ports,
        width,
        b"".join(each.address for each in endpoints),
        column(bytes(each.conditions for each in endpoints)),
        zones,
        column(bytes(index.get(each.zone, 0) for each in endpoints)),
        hostnames if any(hostnames) else (),
        packed_hints([each.hinted for each in endpoints]),
    )


def packed_hints(hinted: Sequence[tuple[str, ...]]) -> Hints | None:
    """The hints of endpoints in their order; None without any, or where there are more sets of zones than a byte tells.

    Then they are not obeyed, as if one of the endpoints had none.
    """
    sets = tuple(dict.fromkeys(hinted))
    if not any(sets) or len(sets) > 256:
        return None
    index = {each: at for at, each in enumerate(sets)}
    return Hints(sets, column(bytes([index[each] for each in hinted])))


def column(values: bytes) -> bytes:
    """A column of a slice: one byte where all are the same."""
    return values[:1] if values.count(values[:1]) == len(values) else values


class Export(Struct, frozen=True, array_like=True, gc=False):
    """What one member exports under one service name.

    `created` is the creation time of the ServiceExport (of the Service, where a label exports it) in Unix seconds;
    `traffic` is the Service's `trafficDistribution` as `traffic.KNOWN` has it, "" for none.
    `annotations` holds the Service's own `fedns.io/*` ones only, sorted by key, `namespace_annotations` those of its
    namespace in that member.
    """

    cluster: str
    namespace: str
    name: str
    created: int
    headless: bool
    ports: tuple[Port, ...] = ()
    cluster_ips: tuple[bytes, ...] = ()
    load_balancer_ips: tuple[bytes, ...] = ()
    cluster_set_ips: tuple[bytes, ...] = ()
    slices: tuple[Slice, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    load_balancer_names: tuple[str, ...] = ()
    namespace_annotations: tuple[tuple[str, str], ...] = ()
    traffic: str = ""

    @property
    def key(self) -> ServiceKey:
        """The service's (namespace, name)."""
        return (self.namespace, self.name)


class Conflict(Struct, frozen=True, array_like=True, gc=False):
    """A disagreement between members about one service (KEP-1645, conflict resolution)."""

    kind: str
    cluster: str
    message: str


class Service(Struct, frozen=True, dict=True):
    """One federated service: its exports in order of precedence (the first one wins), and what follows from them."""

    namespace: str
    name: str
    exports: tuple[Export, ...]
    headless: bool
    ports: tuple[Port, ...]
    conflicts: tuple[Conflict, ...] = ()

    @property
    def key(self) -> ServiceKey:
        """(namespace, name)."""
        return (self.namespace, self.name)

    @cached_property
    def memory(self) -> dict[Hashable, Any]:
        """What was worked out from this value, and is true for as long as it lives; no part of the value."""
        return {}
