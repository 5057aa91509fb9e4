"""Distance, need and spill."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.ladder import Need, Position, divide, need, position, shares, sufficiency
from fedns.federation.locality import Location
from fedns.federation.objects import AddressKind, Cluster
from fedns.federation.placement import Candidate, Policy, Rung
from tests.federation.worlds import EU1, EU2, EU3, HERE, US1

LADDER = Policy().ladder
F = Fraction
BARE = Cluster(name="eu1")


def at(zone: str = "a", *, last: int = 1, ready: int = 1, cluster: str = "eu1", six: bool = False) -> Candidate:
    """One pod's address."""
    address = (bytes(12) if six else b"") + bytes((10, 0, 0, last))
    return Candidate(cluster, AddressKind.POD_IP, address, ready, 1, zones=(zone,))


@pytest.mark.parametrize(
    ("cluster", "zone", "location", "rung"),
    [
        pytest.param(EU1, "a", HERE, Rung.ZONE, id="zone"),
        pytest.param(EU2, "a", HERE, Rung.ZONE, id="the same zone in another cluster"),
        pytest.param(EU3, "a", HERE, Rung.JURISDICTION, id="a zone's name in another region is another zone"),
        pytest.param(EU1, "b", HERE, Rung.CLUSTER, id="cluster"),
        pytest.param(EU2, "b", HERE, Rung.REGION, id="region"),
        pytest.param(US1, "a", HERE, Rung.ANY, id="any"),
        pytest.param(BARE, "a", Location("eu1", "a"), Rung.ZONE, id="without regions the own cluster has zones"),
        pytest.param(Cluster(name="us1"), "a", Location("eu1", "a"), Rung.ANY, id="without regions others have none"),
        pytest.param(Cluster(name=""), "", Location(), Rung.ANY, id="what is not known never matches"),
    ],
)
def test_rungs(cluster: Cluster, zone: str, location: Location, rung: Rung) -> None:
    """A candidate stands on the first rung that it matches; a rung whose location value is unknown is skipped."""
    where = position(at(zone), location, cluster, LADDER)
    assert where is not None
    assert LADDER[where.step] == rung


def test_no_rung() -> None:
    """What matches no rung of the ladder stands nowhere."""
    assert position(at("b"), HERE, US1, (Rung.ZONE, Rung.REGION)) is None


def test_cost_cuts_the_far_rungs() -> None:
    """Only the jurisdiction and any rungs are cut by cost."""
    dear = structs.replace(EU3, cost=2.0)
    assert position(at(), HERE, dear, LADDER) == Position(3, 2.0)
    assert position(at(), HERE, structs.replace(EU1, cost=2.0), LADDER) == Position(0, 0.0)


@pytest.mark.parametrize(
    ("given_need", "expected"),
    [
        pytest.param(3, Need(F(3), relative=False), id="count"),
        pytest.param("3", Need(F(3), relative=False), id="count as text"),
        pytest.param("50%", Need(F(1, 2), relative=True), id="percent"),
        pytest.param("33.3%", Need(F(333, 1000), relative=True), id="not rounded"),
        pytest.param("all", Need(F(1), relative=False), id="nonsense"),
        pytest.param(-1, Need(F(1), relative=False), id="negative"),
    ],
)
def test_needs(given_need: int | str, expected: Need) -> None:
    """`minReady` is a count or a percent; what is neither counts as one."""
    assert need(given_need) == expected


