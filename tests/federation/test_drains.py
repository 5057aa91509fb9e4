"""Drains: how they are written, and what each takes out of a service."""

from fractions import Fraction

import pytest
from msgspec import structs

from fedns.federation.drains import Away, Drain, away, drain
from fedns.federation.objects import AddressKind, Cluster, Service
from fedns.federation.placement import Placement, Policy, Reason, Rung, Tier, place
from tests.federation.worlds import DOWN, EU1, EU2, HERE, LEAVING, UP, export, pods, service, world

OPEN = Policy()
ROUTED = structs.replace(EU1, cluster_ips_routable=True)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("eu1", Drain(cluster="eu1")),
        ("c1.fleet", Drain(cluster="c1.fleet")),
        ("eu1/a", Drain(cluster="eu1", zone="a")),
        ("shop/api@eu1", Drain(cluster="eu1", namespace="shop", service="api")),
    ],
)
def test_targets(target: str, expected: Drain) -> None:
    """What is written is read, and is written so again."""
    assert drain(target) == expected
    assert drain(target, force=True) == structs.replace(expected, force=True)
    assert expected.target == target


@pytest.mark.parametrize(
    "target", ["", "/", "eu1/", "/a", "a/b/c", "@eu1", "api@eu1", "shop/@eu1", "a/b@c/d", "a/b@c@d"]
)
def test_no_targets(target: str) -> None:
    """Anything else is told with the three ways to write it."""
    with pytest.raises(ValueError, match="write CLUSTER, CLUSTER/ZONE or NAMESPACE/SERVICE@CLUSTER"):
        drain(target)


def test_what_is_drained_for_a_service() -> None:
    """Drains of a cluster add up; those of other services do not count."""
    given = [drain("eu1/a"), drain("eu1/b", force=True), drain("shop/api@eu2"), drain("shop/web@eu3"), drain("eu2")]
    assert away(given, ("shop", "api")) == {
        "eu1": Away(zones=frozenset("ab"), forced_zones=frozenset("b")),
        "eu2": Away(whole=True),
    }
    assert away([drain("eu1", force=True), drain("eu1")], ("shop", "api")) == {"eu1": Away(whole=True, forced=True)}


def decided(
    given: Service, *drains: Drain, clusters: tuple[Cluster, ...] = (EU1, EU2), policy: Policy = OPEN
) -> Placement:
    """The decision for a client in eu1, zone a."""
    return place(given, HERE, structs.replace(world(*clusters), drains=drains), policy)


def shown(decision: Placement) -> list[tuple[list[str], Tier]]:
    """Addresses and tier of the groups."""
    return [([".".join(map(str, each.address)) for each in group.candidates], group.tier) for group in decision.groups]


TWO = service(
    export("eu1", *pods(UP), *pods(UP, start=2, zone="b")),
    export("eu2", *pods(UP, net=2)),
)


@pytest.mark.parametrize(
    ("drains", "expected"),
    [
        pytest.param([], [(["10.0.0.1", "10.0.2.1"], Tier.READY)], id="nothing drained"),
        pytest.param([drain("eu1")], [(["10.0.2.1"], Tier.READY)], id="a cluster"),
        pytest.param([drain("shop/api@eu1")], [(["10.0.2.1"], Tier.READY)], id="the service in it"),
        pytest.param([drain("shop/web@eu1")], [(["10.0.0.1", "10.0.2.1"], Tier.READY)], id="another service in it"),
        pytest.param([drain("eu1/a"), drain("eu2")], [(["10.0.0.2"], Tier.READY)], id="a zone and a cluster"),
        pytest.param([drain("eu1"), drain("eu2")], [(["10.0.0.1", "10.0.2.1"], Tier.DRAINED)], id="everything"),
        pytest.param([drain("eu1", force=True), drain("eu2")], [(["10.0.2.1"], Tier.DRAINED)], id="one by force"),
        pytest.param([drain("eu1", force=True), drain("eu2", force=True)], [], id="all by force"),
    ],
)
def test_endpoints(drains: list[Drain], expected: list[tuple[list[str], Tier]]) -> None:
    """Pods of what is drained answer only where nobody else may, and never after a drain by force."""
    assert shown(decided(TWO, *drains)) == expected


