"""Who should answer, decided whole."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from msgspec import structs

from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.objects import Cluster, Export, Service
from fedns.federation.placement import Part, Placement, Policy, Reason, Rung, Tier, place, policy_for
from tests.federation.worlds import (
    DOWN,
    EU1,
    EU2,
    EU3,
    HERE,
    LEAVING,
    UP,
    US1,
    export,
    pods,
    service,
    world,
)

F = Fraction
OPEN = Policy()
CLOSED = Policy(when_all_unhealthy="closed")
STALE = dict.fromkeys(("eu1", "eu2", "eu3", "us1"), Freshness.STALE)
Told = list[tuple[set[str], Fraction, Rung]]


def at(cluster: str, *conditions: int, zone: str = "z") -> Export:
    """Endpoints with these conditions in this cluster."""
    return export(cluster, *pods(*conditions, net=int(cluster[-1]) + 10 * (cluster[0] == "u"), zone=zone))


def balanced(cluster: str, *conditions: int) -> Export:
    """A service with a load balancer and nothing else in reach, in front of these endpoints."""
    return structs.replace(at(cluster, *conditions), headless=False, load_balancer_ips=(cluster.encode().rjust(4),))


def told(decision: Placement) -> Told:
    """The groups as clusters, share and rung."""
    return [({each.cluster for each in group.candidates}, group.share, group.rung) for group in decision.groups]


def reasons(decision: Placement) -> dict[str, tuple[Reason, int | None]]:
    """Why each cluster's candidates were left out, and their priority."""
    return {each.candidates[0].cluster: (each.reason, each.priority) for each in decision.left_out}


ONE_EACH = service(at("eu1", UP), at("eu2", UP), at("eu3", UP), at("us1", UP))
SPREAD = service(at("eu1", *[UP] * 2), at("eu2", UP), at("us1", *[UP] * 10))


@pytest.mark.parametrize(
    ("given_service", "policy", "groups"),
    [
        pytest.param(ONE_EACH, OPEN, [({"eu1"}, F(1), Rung.CLUSTER)], id="the nearest rung takes all"),
        pytest.param(
            SPREAD,
            Policy(min_ready=5),
            [
                ({"eu1"}, F(2, 5), Rung.CLUSTER),
                ({"eu2"}, F(1, 5), Rung.REGION),
                ({"us1"}, F(2, 5), Rung.ANY),
            ],
            id="2, 1, 10 at 5",
        ),
        pytest.param(
            service(at("eu1", UP), at("eu2", UP), at("us1", UP)),
            Policy(min_ready=5),
            [({"eu1"}, F(1, 3), Rung.CLUSTER), ({"eu2"}, F(1, 3), Rung.REGION), ({"us1"}, F(1, 3), Rung.ANY)],
            id="1, 1, 1 at 5",
        ),
        pytest.param(
            SPREAD, Policy(min_ready=5, spill="none"), [({"us1"}, F(1), Rung.ANY)], id="without spill the first enough"
        ),
        pytest.param(
            service(at("eu1", UP, DOWN, DOWN, DOWN), at("us1", UP)),
            Policy(min_ready="50%"),
            [({"eu1"}, F(1, 2), Rung.CLUSTER), ({"us1"}, F(1, 2), Rung.ANY)],
            id="a percent counts the unready ones of the rung",
        ),
        pytest.param(
            ONE_EACH,
            Policy(ladder=(Rung.ANY,)),
            [({"eu1", "eu2", "eu3", "us1"}, F(1), Rung.ANY)],
            id="a neutral policy is one group",
        ),
        pytest.param(
            ONE_EACH,
            Policy(ladder=(Rung.ANY,), weights={"eu1": 1, "us1": 3}),
            [({"eu1"}, F(1, 4), Rung.ANY), ({"us1"}, F(3, 4), Rung.ANY)],
            id="weights",
        ),
        pytest.param(
            ONE_EACH,
            Policy(ladder=(Rung.ANY,), weights={"eu1": 2, "us1": 2}),
            [({"eu1"}, F(1, 2), Rung.ANY), ({"us1"}, F(1, 2), Rung.ANY)],
            id="equal weights are groups too",
        ),
        pytest.param(ONE_EACH, Policy(weights={"us1": 1, "eu1": 0}), [({"us1"}, F(1), Rung.ANY)], id="primary, backup"),
        pytest.param(
            ONE_EACH,
            Policy(weights={"nowhere": 1}, ladder=(Rung.REGION, Rung.ANY)),
            [({"eu1", "eu2"}, F(1), Rung.REGION)],
            id="backups climb the ladder, undivided",
        ),
        pytest.param(
            service(at("eu1", LEAVING), at("eu2", LEAVING), at("us1", DOWN)),
            Policy(min_ready=9),
            [({"eu1"}, F(1), Rung.CLUSTER)],
            id="of those that end, the nearest",
        ),
        pytest.param(ONE_EACH, Policy(jurisdictions=("us",)), [({"us1"}, F(1), Rung.ANY)], id="jurisdiction"),
        pytest.param(ONE_EACH, Policy(jurisdictions=("moon",)), [], id="no jurisdiction"),
        pytest.param(ONE_EACH, Policy(ladder=()), [], id="no ladder"),
        pytest.param(
            service(at("eu3", UP), at("us1", LEAVING)),
            Policy(ladder=(Rung.CLUSTER,)),
            [],
            id="a tier that matches no rung is empty",
        ),
    ],
)
def test_groups(given_service: Service, policy: Policy, groups: Told) -> None:
    """Tiers, ladder, need and weights give the groups and their exact shares."""
    assert told(place(given_service, HERE, world(), policy)) == groups


