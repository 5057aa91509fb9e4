"""What a worker needs of the configuration, as plain values that cross the socket from the control process.

It knows nothing of files, YAML or Kubernetes: the settings turn into these values, and answers are made by them.
"""

from typing import Literal

from msgspec import Struct

from fedns.answers.tallies import Tally
from fedns.federation.failover import Failover
from fedns.federation.health import Freshness, Timers
from fedns.federation.isolation import Isolation
from fedns.federation.locality import ClientRule, Location
from fedns.federation.migrations import Shift
from fedns.federation.objects import Cluster
from fedns.federation.placement import Drain, Policy


class Zone(Struct, frozen=True, kw_only=True):
    """One zone that is served; times in seconds; services lie under the label `federation`.

    A `clusterset` zone follows the Multi-Cluster Services DNS specification and nothing else. Federation zones of one
    name are one zone of DNS, with a label for each federation; the first of them says what stands at the apex. A
    `reverse` zone, under in-addr.arpa or ip6.arpa, holds the names of addresses. An `old` zone
    (`myfed.svc.cluster.local`) holds in-cluster names as federation v1 had them, and leads to the zone of the same
    label.
    """

    name: str
    kind: Literal["clusterset", "federation", "reverse", "old"]
    federation: str = ""
    ttl: int = 5
    negative_ttl: int = 5


class RateLimit(Struct, frozen=True, kw_only=True):
    """How many UDP responses a second one prefix of clients gets; `exempt` are CIDRs without a limit.

    One in `slip` of those that are too many is answered with TC (0: none). `window`, in seconds, is how much debt at
    most is remembered.
    """

    responses_per_second: int = 200
    slip: int = 2
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56
    window: float = 15.0
    exempt: tuple[str, ...] = ()


class QueryLog(Struct, frozen=True, kw_only=True):
    """One line for one in `sample` queries, of all or of those that failed (any response code but NOERROR)."""

    sample: int = 1
    only: Literal["all", "failures"] = "all"
    format: Literal["text", "json"] = "text"


class Dnstap(Struct, frozen=True, kw_only=True):
    """dnstap to the collector at a Unix socket, for one in `sample` exchanges, as the query log.

    `identity` is the name of this server in it.
    """

    socket: str
    identity: str = ""
    sample: int = 1
    only: Literal["all", "failures"] = "all"


class Rules(Struct, frozen=True, kw_only=True):
    """The settings that decide answers; `allow`, `diagnostics` and `ecs_from` are CIDRs, `nsid` names this server.

    `advertise` are its addresses as zones name them, packed.

    `cookie_secrets` make and check DNS cookies, the first one makes them; without any, each server has its own.
    `forced` says how fresh the operator takes a cluster for, whatever is known of it. `tallies` are the rows that count
    the answers of drains and migrations.
    """

    zones: tuple[Zone, ...]
    clusters: tuple[Cluster, ...] = ()
    local: Location = Location()
    local_when_stale: Literal["keep", "demote"] = "keep"
    clients: tuple[ClientRule, ...] = ()
    policies: tuple[Policy, ...] = ()
    drains: tuple[Drain, ...] = ()
    shifts: tuple[Shift, ...] = ()
    tallies: tuple[Tally, ...] = ()
    timers: Timers = Timers()
    isolation: Isolation = Isolation()
    failover: Failover = Failover()
    forced: dict[str, Freshness] = {}
    allow: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    diagnostics: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    nsid: str = ""
    advertise: tuple[bytes, ...] = ()
    ecs_from: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None
    cookies: bool = True
    cookie_secrets: tuple[bytes, ...] = ()
    query_log: QueryLog | None = None
    dnstap: Dnstap | None = None
