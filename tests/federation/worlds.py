"""Short ways to write members, exports and worlds in tests, and Hypothesis strategies for them."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fedns.federation.catalog import join
from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.migrations import Shift
from fedns.federation.objects import (
    READY,
    SERVING,
    TERMINATING,
    AddressKind,
    Cluster,
    Endpoint,
    Export,
    Port,
    Service,
    pack,
)
from fedns.federation.placement import Drain, Part, Policy, Rung, World

UP = READY | SERVING
LEAVING = SERVING | TERMINATING
DOWN = 0
HTTP = Port("http", 8080)

EU1 = Cluster(name="eu1", region="eu-west", jurisdiction="eu")
EU2 = Cluster(name="eu2", region="eu-west", jurisdiction="eu")
EU3 = Cluster(name="eu3", region="eu-north", jurisdiction="eu")
US1 = Cluster(name="us1", region="us-east", jurisdiction="us")
HERE = Location("eu1", "a", "eu-west", "eu", "default")
NAMES = ("eu1", "eu2", "eu3", "us1")


def pods(*conditions: int, start: int = 1, net: int = 0, zone: str = "a") -> tuple[Endpoint, ...]:
    """Endpoints 10.0.<net>.<start> and on, with these conditions."""
    return tuple(Endpoint(bytes((10, 0, net, start + at)), each, zone) for at, each in enumerate(conditions))


def export(cluster: str, *endpoints: Endpoint, headless: bool = True, **more: Any) -> Export:
    """What a member exports as shop/api: one slice with these endpoints."""
    given: dict[str, Any] = {"created": 1, "ports": (Port("http", 80),), **more}
    slices = pack((HTTP,), endpoints)
    return Export(cluster, "shop", "api", headless=headless, **{"slices": slices, **given})


def service(*exports: Export) -> Service:
    """The service that these exports make."""
    return join(exports, {})


def world(
    *clusters: Cluster, states: Mapping[str, Freshness] | None = None, local: str = "", demote: bool = False
) -> World:
    """These members (all four without any), fresh but for the states given."""
    members = {each.name: each for each in clusters or (EU1, EU2, EU3, US1)}
    fresh = dict.fromkeys(members, Freshness.FRESH)
    return World(
        clusters=members,
        states=fresh | dict(states or {}),
        local=local,
        local_when_stale="demote" if demote else "keep",
    )


def _subset(values: Iterable[str]) -> SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(sorted(values)), max_size=3, unique=True).map(tuple)


_numbers = st.integers(0, 5)
_zones = st.sampled_from(("", "a", "b"))
_v4 = st.integers(0, 9).map(lambda last: bytes((10, 0, 0, last)))
_addresses = st.one_of(_v4, st.integers(0, 4).map(lambda last: b"\xfd" + bytes(14) + bytes((last,))))
_hints = st.sampled_from(((), ("a",), ("a", "b")))
_endpoints = st.builds(Endpoint, _addresses, st.integers(0, 7), _zones, st.sampled_from(("", "pet-0")), _hints)
_ports = st.lists(st.builds(Port, st.sampled_from(("", "http", "dns")), _numbers), max_size=3).map(tuple)
_slices = st.builds(pack, _ports, st.lists(_endpoints, max_size=4))
_some = st.lists(_v4, max_size=2).map(tuple)

exports = st.builds(
    Export,
    st.sampled_from((*NAMES, "gone")),
    st.just("shop"),
    st.sampled_from(("api", "web")),
    _numbers,
    st.booleans(),
    _ports,
    _some,
    _some,
    _some,
    st.lists(_slices, max_size=2).map(lambda made: tuple(chain.from_iterable(made))),
    st.sampled_from(
        (
            (),
            (("fedns.io/addresses", "LoadBalancer, PodIP"),),
            (("fedns.io/jurisdictions", "eu"), ("fedns.io/whenAllUnhealthy", "closed")),
            (("fedns.io/jurisdictions", " us ,eu,"),),
        )
    ),
)
"""What some member exports under one of two names."""

_clusters = st.fixed_dictionaries(
    {
        name: st.builds(
            Cluster,
            name=st.just(name),
            region=st.sampled_from(("", "eu-west", "us-east")),
            jurisdiction=st.sampled_from(("", "eu", "us")),
            network=st.sampled_from(("", "default", "far")),
            addresses=st.lists(st.sampled_from(AddressKind), unique=True).map(tuple),
            cluster_ips_routable=st.booleans(),
            gateway_ips=_some,
            weight=st.sampled_from((0, 50, 100, -1)),
            capacity=st.sampled_from((0.0, 0.1, 1.0, 3.0, -1.0, float("inf"), float("nan"))),
            cost=st.sampled_from((0.5, 1.0, 2.0)),
        )
        for name in NAMES
    }
)
drains = st.lists(
    st.builds(Drain, cluster=st.sampled_from((*NAMES, "gone")), zone=_zones, force=st.booleans())
    | st.builds(
        Drain,
        cluster=st.sampled_from(NAMES),
        namespace=st.just("shop"),
        service=st.sampled_from(("api", "web")),
        force=st.booleans(),
    ),
    max_size=3,
).map(tuple)
"""What operators take out."""

worlds = st.builds(
    World,
    clusters=_clusters,
    states=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(Freshness)),
    local=st.sampled_from(("", *NAMES)),
    local_when_stale=st.sampled_from(("keep", "demote")),
    drains=st.just(()) | drains,
    shifts=st.lists(
        st.builds(
            Shift,
            namespace=st.just("shop"),
            service=st.sampled_from(("api", "web")),
            source=st.sampled_from(NAMES),
            target=st.sampled_from(NAMES),
            percent=st.sampled_from((0, 10, 33, 100)),
        ),
        max_size=2,
    ).map(tuple),
)
"""Members in any place and any state."""

policies = st.builds(
    Policy,
    ladder=st.lists(st.sampled_from(Rung), max_size=6).map(tuple),
    hints=st.sampled_from(("", "first", "only")),
    min_ready=st.sampled_from((0, 1, 3, -1, "0%", "50%", "33.3%", "nonsense")),
    spill=st.sampled_from(("proportional", "none")),
    jurisdictions=st.none() | _subset(("eu", "us")),
    weights=st.dictionaries(st.sampled_from((*NAMES, "nowhere")), st.sampled_from((0, 1, 3, -1)), max_size=3),
    when_all_unhealthy=st.sampled_from(("open", "closed")),
)
"""Policies, sensible or not."""

locations = st.builds(
    Location,
    st.sampled_from(("", *NAMES)),
    _zones,
    st.sampled_from(("", "eu-west", "us-east")),
    st.sampled_from(("", "eu", "us")),
    st.sampled_from(("", "default", "far")),
)
"""Clients anywhere."""

parts = st.none() | st.builds(
    Part,
    cluster=st.sampled_from(("", *NAMES)),
    region=st.sampled_from(("", "EU-West")),
    zone=_zones,
    port=st.sampled_from(("", "http")),
    protocol=st.sampled_from(("", "tcp")),
)
"""What names may ask for."""

services = st.lists(exports, min_size=1, max_size=5, unique_by=lambda each: each.cluster).map(
    lambda given: join(given, {})
)
"""Services of one to five members."""