@pytest.mark.parametrize(
    ("given_service", "states", "policy", "clusters", "tier"),
    [
        pytest.param(ONE_EACH, {"eu1": Freshness.STALE}, OPEN, {"eu2"}, Tier.READY, id="a stale member comes after"),
        pytest.param(ONE_EACH, {"eu1": Freshness.SUSPECT}, OPEN, {"eu1"}, Tier.READY, id="a suspect one does not"),
        pytest.param(ONE_EACH, STALE, OPEN, {"eu1"}, Tier.STALE, id="all stale, open"),
        pytest.param(ONE_EACH, STALE, CLOSED, set(), None, id="all stale, closed"),
        pytest.param(
            ONE_EACH,
            {**STALE, "eu1": Freshness.EXPIRED},
            OPEN,
            {"eu2"},
            Tier.STALE,
            id="an expired member comes after stale ones",
        ),
        pytest.param(
            service(at("eu1", UP)), {"eu1": Freshness.EXPIRED}, OPEN, {"eu1"}, Tier.EXPIRED, id="the last copy is kept"
        ),
        pytest.param(
            service(at("eu1", LEAVING), at("us1", UP)),
            {"us1": Freshness.STALE},
            OPEN,
            {"eu1"},
            Tier.TERMINATING,
            id="ending but known before unknown",
        ),
        pytest.param(
            ONE_EACH,
            STALE,
            Policy(weights={"us1": 1}),
            {"us1"},
            Tier.STALE,
            id="backups stand behind among the stale too",
        ),
        pytest.param(ONE_EACH, STALE, Policy(jurisdictions=("us",)), {"us1"}, Tier.STALE, id="no fault breaks a law"),
        pytest.param(service(at("eu1", DOWN)), STALE, OPEN, set(), None, id="unready is not unknown"),
        pytest.param(
            service(balanced("eu1", DOWN), balanced("us1", DOWN)), {}, OPEN, {"eu1"}, Tier.UNREADY_ADDRESS, id="address"
        ),
        pytest.param(service(balanced("eu1", DOWN)), {}, CLOSED, set(), None, id="no unready address when closed"),
    ],
)
def test_tiers(
    given_service: Service, states: Mapping[str, Freshness], policy: Policy, clusters: set[str], tier: Tier | None
) -> None:
    """The best tier that is not empty answers; the last four only where the policy is open."""
    client = structs.replace(HERE, network="office" if given_service.exports[0].load_balancer_ips else HERE.network)
    decision = place(given_service, client, world(states=states), policy)
    assert {each.cluster for group in decision.groups for each in group.candidates} == clusters
    assert {group.tier for group in decision.groups} == ({tier} if tier else set())


