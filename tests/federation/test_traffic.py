"""Ladders that services ask for: what trafficDistribution and hints mean, over one cluster and over many."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fedns.federation import traffic
from fedns.federation.locality import Location
from fedns.federation.objects import Endpoint, Export, Service
from fedns.federation.placement import Policy, Rung, place, policy_for
from tests.federation.worlds import DOWN, EU1, EU2, HERE, UP, export, service, world

ASKED = Policy(from_service=True)
NEAR = (Rung.ZONE, Rung.CLUSTER, Rung.REGION, Rung.JURISDICTION, Rung.ANY)
A, B, C = ((zone,) for zone in "abc")
CIP = b"\x0a\x60\0\1"


def table(heading: str) -> list[list[list[str]]]:
    """The words in back quotes of each cell, of a table of docs/placement.md that begins with this heading."""
    text = (Path(__file__).parents[2] / "docs/placement.md").read_text(encoding="utf-8")
    rows = text.partition(f"| {heading} |")[2].split("\n\n", 1)[0].splitlines()[2:]
    return [[re.findall(r"`([^`]+)`", cell) for cell in row.split("|")[1:-1]] for row in rows]


def pod(last: int, zone: str, hinted: tuple[str, ...] = (), conditions: int = UP) -> Endpoint:
    """An endpoint of eu1."""
    return Endpoint(bytes((10, 0, 0, last)), conditions, zone, "", hinted)


def told(*endpoints: Endpoint, said: str = "", **more: Any) -> Export:
    """What eu1 exports."""
    return export("eu1", *endpoints, traffic=traffic.KNOWN.get(said, ""), **more)


def answering(found: Service, location: Location = HERE, policy: Policy = ASKED) -> dict[str, Rung]:
    """The zone or cluster of whoever answers, with the rung."""
    decision = place(found, location, world(EU1, EU2), policy_for(found, [policy]))
    return {",".join(each.zones) or each.cluster: group.rung for group in decision.groups for each in group.candidates}


@pytest.mark.parametrize(("words", "ladder"), table("`trafficDistribution` | ladder"))
def test_what_a_service_says(words: list[str], ladder: list[str]) -> None:
    """The table of the document, row by row."""
    (said,) = words or ["a word of some implementation"]
    policy = policy_for(service(told(pod(1, "a"), said=said)), [ASKED])
    assert ", ".join(policy.ladder) == ladder[0]
    assert policy.said == f"trafficDistribution={traffic.KNOWN.get(said, 'none')} export=eu1 hints=no"


@pytest.mark.parametrize(("one", "two", "said", "who"), table("hints of the one in `a` | hints of the one in `b`"))
def test_hints(one: list[str], two: list[str], said: list[str], who: list[str]) -> None:
    """The table of the document, row by row: pods and, the same, the address of their cluster."""
    points = pod(1, "a", tuple(one)), pod(2, "b", tuple(two))
    found = answering(service(told(*points, said="".join(said))))
    assert sorted(found) == sorted(who)
    near = bool(said) or (one, two) == (["b"], ["a"])
    assert set(found.values()) == {Rung.ZONE if near else Rung.CLUSTER}
    whole = answering(service(told(*points, said="".join(said), headless=False, cluster_ips=(CIP,))))
    assert whole == {"a,b": Rung.ZONE if near else Rung.CLUSTER}


def test_tables_are_there() -> None:
    """They have been found."""
    assert len(table("`trafficDistribution` | ladder")) == 4
    assert len(table("hints of the one in `a` | hints of the one in `b`")) == 9


@pytest.mark.parametrize(
    ("points", "location", "who"),
    [
        pytest.param(
            (pod(1, "a", B), pod(2, "b", A), pod(3, "c", conditions=DOWN)), HERE, {"b": Rung.ZONE}, id="unready without"
        ),
        pytest.param(
            (pod(1, "a", B), pod(2, "b", A)), structs.replace(HERE, zone=""), {}, id="a client without a zone"
        ),
        pytest.param(
            (pod(1, "a", A), pod(2, "b", A)),
            structs.replace(HERE, zone="b"),
            {"b": Rung.ZONE},
            id="nobody is hinted for it",
        ),
        pytest.param((pod(1, "a", A), pod(2, "b", C)), structs.replace(HERE, zone="c"), {"b": Rung.ZONE}, id="away"),
        pytest.param(
            (pod(1, "a", B), pod(2, "b", A)),
            Location("eu2", "a", "eu-west", "eu", "default"),
            {"a": Rung.ZONE},
            id="a client in another cluster",
        ),
    ],
)
def test_on_whose_terms(points: tuple[Endpoint, ...], location: Location, who: dict[str, Rung]) -> None:
    """As kube-proxy: of the ready ones each has hints, and one is for the client's zone, in the client's cluster."""
    everybody = dict.fromkeys("ab", Rung.CLUSTER)
    assert answering(service(told(*points, said="PreferSameZone")), location) == (who or everybody)


def test_who_is_hinted_elsewhere_stands_on_the_next_rung() -> None:
    """It runs in the client's zone, and is for others: it answers when those of the zone cannot do it alone."""
    found = service(told(pod(1, "a", B), pod(2, "b", A), said="PreferClose"))
    assert answering(found, policy=structs.replace(ASKED, min_ready=2)) == {"b": Rung.ZONE, "a": Rung.CLUSTER}


def test_the_oldest_export_is_believed() -> None:
    """Of members that say different things; the others are in conflict."""
    old, new = told(pod(1, "a"), said="PreferSameZone"), export("eu2", pod(2, "b"), created=2)
    found = service(new, old)
    assert policy_for(found, [ASKED]).ladder == NEAR
    assert [(each.kind, each.cluster) for each in found.conflicts] == [("TrafficDistributionConflict", "eu2")]
    found = service(structs.replace(new, created=0), old)
    assert policy_for(found, [ASKED]).said == "trafficDistribution=none export=eu2 hints=no"


def test_a_policy_that_names_its_ladder_hears_no_hints() -> None:
    """Hints and words of services say nothing unless they are asked for."""
    found = service(told(pod(1, "a", B), pod(2, "b", A), said="PreferSameNode"))
    assert answering(found, policy=Policy()) == {"a": Rung.ZONE}
    assert policy_for(found, [Policy(ladder=(Rung.ANY,))]) == Policy(ladder=(Rung.ANY,))


def test_hints_of_others_make_no_zone_near() -> None:
    """Where nothing is said of the traffic, a zone is near by hints of the client's own cluster alone."""
    found = service(told(pod(1, "a", A), pod(2, "b", B)), export("eu2", pod(3, "a")))
    assert answering(found) == {"a": Rung.ZONE}
    assert answering(found, structs.replace(HERE, cluster="eu2")) == {"a": Rung.CLUSTER}
