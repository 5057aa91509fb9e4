"""Placement by tables: spill over three rungs, thresholds at their edges, weights, cost, failover and failback."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.objects import Cluster, Export, Service
from fedns.federation.placement import Placement, Policy, World, place
from tests.federation.worlds import DOWN, EU1, EU2, EU3, HERE, UP, US1, export, pods, policies, service, world

F = Fraction
RUNGS = ("eu1", "eu2", "us1")
"""The client's own cluster, one of its region, and one anywhere."""
ANYWHERE = Location(region="moon", network="default")


def at(cluster: str, ready: int, unready: int = 0) -> Export:
    """So many ready and unready pods of a cluster, in a zone that no client is in."""
    net = ("eu1", "eu2", "eu3", "us1").index(cluster)
    return export(cluster, *pods(*[UP] * ready, *[DOWN] * unready, net=net, zone="z"))


def shares(decision: Placement) -> dict[str, Fraction]:
    """The share of each group, by its clusters."""
    return {"+".join(sorted({each.cluster for each in group.candidates})): group.share for group in decision.groups}


def three(*ready: int) -> Service:
    """A service with so many ready pods on each rung."""
    return service(*(at(name, count) for name, count in zip(RUNGS, ready, strict=True)))


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        ((0, 0, 0), ()),
        ((0, 0, 1), (0, 0, 1)),
        ((0, 1, 0), (0, 1, 0)),
        ((1, 0, 0), (1, 0, 0)),
        ((1, 1, 1), (F(1, 3), F(1, 3), F(1, 3))),
        ((2, 0, 0), (1, 0, 0)),
        ((2, 1, 10), (F(2, 5), F(1, 5), F(2, 5))),
        ((2, 2, 0), (F(1, 2), F(1, 2), 0)),
        ((2, 2, 1), (F(2, 5), F(2, 5), F(1, 5))),
        ((2, 5, 10), (F(2, 5), F(3, 5), 0)),
        ((0, 2, 5), (0, F(2, 5), F(3, 5))),
        ((5, 1, 1), (1, 0, 0)),
        ((10, 5, 2), (1, 0, 0)),
    ],
)
def test_spill(ready: tuple[int, ...], expected: tuple[Fraction, ...]) -> None:
    """With five wanted, each rung takes its fifths of what is left; what nobody takes is scaled up."""
    told = shares(place(three(*ready), HERE, world(), Policy(min_ready=5)))
    assert told == {name: share for name, share in zip(RUNGS, expected, strict=False) if share}


def documented() -> list[list[str]]:
    """The rows of the table of docs/placement.md."""
    text = (Path(__file__).parents[2] / "docs/placement.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([0-9][0-9/ |]*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


@pytest.mark.parametrize("row", documented(), ids=" ".join)
def test_spill_as_documented(row: list[str]) -> None:
    """What operators read is what is decided."""
    told = shares(place(three(*map(int, row[:3])), HERE, world(), Policy(min_ready=5)))
    assert [told.get(name, F(0)) for name in RUNGS] == [F(each) for each in row[3:]]


def test_some_is_documented() -> None:
    """The table is found."""
    assert len(documented()) == 5


@pytest.mark.parametrize(
    ("ready", "unready", "needed", "near"),
    [
        pytest.param(0, 4, 1, F(0), id="4 of 4 unready"),
        pytest.param(1, 3, "20%", F(1), id="1 of 4 at 20 %"),
        pytest.param(1, 3, "25%", F(1), id="1 of 4 at 25 %, the edge"),
        pytest.param(1, 3, "26%", F(100, 104), id="1 of 4 at 26 %"),
        pytest.param(1, 3, "50%", F(1, 2), id="1 of 4 at 50 %"),
        pytest.param(2, 2, "50%", F(1), id="2 of 4 at 50 %, the edge"),
        pytest.param(3, 1, "100%", F(3, 4), id="3 of 4 at 100 %"),
        pytest.param(4, 0, "100%", F(1), id="all at 100 %"),
    ],
)
def test_percents_at_their_edges(ready: int, unready: int, needed: int | str, near: Fraction) -> None:
    """The need is a part of the rung's own endpoints, ready or not, and is not rounded."""
    given_service = service(at("eu1", ready, unready), at("us1", 4))
    told = shares(place(given_service, HERE, world(), Policy(min_ready=needed)))
    assert told == {name: share for name, share in (("eu1", near), ("us1", 1 - near)) if share}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"eu1": 35, "eu2": 50, "us1": 15}, {"eu1": F(35, 100), "eu2": F(1, 2), "us1": F(15, 100)}),
        ({"eu1": 1, "eu2": 0, "us1": 0}, {"eu1": F(1)}),
        ({"eu1": 1, "eu2": 1, "us1": 1}, {"eu1": F(1, 3), "eu2": F(1, 3), "us1": F(1, 3)}),
    ],
)
def test_weights(weights: dict[str, int], expected: dict[str, Fraction]) -> None:
    """Inside one rung they are the shares, whatever the numbers of pods."""
    assert shares(place(three(3, 1, 7), ANYWHERE, world(), Policy(weights=weights))) == expected


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        ((4, 4, 4), {"eu1": F(1)}),
        ((2, 4, 4), {"eu1": F(1, 2), "eu2": F(1, 2)}),
        ((2, 1, 4), {"eu1": F(1, 2), "eu2": F(1, 2)}),
        ((1, 1, 4), {"eu1": F(1, 4), "eu2": F(1, 2), "us1": F(1, 4)}),
        ((0, 0, 1), {"us1": F(1)}),
    ],
)
def test_cost_and_capacity(ready: tuple[int, ...], expected: dict[str, Fraction]) -> None:
    """Cheap clusters first, each by what it is worth: a pod of eu2 counts twice; the dear one takes the rest."""
    members: tuple[Cluster, ...] = (
        structs.replace(EU1, cost=1.0),
        structs.replace(EU2, cost=2.0, capacity=2.0),
        structs.replace(US1, cost=9.0),
    )
    policy = Policy(min_ready=4, ladder=Policy().ladder[-1:])
    assert shares(place(three(*ready), ANYWHERE, world(*members), policy)) == expected