def test_the_local_cluster_keeps_its_rung() -> None:
    """A local member that is stale answers as before, unless it is to be demoted."""
    states = {"eu1": Freshness.STALE}
    assert told(place(ONE_EACH, HERE, world(states=states, local="eu1"), OPEN))[0][0] == {"eu1"}
    assert told(place(ONE_EACH, HERE, world(states=states, local="eu1", demote=True), OPEN))[0][0] == {"eu2"}


def test_cloudburst() -> None:
    """In the far rungs cheap clusters are filled first, by their endpoints' worth; dear ones take the rest."""
    own = structs.replace(EU1, region="x", jurisdiction="x", cost=1.0, capacity=2.0)
    cloud = structs.replace(US1, cost=5.0)
    client = Location(network="default")
    decision = place(service(at("us1", *[UP] * 9), at("eu1", UP)), client, world(own, cloud), Policy(min_ready=3))
    assert told(decision) == [({"eu1"}, F(2, 3), Rung.ANY), ({"us1"}, F(1, 3), Rung.ANY)]


def test_own_weights_divide_where_they_differ() -> None:
    """Without weights in the policy the clusters' own divide a rung, if they differ there; weight 0 is a backup."""
    clusters = (
        structs.replace(EU1, weight=100),
        structs.replace(EU2, weight=300),
        structs.replace(EU3, weight=0),
        structs.replace(US1, weight=100),
    )
    decision = place(ONE_EACH, HERE, world(*clusters), Policy(ladder=(Rung.REGION, Rung.ANY)))
    assert told(decision) == [({"eu1"}, F(1, 4), Rung.REGION), ({"eu2"}, F(3, 4), Rung.REGION)]
    assert reasons(decision) == {"us1": (Reason.FARTHER, 1), "eu3": (Reason.BACKUP, 10)}


@pytest.mark.parametrize(
    ("given_service", "states", "policy", "part", "expected"),
    [
        pytest.param(
            ONE_EACH,
            {},
            OPEN,
            None,
            {"eu2": (Reason.FARTHER, 1), "eu3": (Reason.FARTHER, 2), "us1": (Reason.FARTHER, 3)},
            id="further rungs",
        ),
        pytest.param(
            service(at("eu1", UP), at("eu2", LEAVING), at("eu3", UP), at("us1", UP)),
            {"us1": Freshness.STALE},
            Policy(weights={"eu1": 1, "us1": 1, "eu2": 1}),
            None,
            {"eu3": (Reason.BACKUP, 10), "eu2": (Reason.WORSE_TIER, 20), "us1": (Reason.STALE, 30)},
            id="lower tiers",
        ),
        pytest.param(
            service(at("eu1", UP), at("us1", UP)),
            {"us1": Freshness.EXPIRED},
            OPEN,
            None,
            {"us1": (Reason.EXPIRED, None)},
            id="expired ones are not listed",
        ),
        pytest.param(
            ONE_EACH,
            STALE,
            Policy(weights={"us1": 1}),
            None,
            {"eu1": (Reason.BACKUP, 1), "eu2": (Reason.BACKUP, 2), "eu3": (Reason.BACKUP, 3)},
            id="backups behind in the same tier",
        ),
        pytest.param(
            ONE_EACH,
            dict.fromkeys(STALE, Freshness.EXPIRED),
            OPEN,
            None,
            {"eu2": (Reason.FARTHER, None), "eu3": (Reason.FARTHER, None), "us1": (Reason.FARTHER, None)},
            id="the expired list nobody else",
        ),
        pytest.param(
            service(at("eu1", UP), at("eu2", DOWN), at("us1", UP)),
            {"us1": Freshness.STALE},
            CLOSED,
            None,
            {"eu2": (Reason.UNREADY, None), "us1": (Reason.CLOSED, None)},
            id="closed",
        ),
        pytest.param(
            ONE_EACH,
            {},
            Policy(ladder=(Rung.CLUSTER, Rung.REGION), jurisdictions=("eu",)),
            None,
            {"eu2": (Reason.FARTHER, 1), "eu3": (Reason.NO_RUNG, None), "us1": (Reason.JURISDICTION, None)},
            id="no rung, no law",
        ),
        pytest.param(
            ONE_EACH,
            {},
            OPEN,
            Part(region="eu-west"),
            {"eu2": (Reason.FARTHER, 1), "eu3": (Reason.PART, None), "us1": (Reason.PART, None)},
            id="part",
        ),
    ],
)
def test_everybody_else_has_a_reason(
    given_service: Service,
    states: Mapping[str, Freshness],
    policy: Policy,
    part: Part | None,
    expected: dict[str, tuple[Reason, int | None]],
) -> None:
    """Whoever is left out is told why, and stands in SRV answers by rung and tier."""
    assert reasons(place(given_service, HERE, world(states=states), policy, part)) == expected


