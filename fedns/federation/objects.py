"""What members export, as slim values: clusters, ports, endpoints, exports.

Kubernetes' own objects are turned into these at the edge and never travel further. The structs are frozen and outside
the garbage collector's rounds (`gc=False`: they hold no cycles), so that a million endpoints cost memory, not pauses.
Addresses are packed: 4 bytes (IPv4) or 16 (IPv6), in network order.
"""

from collections.abc import Hashable
from enum import StrEnum
from functools import cached_property
from typing import Any

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
    """A member as its owner configured it: where it is, and which of its addresses may be handed out."""

    name: str
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
    """One address of one endpoint of an EndpointSlice; `hostname` is empty where the slice names none."""

    address: bytes
    conditions: int
    zone: str = ""
    hostname: str = ""

    @property
    def ready(self) -> bool:
        """Whether Kubernetes says that it takes traffic."""
        return bool(self.conditions & READY)


class Slice(Struct, frozen=True, array_like=True, gc=False):
    """One EndpointSlice: endpoints that share the same port numbers."""

    name: str
    ports: tuple[Port, ...]
    endpoints: tuple[Endpoint, ...]


class Export(Struct, frozen=True, array_like=True, gc=False):
    """What one member exports under one service name.

    `created` is the creation time of the ServiceExport (of the Service, where a label exports it) in Unix seconds;
    `annotations` holds the Service's own `fedns.io/*` ones only, sorted by key.
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
