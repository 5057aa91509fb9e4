"""What a loss would move, and whether the budget has room for it."""

from typing import Any

import pytest
from msgspec import structs

from fedns.federation.catalog import join
from fedns.federation.drains import drain
from fedns.federation.failover import Failover, allowed, loss, moves, near
from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.objects import READY, SERVING, Cluster, Endpoint, Export, Port, Service, pack
from fedns.federation.placement import Policy, Reason, World, place

CLUSTERS = {name: Cluster(name=name, region=name[:2], jurisdiction=name[:2]) for name in ("eu1", "eu2", "us1")}
WORLD = World(clusters=CLUSTERS, states=dict.fromkeys(CLUSTERS, Freshness.FRESH), local="eu1")
IN_EU1 = Location(cluster="eu1", region="eu", jurisdiction="eu", network="default")
ANYWHERE = Location(network="default")
IN_US = Location(region="us", jurisdiction="us", network="default")
PORTS = (Port("http", 80),)
CLOSED: dict[str, Any] = {"when_all_unhealthy": "closed"}
HALVES: dict[str, Any] = {"weights": {"eu1": 1, "us1": 1}}
IN_US_ONLY: dict[str, Any] = {"jurisdictions": ("us",)}
DRAINED: dict[str, Any] = {"drains": (drain("us1"),)}


def service(*clusters: str) -> Service:
    """A headless service with one ready pod in each of these."""
    pods = {name: pack(PORTS, [Endpoint(bytes((10, at, 0, 1)), READY | SERVING)]) for at, name in enumerate(clusters)}
    return join([Export(each, "shop", "web", 1, headless=True, ports=PORTS, slices=pods[each]) for each in pods], {})


@pytest.mark.parametrize(
    ("clusters", "lost", "places", "world", "policy", "expected"),
    [
        pytest.param(("eu2", "us1"), "eu2", (IN_EU1,), {}, {}, True, id="the nearest is lost"),
        pytest.param(("eu2", "us1"), "us1", (IN_EU1,), {}, {}, False, id="a farther one is lost"),
        pytest.param(("eu2", "us1"), "us1", (IN_EU1, IN_US), {}, {}, True, id="nearest to others"),
        pytest.param(("us1",), "us1", (IN_US,), {}, {}, False, id="nobody else has it"),
        pytest.param(("us1",), "us1", (IN_US,), {}, CLOSED, True, id="nobody may answer then"),
        pytest.param(("eu2", "us1"), "us1", (IN_US,), {}, IN_US_ONLY, False, id="the other is forbidden"),
        pytest.param(("eu2", "us1"), "us1", (IN_US,), DRAINED, {}, False, id="it is drained already"),
        pytest.param(("eu1", "us1"), "eu1", (IN_EU1,), {}, {}, False, id="the local one is kept"),
        pytest.param(("eu1", "us1"), "us1", (ANYWHERE,), {}, HALVES, True, id="a part is lost"),
    ],
)
def test_what_a_loss_moves(
    clusters: tuple[str, ...],
    lost: str,
    places: tuple[Location, ...],
    world: dict[str, Any],
    policy: dict[str, Any],
    expected: bool,
) -> None:
    """A service moves when clients somewhere are answered from other clusters than before."""
    made = loss(lost, structs.replace(WORLD, **world))
    assert moves(service(*clusters), made, Policy(**policy), places) is expected


def test_the_budget() -> None:
    """A share of all services, those of the window among them; whoever has moved already costs nothing again."""
    a, b, c = ("shop", "a"), ("shop", "b"), ("shop", "c")
    half = Failover(budget=0.5)
    assert allowed({a, b}, [], 4, half)
    assert not allowed({a, b, c}, [], 4, half)
    assert not allowed({a, b}, [{c}], 4, half)
    assert allowed({a, b}, [{a}, {b}], 4, half)
    assert allowed((), [], 0, Failover(budget=0.0))
    assert not allowed({a}, [], 4, Failover(budget=0.0))


def test_places_near_a_cluster_come_first() -> None:
    """Where a loss is seen first; none is left out."""
    in_us1 = Location(cluster="us1", region="us", jurisdiction="us")
    assert near([ANYWHERE, IN_EU1, IN_US, in_us1], "us1", WORLD) == [in_us1, IN_US, ANYWHERE, IN_EU1]


def test_a_held_member_answers_as_a_suspect_one() -> None:
    """It keeps its rung, and no constraint and no drain is any weaker for it."""
    held = structs.replace(WORLD, states={**WORLD.states, "eu2": Freshness.HELD})
    (group,) = place(service("eu2", "us1"), IN_EU1, held, Policy()).groups
    assert {each.cluster for each in group.candidates} == {"eu2"}
    forbidden = place(service("eu2", "us1"), IN_EU1, held, Policy(jurisdictions=("us",)))
    assert [each.reason for each in forbidden.left_out] == [Reason.JURISDICTION]
    drained = place(service("eu2", "us1"), IN_EU1, structs.replace(held, drains=(drain("eu2"),)), Policy())
    assert {each.cluster for each in drained.groups[0].candidates} == {"us1"}