def test_reasons() -> None:
    """Who is out says why: drained, by force, or that the policy is closed."""
    decision = decided(TWO, drain("eu1"))
    assert {each.reason for each in decision.left_out} == {Reason.DRAINED}
    assert all(each.priority is None and each.tier is Tier.DRAINED for each in decision.left_out)
    assert {each.reason for each in decided(TWO, drain("eu1", force=True)).left_out} == {Reason.FORCED}
    closed = decided(TWO, drain("eu1"), drain("eu2"), policy=Policy(when_all_unhealthy="closed"))
    assert not closed.groups
    assert {each.reason for each in closed.left_out} == {Reason.CLOSED}


def test_ending_pods_keep_the_last_place_among_the_drained() -> None:
    """Ready ones of a drained cluster come before those that end; where only these are left, they still answer."""
    both = service(export("eu1", *pods(UP, LEAVING)))
    decision = decided(both, drain("eu1"))
    assert shown(decision) == [(["10.0.0.1"], Tier.DRAINED)]
    assert [each.reason for each in decision.left_out] == [Reason.DRAINED]
    assert shown(decided(service(export("eu1", *pods(LEAVING))), drain("eu1"))) == [(["10.0.0.1"], Tier.DRAINED)]


@pytest.mark.parametrize(
    ("conditions", "drains", "tier", "ready", "zones"),
    [
        pytest.param({"a": UP, "b": UP}, ["eu1/a"], Tier.READY, 1, ("b",), id="others are ready"),
        pytest.param({"a": UP, "": UP}, ["eu1/a"], Tier.READY, 1, (), id="others are ready, nobody knows where"),
        pytest.param({"a": UP, "b": UP}, ["eu1/a", "eu1/b"], Tier.DRAINED, 2, ("a", "b"), id="all zones"),
        pytest.param({"a": UP, "b": UP}, ["eu1/a", "!eu1/b"], Tier.DRAINED, 1, ("a",), id="one zone by force"),
        pytest.param({"a": UP, "b": LEAVING}, ["eu1/a"], Tier.TERMINATING, 0, (), id="others are ending"),
        pytest.param({"a": LEAVING}, ["eu1/a"], Tier.DRAINED, 0, ("a",), id="all are ending"),
        pytest.param({"a": DOWN}, ["eu1/a"], Tier.UNREADY_ADDRESS, 0, (), id="nobody was there"),
        pytest.param({"a": UP}, ["!eu1/a"], None, 0, (), id="all by force"),
    ],
)
def test_addresses_of_a_cluster(
    conditions: dict[str, int], drains: list[str], tier: Tier | None, ready: int, zones: tuple[str, ...]
) -> None:
    """A cluster-level address stays, and counts what is left, as long as its cluster has others in other zones."""
    endpoints = [pods(each, start=at, zone=zone)[0] for at, (zone, each) in enumerate(conditions.items(), 1)]
    given = service(export("eu1", *endpoints, headless=False, cluster_ips=(b"\x0a\x60\0\x01",)))
    taken = [drain(each.removeprefix("!"), force=each.startswith("!")) for each in drains]
    groups = decided(given, *taken, clusters=(ROUTED,)).groups
    if tier is None:
        assert not groups
        return
    (group,) = groups
    (candidate,) = group.candidates
    assert candidate.kind is AddressKind.CLUSTER_IP
    assert (group.tier, candidate.ready, candidate.zones) == (tier, ready, zones)
    assert (group.share, group.rung) == (Fraction(1), Rung.ZONE if "a" in zones else Rung.CLUSTER)
