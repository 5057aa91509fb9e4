"""A federation with services of every kind, as many as wanted and the same in every run, as a worker is told of it."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import count
from random import Random
from typing import Final

from fedns.answers.rules import Rules, Zone
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker
from fedns.federation.health import Freshness, Status, Timers
from fedns.federation.locality import Location
from fedns.federation.objects import READY, SERVING, AddressKind, Cluster, Endpoint, Export, Port, pack
from fedns.federation.placement import Policy

SHARED: Final = "shared"
"""The namespace whose services two clusters share by weight."""
LARGE: Final = 300
"""Endpoints of the largest service."""
PLACES: Final = {"eu1": ("eu-a", "eu-b"), "eu2": ("eu-a", "eu-c"), "us1": ("us-a",), "c1.fleet": ("us-b",)}
HERE: Final = Location(cluster="eu1", zone="eu-a")
ZONES: Final = (
    Zone(name="clusterset.local", kind="clusterset"),
    Zone(name="example.com", kind="federation", federation="myfed", ttl=20, negative_ttl=7),
    Zone(name="10.in-addr.arpa", kind="reverse"),
    Zone(name="0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", kind="reverse"),
)
PORTS: Final = (
    (Port("http", 80),),
    (Port("http", 80), Port("metrics", 9090)),
    (Port("dns", 53, "UDP"), Port("dns-tcp", 53)),
    (Port("", 8080),),
    (),
    (Port("Grpc", 9000), Port("", 9001)),
)
RULES: Final = Rules(
    zones=ZONES,
    clusters=tuple(
        Cluster(
            name=name,
            region=places[0][:2],
            cluster_ips_routable=name != "us1",
            addresses=tuple(AddressKind),
        )
        for name, places in PLACES.items()
    ),
    local=HERE,
    policies=(Policy(namespaces=(SHARED,), weights={"eu1": 1, "us1": 2}),),
    timers=Timers(suspect_after=3600.0, stale_after=3600.0, expire_after=7200.0),
)


def exports(services: int) -> Iterator[Export]:
    """What all members export: names, families, ports, hosts and readiness in many mixtures, and one large service."""
    chance, numbers = Random(5), count(1)
    for at in range(services):
        namespace = SHARED if at % 70 == 0 else f"ns-{at % 40}"
        members = chance.sample(sorted(PLACES), 1 + at % 3)
        if namespace == SHARED:
            members = ["eu1", "us1"]
        for each in members:
            yield _export(chance, numbers, each, namespace, at)
    pods = tuple(
        Endpoint(ip_address(f"10.200.{at >> 8}.{at & 255}").packed, READY | SERVING, "eu-a") for at in range(LARGE)
    )
    yield Export("eu1", "ns-1", "large", 1, headless=True, ports=PORTS[0], slices=pack(PORTS[0], pods))


def messages(services: int, now: float) -> Iterator[ToWorker]:
    """All that a worker is told; the members are fresh at `now` and for an hour."""
    yield NewRules(RULES)
    yield Members(
        tuple(
            Status(cluster=name, joined=now, state=Freshness.FRESH, since=now, synced=True, alive=now, readable=now)
            for name in PLACES
        )
    )
    everything = list(exports(services))
    for name in PLACES:
        yield Replace(name, tuple(each for each in everything if each.cluster == name), first=True, last=True)
    yield Generation("differential", 1, 2024)


def _export(chance: Random, numbers: Iterator[int], cluster: str, namespace: str, at: int) -> Export:
    headless = at % 2 == 0
    families = ((4,), (4, 16), (16,))[at // 2 % 3]
    ports = PORTS[at // 6 % len(PORTS)]
    pods = []
    for pod in range(chance.choice((0, 1, 1, 2, 3, 6)) if namespace != SHARED else 2):
        number = next(numbers)
        ready = READY | SERVING if chance.random() < 0.9 or namespace == SHARED else 0
        host = f"pet-{pod // 2}" if at % 5 == 0 else ""
        zone = chance.choice((*PLACES[cluster], ""))
        pods += [Endpoint(_address(width, number), ready, zone, host) for width in families]
    addresses = tuple(_address(width, next(numbers)) for width in families)
    kind = at // 12 % 4
    return Export(
        cluster,
        namespace,
        f"svc-{at}",
        created=at,
        headless=headless,
        ports=ports,
        cluster_ips=() if headless or kind == 3 else addresses,
        load_balancer_ips=addresses if kind == 1 and not headless else (),
        cluster_set_ips=addresses if kind == 2 and not headless else (),
        slices=pack(ports, pods),
    )


def _address(width: int, number: int) -> bytes:
    if width == 4:
        return bytes((10, number >> 16, number >> 8 & 255, number & 255))
    return b"\xfd" + bytes(11) + number.to_bytes(4)
