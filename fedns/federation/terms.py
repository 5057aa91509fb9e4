"""The words of placement, values only: policy and world go in, groups and reasons come out."""

from enum import StrEnum
from fractions import Fraction
from ipaddress import ip_address
from typing import Literal

from msgspec import Struct

from fedns.federation.drains import Drain
from fedns.federation.health import Freshness
from fedns.federation.hosts import host_label
from fedns.federation.migrations import Shift
from fedns.federation.objects import AddressKind, Cluster, Port


class Rung(StrEnum):
    """One step of the ladder."""

    ZONE = "zone"
    CLUSTER = "cluster"
    REGION = "region"
    JURISDICTION = "jurisdiction"
    ANY = "any"


class Tier(StrEnum):
    """How true a candidate is; the best tier that is not empty answers."""

    READY = "a"
    BACKUP = "b"
    TERMINATING = "c"
    STALE = "d"
    DRAINED = "e"
    EXPIRED = "f"
    UNREADY_ADDRESS = "g"


class Reason(StrEnum):
    """Why a candidate is in no group: the closed set that `_explain` and the status page print."""

    FARTHER = "farther"
    WORSE_TIER = "worse-tier"
    UNREADY = "unready"
    STALE = "stale"
    EXPIRED = "expired"
    UNREACHABLE_KIND = "unreachable-address"
    OTHER_KIND = "other-address-kind"
    JURISDICTION = "jurisdiction"
    NO_RUNG = "no-rung"
    BACKUP = "backup"
    DRAINED = "drained"
    FORCED = "drained-by-force"
    MIGRATED = "migrated"
    PART = "outside-asked-part"
    CLOSED = "policy-closed"


class Policy(Struct, frozen=True, kw_only=True):
    """How services are placed (configuration: one entry of `policies`; the first one whose `match` fits counts).

    With `from_service` the ladder is what the service itself asks for. Then `said` tells that, and `hints` whether
    those of its endpoints go before the zones that they are in ("first"), or are all that makes a zone near ("only").
    `min_ready` is a count, or a percent of a rung's own endpoints written as `"50%"`. `ttl` None is the zone's, and
    `ttl_limit` is the most of either that a service itself allows. `jurisdictions` None is anywhere, empty is nowhere.
    """

    namespaces: tuple[str, ...] = ("*",)
    services: tuple[str, ...] = ("*",)
    ladder: tuple[Rung, ...] = (Rung.ZONE, Rung.CLUSTER, Rung.REGION, Rung.JURISDICTION, Rung.ANY)
    from_service: bool = False
    hints: Literal["", "first", "only"] = ""
    said: str = ""
    min_ready: int | str = 1
    spill: Literal["proportional", "none"] = "proportional"
    jurisdictions: tuple[str, ...] | None = None
    weights: dict[str, int] = {}
    when_all_unhealthy: Literal["open", "closed"] = "open"
    ttl: int | None = None
    ttl_limit: int | None = None
    max_answers: int = 0
    large_answers: Literal["subset", "truncate"] = "subset"


class World(Struct, frozen=True, kw_only=True):
    """What `place` needs to know beside the service: members, how fresh each is, which is local, drains, migrations.

    `cut` are those whose data path fails: of the local one its API server may be all that is heard.
    """

    clusters: dict[str, Cluster]
    states: dict[str, Freshness]
    cut: frozenset[str] = frozenset()
    local: str = ""
    local_when_stale: Literal["keep", "demote"] = "keep"
    drains: tuple[Drain, ...] = ()
    shifts: tuple[Shift, ...] = ()


class Part(Struct, frozen=True, kw_only=True):
    """The part of the federation that a name asks for; an empty string asks for nothing, case does not matter.

    `port` and `protocol` are those of a `_port._proto` name: an address that does not have them is outside. With
    `addressed`, so is what has a name only.
    """

    cluster: str = ""
    region: str = ""
    zone: str = ""
    port: str = ""
    protocol: str = ""
    addressed: bool = False


class Candidate(Struct, frozen=True, gc=False):
    """One address that could be handed out.

    A cluster-level address (ClusterIP, LoadBalancer, Gateway) has no host and no zone of its own: `zones` are those in
    which its cluster has ready endpoints, `ready` and `total` the numbers of ready and of all endpoints there, and
    `conditions` those of the ready ones (where none is ready, of those that serve while they end). A pod address has
    its own zone, `ready` 0 or 1, and the `hostname` that its slice has for it, if any. `ports` are the numbers to use
    with this address, `hinted` the zones for which Kubernetes' hints mean it (for a cluster-level address, where all
    that are ready have some). A load balancer that has but a name in somebody else's DNS has no `address`: `hostname`
    is that name.
    """

    cluster: str
    kind: AddressKind
    address: bytes
    ready: int
    total: int
    conditions: int = 0
    zones: tuple[str, ...] = ()
    hostname: str = ""
    ports: tuple[Port, ...] = ()
    hinted: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The host label of a pod's own name, made when it is wanted; or the name that stands for an address."""
        return host_label(self.hostname, self.address) if self.kind == AddressKind.POD_IP else self.hostname

    @property
    def shown(self) -> str:
        """The address as text, or the name that stands for it."""
        return str(ip_address(self.address)) if self.address else self.host


Bunch = tuple[Candidate, ...]
"""Candidates of one member, one at least, that differ only in address and host, in the order of their addresses.

What is decided of the first of them holds for all: this is why a decision about many thousand pods is a short one.
"""


class Group(Struct, frozen=True):
    """Candidates that answer together, with their exact share of all responses."""

    candidates: tuple[Candidate, ...]
    share: Fraction
    rung: Rung
    tier: Tier


class LeftOut(Struct, frozen=True):
    """A bunch in no group, why, and where it would stand: its priority in SRV answers, None for never."""

    candidates: Bunch
    reason: Reason
    rung: Rung | None = None
    tier: Tier | None = None
    priority: int | None = None


class Placement(Struct, frozen=True):
    """The decision: the groups that answer (none: nobody may), and a reason for everybody else."""

    groups: tuple[Group, ...]
    left_out: tuple[LeftOut, ...]
