"""Constraints and tiers: what may be used, and how true it is."""

from fractions import Fraction

import pytest
from msgspec import structs

from fedns.federation.health import Freshness
from fedns.federation.objects import READY, TERMINATING, AddressKind, Port
from fedns.federation.placement import Candidate, Part, Policy, Reason, Tier, World
from fedns.federation.tiers import Standing, capacity, excluded, home, standing, weight
from tests.federation.worlds import DOWN, EU1, LEAVING, UP, US1, world

OPEN = Policy()


def stands(candidate: Candidate, there: World, policy: Policy) -> Standing | None:
    """Where a candidate stands, with nothing drained."""
    return standing(candidate, home(candidate, there, policy, {}), there)


def pod(conditions: int = UP, *, kind: AddressKind = AddressKind.POD_IP, cluster: str = "eu1") -> Candidate:
    """One address in eu1, zone A, with port http."""
    address = b"\x0a\0\0\x01"
    ready = int(bool(conditions & READY))
    return Candidate(cluster, kind, address, ready, 1, conditions, ("A",), "", (Port("http", 80),))


@pytest.mark.parametrize(
    ("conditions", "kind", "state", "tier"),
    [
        pytest.param(UP, AddressKind.POD_IP, Freshness.FRESH, Tier.READY, id="ready, fresh"),
        pytest.param(UP, AddressKind.POD_IP, Freshness.SUSPECT, Tier.READY, id="ready, suspect"),
        pytest.param(UP, AddressKind.POD_IP, Freshness.STALE, Tier.STALE, id="ready, stale"),
        pytest.param(UP, AddressKind.POD_IP, Freshness.RESTORED, Tier.STALE, id="ready, restored"),
        pytest.param(UP, AddressKind.POD_IP, Freshness.SYNCING, Tier.STALE, id="ready, read before"),
        pytest.param(UP, AddressKind.POD_IP, Freshness.EXPIRED, Tier.EXPIRED, id="ready, expired"),
        pytest.param(UP | TERMINATING, AddressKind.POD_IP, Freshness.FRESH, Tier.READY, id="published while it ends"),
        pytest.param(LEAVING, AddressKind.POD_IP, Freshness.FRESH, Tier.TERMINATING, id="ending, fresh"),
        pytest.param(LEAVING, AddressKind.POD_IP, Freshness.STALE, None, id="ending, stale"),
        pytest.param(DOWN, AddressKind.POD_IP, Freshness.FRESH, None, id="unready is believed"),
        pytest.param(DOWN, AddressKind.POD_IP, Freshness.STALE, None, id="unready as last known"),
        pytest.param(LEAVING, AddressKind.CLUSTER_IP, Freshness.FRESH, Tier.TERMINATING, id="all ending"),
        pytest.param(DOWN, AddressKind.CLUSTER_IP, Freshness.FRESH, Tier.UNREADY_ADDRESS, id="nothing behind it"),
        pytest.param(DOWN, AddressKind.GATEWAY, Freshness.EXPIRED, Tier.UNREADY_ADDRESS, id="nothing known behind it"),
    ],
)
def test_tiers(conditions: int, kind: AddressKind, state: Freshness, tier: Tier | None) -> None:
    """A candidate belongs to the lowest tier that applies to it; an unready pod belongs to none."""
    where = stands(pod(conditions, kind=kind), world(EU1, states={"eu1": state}), OPEN)
    assert (where and where.tier) == tier


@pytest.mark.parametrize(
    ("state", "demote", "tier"),
    [
        pytest.param(Freshness.STALE, False, Tier.READY, id="stale, kept"),
        pytest.param(Freshness.RESTORED, False, Tier.READY, id="restored, kept"),
        pytest.param(Freshness.EXPIRED, False, Tier.READY, id="for as long as it lasts"),
        pytest.param(Freshness.SYNCING, False, Tier.STALE, id="nothing to keep"),
        pytest.param(Freshness.STALE, True, Tier.STALE, id="demoted"),
    ],
)
def test_the_local_cluster_is_kept(state: Freshness, demote: bool, tier: Tier) -> None:
    """Losing the local API server says nothing about the pods beside us, unless they are to be demoted."""
    here = world(EU1, states={"eu1": state}, local="eu1", demote=demote)
    assert stands(pod(), here, OPEN) == Standing(tier, backup=False)


@pytest.mark.parametrize("state", [Freshness.STALE, Freshness.RESTORED])
def test_the_local_cluster_gives_way_by_its_data_path(state: Freshness) -> None:
    """Probes that fail say of the pods beside us what their API server cannot."""
    here = structs.replace(world(EU1, states={"eu1": state}, local="eu1"), cut=frozenset({"eu1"}))
    assert stands(pod(), here, OPEN) == Standing(Tier.STALE, backup=False)