@pytest.mark.parametrize(
    ("ready", "unready", "capacity", "min_ready", "expected"),
    [
        pytest.param(2, 3, 1.0, 5, F(2, 5), id="a count"),
        pytest.param(2, 3, 2.0, 5, F(4, 5), id="worth more"),
        pytest.param(5, 0, 1.0, 2, F(1), id="more than enough"),
        pytest.param(2, 2, 1.0, "100%", F(1, 2), id="a percent of its own"),
        pytest.param(1, 6, 1.0, "50%", F(2, 7), id="a percent is not rounded"),
        pytest.param(1, 3, 1.0, 0, F(1), id="no need"),
        pytest.param(1, 3, 0.0, 1, F(0), id="worth nothing"),
    ],
)
def test_sufficiency(ready: int, unready: int, capacity: float, min_ready: int | str, expected: Fraction) -> None:
    """A step suffices by the worth of its ready endpoints over what it needs."""
    good = [tuple(at(last=each) for each in range(ready))]
    bad = [(at(last=100 + each, ready=0),) for each in range(unready)]
    clusters = {"eu1": structs.replace(EU1, capacity=capacity)}
    assert sufficiency(good, [*good, *bad], clusters, need(min_ready)) == expected


def test_pods_are_counted_not_addresses() -> None:
    """A dual-stack pod is one endpoint, and so is everything behind two addresses of one cluster."""
    both = [(at(),), (at(six=True),), (at(cluster="us1"),)]
    clusters = {"eu1": EU1, "us1": US1}
    assert sufficiency(both, both, clusters, need(4)) == F(2, 4)
    pair = [Candidate("eu1", AddressKind.LOAD_BALANCER, bytes((192, 0, 2, each)), 3, 4) for each in range(2)]
    balancers = [tuple(pair)]
    assert sufficiency(balancers, balancers, clusters, need(6)) == F(3, 6)
    assert sufficiency(balancers, balancers, clusters, need("100%")) == F(3, 4)


@pytest.mark.parametrize(
    ("given_parts", "spill", "expected"),
    [
        pytest.param([F(2, 5), F(1, 5), F(1)], "proportional", [F(2, 5), F(1, 5), F(2, 5)], id="spills to the far"),
        pytest.param([F(1, 5)] * 3, "proportional", [F(1, 3)] * 3, id="scaled up"),
        pytest.param([F(1), F(1)], "proportional", [F(1), F(0)], id="the near suffices"),
        pytest.param([F(0), F(0)], "proportional", [F(1), F(0)], id="none is worth anything"),
        pytest.param([F(0), F(1, 2)], "proportional", [F(0), F(1)], id="only the far is worth anything"),
        pytest.param([F(2, 5), F(1), F(1)], "none", [F(0), F(1), F(0)], id="no spill: the first that suffices"),
        pytest.param([F(2, 5), F(1, 5)], "none", [F(1), F(0)], id="no spill: the first"),
        pytest.param([], "proportional", [], id="nobody"),
        pytest.param([], "none", [], id="nobody without spill"),
    ],
)
def test_shares(given_parts: list[Fraction], spill: str, expected: list[Fraction]) -> None:
    """Each step takes what it suffices for of what is left, and what is left in the end scales all up."""
    assert shares(given_parts, spill) == expected


@given(
    st.lists(st.fractions(0, 1, max_denominator=1000), min_size=1, max_size=8),
    st.sampled_from(("proportional", "none")),
)
def test_shares_are_whole(given_parts: list[Fraction], spill: str) -> None:
    """The shares of any steps are exact, never negative, and sum to 1."""
    taken = shares(given_parts, spill)
    assert sum(taken) == 1
    assert min(taken) >= 0
    assert len(taken) == len(given_parts)


@pytest.mark.parametrize(
    ("weights", "always", "expected"),
    [
        pytest.param({"eu1": 3, "us1": 1}, False, {"eu1": F(3, 8), "us1": F(1, 8)}, id="different"),
        pytest.param({"eu1": 1, "us1": 1}, True, {"eu1": F(1, 4), "us1": F(1, 4)}, id="equal, a policy's"),
        pytest.param({"eu1": 1, "us1": 1}, False, {}, id="equal, their own"),
        pytest.param({"eu1": 0, "us1": 0}, True, {}, id="backups"),
    ],
)
def test_weights_divide(weights: dict[str, int], always: bool, expected: dict[str, Fraction]) -> None:
    """Weights divide a step's share among its clusters; equal ones of the clusters themselves, and backups, do not."""
    assert divide(F(1, 2), ["us1", "eu1", "eu1"], weights, always=always) == expected