def test_an_address_below_the_others() -> None:
    """A cluster-level address without ready endpoints is left out as unready while another answers."""
    client = structs.replace(HERE, network="office")
    decision = place(service(balanced("eu1", DOWN), balanced("us1", UP)), client, world(), OPEN)
    assert told(decision) == [({"us1"}, F(1), Rung.ANY)]
    assert [each.reason for each in decision.left_out if each.tier] == [Reason.UNREADY]


def test_candidates_of_a_group_stand_in_order() -> None:
    """Within a group candidates are sorted by cluster, kind, family and address, not as their slices came."""
    backwards = structs.replace(ONE_EACH, exports=ONE_EACH.exports[::-1])
    (group,) = place(backwards, HERE, world(), Policy(ladder=(Rung.ANY,))).groups
    assert [each.cluster for each in group.candidates] == ["eu1", "eu2", "eu3", "us1"]


def test_far_rungs_share_the_last_priority() -> None:
    """Priorities of one tier stay below the next tier's, however many rungs there are."""
    clusters = [Cluster(name=f"c{each:02}", cost=float(each)) for each in range(15)]
    exports = [export(each.name, *pods(UP, net=at)) for at, each in enumerate(clusters)]
    decision = place(service(*exports), Location(network="default"), world(*clusters), OPEN)
    assert [each.priority for each in decision.left_out] == [*range(1, 10), 9, 9, 9, 9, 9]


def test_other_kinds_obey_constraints_first() -> None:
    """An address that is out of reach and forbidden is told to be forbidden."""
    client = structs.replace(HERE, network="office")
    decision = place(ONE_EACH, client, world(), Policy(jurisdictions=("us",)))
    assert reasons(decision)["eu1"] == (Reason.JURISDICTION, None)
    assert reasons(decision)["us1"] == (Reason.UNREACHABLE_KIND, None)


@pytest.mark.parametrize(
    ("namespaces", "names", "matches"),
    [
        pytest.param(("shop",), ("*",), True, id="namespace"),
        pytest.param(("other", "sh*"), ("api",), True, id="any of the patterns"),
        pytest.param(("shop",), ("web",), False, id="another service"),
        pytest.param(("other",), ("api",), False, id="another namespace"),
    ],
)
def test_the_first_policy_that_matches(namespaces: tuple[str, ...], names: tuple[str, ...], matches: bool) -> None:
    """Policies are tried in order; without a match the default counts."""
    first, second = Policy(namespaces=namespaces, services=names, ttl=1), Policy(ttl=2)
    assert policy_for(ONE_EACH, [first, second]) == (first if matches else second)
    assert policy_for(ONE_EACH, [first]) == (first if matches else OPEN)