@pytest.mark.parametrize(
    ("weights", "own", "expected"),
    [
        pytest.param({}, 70, 70, id="its own"),
        pytest.param({"eu1": 3}, 70, 3, id="the policy's"),
        pytest.param({"us1": 3}, 70, 0, id="not named by the policy"),
        pytest.param({"eu1": -3}, 70, 0, id="never below 0"),
        pytest.param({}, -3, 0, id="its own never below 0"),
    ],
)
def test_weights(weights: dict[str, int], own: int, expected: int) -> None:
    """A policy's weights stand instead of the clusters' own; whom they do not name is a backup."""
    assert weight("eu1", world(structs.replace(EU1, weight=own)), Policy(weights=weights)) == expected


@pytest.mark.parametrize(
    ("conditions", "state", "expected"),
    [
        pytest.param(UP, Freshness.FRESH, Standing(Tier.BACKUP, backup=True), id="ready"),
        pytest.param(LEAVING, Freshness.FRESH, Standing(Tier.TERMINATING, backup=True), id="ending"),
        pytest.param(UP, Freshness.STALE, Standing(Tier.STALE, backup=True), id="stale"),
    ],
)
def test_backups(conditions: int, state: Freshness, expected: Standing) -> None:
    """A cluster of weight 0 is tier (b), and stands behind the others in the lower tiers."""
    there = world(EU1, states={"eu1": state})
    assert stands(pod(conditions), there, Policy(weights={"us1": 1})) == expected


@pytest.mark.parametrize(
    ("weights", "state", "expected"),
    [
        pytest.param({}, Freshness.FRESH, Standing(Tier.READY, backup=False), id="primary"),
        pytest.param({"us1": 1}, Freshness.FRESH, Standing(Tier.BACKUP, backup=True), id="backup"),
        pytest.param({}, Freshness.STALE, Standing(Tier.STALE, backup=False), id="stale"),
    ],
)
def test_endpoints_count_where_ready_ones_stand(weights: dict[str, int], state: Freshness, expected: Standing) -> None:
    """An unready endpoint is counted with the ready ones of its member."""
    assert home(pod(DOWN), world(EU1, states={"eu1": state}), Policy(weights=weights), {}) == expected


@pytest.mark.parametrize(
    ("policy", "part", "reason"),
    [
        pytest.param(OPEN, None, None, id="no constraint"),
        pytest.param(Policy(jurisdictions=("eu",)), None, None, id="allowed"),
        pytest.param(Policy(jurisdictions=("us",)), None, Reason.JURISDICTION, id="forbidden"),
        pytest.param(Policy(jurisdictions=("us",)), Part(zone="x"), Reason.JURISDICTION, id="the law comes first"),
        pytest.param(OPEN, Part(), None, id="everywhere"),
        pytest.param(OPEN, Part(cluster="EU1", region="eu-WEST", zone="a"), None, id="inside, whatever the case"),
        pytest.param(OPEN, Part(cluster="us1"), Reason.PART, id="another cluster"),
        pytest.param(OPEN, Part(region="us-east"), Reason.PART, id="another region"),
        pytest.param(OPEN, Part(zone="b"), Reason.PART, id="another zone"),
        pytest.param(OPEN, Part(port="http", protocol="tcp"), None, id="has the port"),
        pytest.param(OPEN, Part(port="dns"), Reason.PART, id="lacks the port"),
        pytest.param(OPEN, Part(port="http", protocol="udp"), Reason.PART, id="lacks it with this protocol"),
    ],
)
def test_constraints(policy: Policy, part: Part | None, reason: Reason | None) -> None:
    """Jurisdictions, then what the name asks for, rule candidates out."""
    assert excluded(pod(), world(), policy, part, {}) == reason


def test_no_jurisdiction_is_none_of_those_allowed() -> None:
    """A member whose jurisdiction nobody told is outside every allow list."""
    nowhere = structs.replace(US1, jurisdiction="")
    policy = Policy(jurisdictions=("us",))
    assert excluded(pod(cluster="us1"), world(nowhere), policy, None, {}) == Reason.JURISDICTION


@pytest.mark.parametrize(
    ("given", "worth"),
    [
        pytest.param(0.1, Fraction(1, 10), id="as written"),
        pytest.param(2.0, Fraction(2), id="whole"),
        pytest.param(-1.0, Fraction(0), id="negative"),
        pytest.param(float("nan"), Fraction(0), id="no number"),
        pytest.param(float("inf"), Fraction(0), id="infinite"),
    ],
)
def test_capacity_is_exact(given: float, worth: Fraction) -> None:
    """What an endpoint is worth is the number that was written; nonsense is worth nothing."""
    assert capacity(given) == worth