@pytest.mark.parametrize(
    ("down", "seen_from_eu1", "seen_from_us1"),
    [
        pytest.param((), {"eu1"}, {"eu1"}, id="primary up"),
        pytest.param(("eu1",), {"eu1"}, {"us1"}, id="primary down: its own replica keeps it"),
        pytest.param(("us1",), {"eu1"}, {"eu1"}, id="backup down"),
        pytest.param(("eu1", "us1"), {"eu1"}, {"us1"}, id="both down: each keeps its own"),
        pytest.param((), {"eu1"}, {"eu1"}, id="back"),
    ],
)
def test_failover_and_failback(down: tuple[str, ...], seen_from_eu1: set[str], seen_from_us1: set[str]) -> None:
    """Two replicas, each local to one cluster: who is lost gives way to the backup, and comes back with it."""
    policy = Policy(weights={"eu1": 1, "us1": 0})
    given_service = service(at("eu1", 2), at("us1", 2))
    states = dict.fromkeys(down, Freshness.STALE)
    for local, expected in (("eu1", seen_from_eu1), ("us1", seen_from_us1)):
        seen = place(given_service, ANYWHERE, world(states=states, local=local), policy)
        assert {each.cluster for group in seen.groups for each in group.candidates} == expected


@given(
    ready=st.tuples(*[st.integers(0, 6)] * 3),
    unready=st.tuples(*[st.integers(0, 3)] * 3),
    grown=st.integers(0, 2),
    policy=st.builds(
        Policy, min_ready=st.sampled_from((1, 2, 5, "30%", "100%")), spill=st.sampled_from(("proportional", "none"))
    ),
)
def test_one_more_ready_endpoint_never_lowers_its_rung(
    ready: tuple[int, ...], unready: tuple[int, ...], grown: int, policy: Policy
) -> None:
    """Whatever the others have."""

    def share(more: int) -> Any:
        counts = [count + more * (rung == grown) for rung, count in enumerate(ready)]
        given_service = service(*(at(name, *pair) for name, *pair in zip(RUNGS, counts, unready, strict=True)))
        return shares(place(given_service, HERE, world(), policy)).get(RUNGS[grown], F(0))

    assert share(1) >= share(0)


@given(policy=policies, ready=st.tuples(*[st.integers(0, 3)] * 3))
def test_the_same_question_has_the_same_answer(policy: Policy, ready: tuple[int, ...]) -> None:
    """Deciding leaves nothing behind that changes the next decision."""
    given_service, everything = three(*ready), world(EU1, EU2, EU3, US1)
    first = place(given_service, HERE, everything, policy)
    assert place(given_service, HERE, everything, policy) == first
    assert isinstance(everything, World)
