"""The federations of the tables, as objects of their members: a calm one, one with lost members, one that starts.

Clients ask from addresses of loopback: 127.0.0.1 is a pod in eu1, .2 one in us1, .3 a stranger, .4 one in hub, and .9
may not ask.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from fedns.answers.replica import Replica
from fedns.answers.rules import Rules, Zone
from fedns.federation.health import Freshness
from fedns.federation.locality import ClientRule, Location
from fedns.federation.objects import AddressKind, Cluster
from fedns.federation.placement import Policy
from fedns.settings.build import IMPORTED
from tests.names import beds
from tests.names.objects import MIRRORED, Json, export, exports, imported, imported_slices, point, service, slices, told

EU, US, STRANGER, HUB, REFUSED = (f"127.0.0.{last}" for last in (1, 2, 3, 4, 9))
KINDS: Final = (AddressKind.CLUSTER_IP, AddressKind.LOAD_BALANCER)
CLUSTERS: Final = (
    Cluster(name="eu1", region="eu", jurisdiction="eu", addresses=KINDS),
    Cluster(name="us1", region="us", jurisdiction="us", addresses=KINDS),
    Cluster(name="c1.fleet", region="us", jurisdiction="us", addresses=KINDS),
    Cluster(name="hub", region="ap", jurisdiction="ap", addresses=IMPORTED),
    Cluster(name="ap1", via="hub", region="ap", jurisdiction="ap", network="ap", addresses=IMPORTED),
)
ZONES: Final = (
    Zone(name="clusterset.local", kind="clusterset"),
    Zone(name="example.com", kind="federation", federation="myfed", ttl=20, negative_ttl=7),
    Zone(name="example.com", kind="federation", federation="otherfed", ttl=30, negative_ttl=7),
    Zone(name="10.in-addr.arpa", kind="reverse", federation="myfed", ttl=20, negative_ttl=7),
    Zone(name="d.f.ip6.arpa", kind="reverse", federation="myfed", ttl=20, negative_ttl=7),
    Zone(name="myfed.svc.cluster.local", kind="old", federation="myfed", ttl=20, negative_ttl=7),
)
RULES: Final = Rules(
    zones=ZONES,
    clusters=CLUSTERS,
    local=Location(cluster="eu1", zone="eu-a"),
    clients=(
        ClientRule(cidrs=(f"{US}/32",), cluster="us1", zone="us-a"),
        ClientRule(cidrs=(f"{STRANGER}/32",), network="elsewhere"),
        ClientRule(cidrs=(f"{HUB}/32",), cluster="hub"),
    ),
    policies=(
        Policy(services=("law",), jurisdictions=("eu",)),
        Policy(services=("strict",), when_all_unhealthy="closed"),
        Policy(services=("short",), min_ready=2),
    ),
    timers=beds.TIMERS,
    allow=("127.0.0.0/29",),
    advertise=(bytes([192, 0, 2, 53]), bytes(15) + b"\x35"),
    diagnostics=(f"{EU}/32", f"{US}/32"),
)


def eu1() -> list[Json]:
    """A member with something of everything."""
    names = ("web", "hello", "plain", "many", "db", "idle", "asleep", "short", "manual", "mirrored", "early")
    return [
        *map(export, (*names, "shapes", "long", "both", "outside", "fqdn", "strict", "leaving", "kind")),
        service("web", "http:80", "https:443", ips=["10.96.0.1", "fd00:96::1"], lb=["203.0.113.1"]),
        *slices("web", point("10.1.1.1", zone="eu-a"), point("10.1.1.2", zone="eu-b"), ports=["http:8080"]),
        service("hello", "tcp:42", "udp:42/UDP", ips=["10.96.0.3"]),
        *slices("hello", point("10.1.2.1"), ports=["tcp:42", "udp:42/UDP"]),
        service("plain", ":80", ips=["10.96.0.4"]),
        *slices("plain", point("10.1.3.1"), ports=[":80"]),
        service("many", "http:80"),
        *slices("many", *(point(f"10.1.100.{last}", zone="eu-a") for last in range(100)), ports=["http:80"]),
        service("db", "mysql:3306", ":9"),
        *slices(
            "db",
            point("10.1.0.1", "pet-0", "eu-a"),
            point("10.1.0.2", zone="eu-b"),
            point("10.1.0.9", "pet-9", "eu-a", ready=False),
            point("fd00:1::1", "pet-0", "eu-a"),
            ports=["mysql:3306", ":9"],
        ),
        service("idle", "mysql:3306"),
        *slices("idle", point("10.1.4.1", "pet-0", ready=False), ports=["mysql:3306"]),
        service("asleep", "http:80", ips=["10.96.0.5"], lb=["203.0.113.5"]),
        *slices("asleep", point("10.1.5.1", ready=False), ports=["http:80"]),
        service("short", "http:80"),
        *slices("short", point("10.1.6.1", zone="eu-a"), ports=["http:80"]),
        # No selector: whoever made the Service also made its slices, with any manager or none.
        service("manual", "http:80"),
        *slices("manual", point("192.0.2.10", "far"), ports=["http:80"], manager="by-hand"),
        service("mirrored", "http:80"),
        *slices("mirrored", point("192.0.2.11"), ports=["http:80"], manager=MIRRORED),
        # The endpoints controller says ready of what publishNotReadyAddresses publishes.
        service("early", "http:80", publishNotReadyAddresses=True),
        *slices("early", point("10.1.7.1", "pet-0", ready=True, serving=False), ports=["http:80"]),
        service("shapes", "http:80"),
        *slices(
            "shapes",
            point("2001:db8::"),
            point("5678:ABCD:0:0::1"),
            point("2001:db8::7", "same"),
            point("2001:db8::8", "same"),
            ports=["http:80"],
        ),
        service("both", "http:80", ips=["fd00:96::9", "10.96.0.9"]),
        *slices("both", point("10.1.8.1"), point("fd00:1::8"), ports=["http:80"]),
        service("outside", "http:80", type="ExternalName", externalName="example.net", clusterIP=None, clusterIPs=None),
        service("fqdn", "http:80"),
        *[each | {"addressType": "FQDN"} for each in slices("fqdn", point("a.example.net"), ports=["http:80"])],
        service("strict", "http:80"),
        service("leaving", "http:80"),
        *slices("leaving", point("10.1.9.1", ready=False, serving=True, terminating=True), ports=["http:80"]),
        service("long", "http:80"),
        *slices("long", point("10.1.11.1", "l" * 64), point("10.1.11.2", "fits"), ports=["http:80"]),
        service("kind", "http:80", ips=["10.96.0.7"]),
        *slices("kind", point("10.1.12.1"), ports=["http:80"]),
        service("hidden", "http:80", ips=["10.96.0.6"]),
        *slices("hidden", point("10.1.10.1"), ports=["http:80"]),
    ]


def us1() -> list[Json]:
    """A member that shares some services, and came later."""
    return [
        *(export(name, 2) for name in ("web", "db", "law", "short", "strict", "leaving", "late", "kind")),
        service("web", "http:80", "admin:81", ips=["10.96.0.2"], lb=["203.0.113.2"]),
        *slices("web", point("10.2.1.1", zone="us-a"), ports=["http:8080", "admin:81"]),
        service("db", "mysql:3306", "extra:3307"),
        *slices("db", point("10.2.0.1", "pet-0", "us-a"), ports=["mysql:3306", "extra:3307"]),
        service("law", "http:80"),
        *slices("law", point("10.2.2.1", "pet-0"), ports=["http:80"]),
        service("short", "http:80"),
        *slices("short", point("10.2.6.1", zone="us-a"), ports=["http:80"]),
        service("strict", "http:80"),
        *slices("strict", point("10.2.3.1", "pet-0"), ports=["http:80"]),
        service("kind", "http:80"),
        *slices("kind", point("10.2.12.1", "pet-0"), ports=["http:80"]),
        service("late", "http:80"),
        *slices("late", point("10.2.10.1", zone="us-a"), ports=["http:80"]),
        service("leaving", "http:80"),
        *slices("leaving", point("10.2.9.1", ready=False, serving=True, terminating=True), ports=["http:80"]),
    ]


def fleet() -> list[Json]:
    """A member with a dotted name."""
    made = service("db", "mysql:3306")
    return [export("db", 3), made, *slices("db", point("10.3.0.1", "pet-0", "us-b"), ports=["mysql:3306"])]


def hub() -> list[Json]:
    """Services that another implementation has imported: one with addresses of the clusterset, one headless."""
    return [
        imported("set", "http:80", ips=["10.42.42.42", "fd00:42::42"]),
        *imported_slices("set", "ap1", point("10.4.1.1"), ports=["http:8080"]),
        imported("far", "http:80"),
        *imported_slices("far", "hub", point("10.4.2.1", "pet-0"), ports=["http:80"]),
        imported("alone", "http:80", ips=["10.42.42.43"]),
    ]


def federation(**states: Freshness) -> Replica:
    """All members, in these states; what was never read has told nothing."""
    names = {"eu1": eu1, "us1": us1, "c1.fleet": fleet}
    held = {name: exports(name, made()) for name, made in names.items()} | told("hub", hub())
    known = {name: own for name, own in held.items() if states.get(name) is not Freshness.SYNCING}
    return beds.replica(RULES, known, states)


WORLDS: Final[dict[str, Callable[[], Replica]]] = {
    "calm": cache(federation),
    "lost": cache(lambda: federation(us1=Freshness.STALE, **{"c1.fleet": Freshness.EXPIRED})),
    "start": cache(lambda: federation(us1=Freshness.SYNCING)),
}
