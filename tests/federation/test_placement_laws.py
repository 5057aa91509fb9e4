"""What holds for every placement, whatever the members, the policy and the client."""

from random import Random
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.locality import Location
from fedns.federation.objects import AddressKind, Service, pack
from fedns.federation.placement import Candidate, Part, Placement, Policy, Reason, Tier, World, place
from tests.federation.worlds import locations, parts, policies, services, worlds

T = TypeVar("T")


def _everybody(decision: Placement) -> list[Candidate]:
    chosen = [each for group in decision.groups for each in group.candidates]
    return chosen + [each for left in decision.left_out for each in left.candidates]


_asked: dict[str, Any] = {
    "given_service": services,
    "location": locations,
    "everything": worlds,
    "policy": policies,
    "part": parts,
}


@given(**_asked)
def test_what_always_holds(
    given_service: Service, location: Location, everything: World, policy: Policy, part: Part | None
) -> None:
    """Total; shares sum to 1; one tier answers and hides the lower ones; everybody stands once; laws hold."""
    decision = place(given_service, location, everything, policy, part)
    assert sum(group.share for group in decision.groups) == (1 if decision.groups else 0)
    assert all(group.share > 0 and group.candidates for group in decision.groups)
    assert len({group.tier for group in decision.groups}) <= 1
    stands = [(each.cluster, each.kind, each.address) for each in _everybody(decision)]
    assert len(set(stands)) == len(stands)
    for each in decision.left_out:
        if each.priority is not None:
            assert each.priority > 0
            assert each.tier is not None
            assert each.tier >= decision.groups[0].tier
    if policy.jurisdictions is not None:
        usable = [each for group in decision.groups for each in group.candidates]
        usable += [one for each in decision.left_out if each.reason != Reason.JURISDICTION for one in each.candidates]
        allowed = set(policy.jurisdictions)
        assert {everything.clusters[each.cluster].jurisdiction for each in usable} <= allowed
    if policy.when_all_unhealthy == "closed":
        assert all(group.tier <= Tier.TERMINATING for group in decision.groups)


@given(**_asked, chance=st.randoms(use_true_random=False))
def test_no_order_matters(
    given_service: Service, location: Location, everything: World, policy: Policy, part: Part | None, chance: Random
) -> None:
    """However exports, slices, endpoints and members are ordered, the decision is the same value."""

    def mixed(values: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(chance.sample(values, len(values)))

    exports = [
        structs.replace(
            each,
            slices=mixed(
                tuple(one for given in each.slices for one in pack(given.ports, mixed((*given.endpoints(),))))
            ),
            cluster_ips=mixed(each.cluster_ips),
            ports=mixed(each.ports),
        )
        for each in given_service.exports
    ]
    shuffled = structs.replace(given_service, exports=mixed(tuple(exports)))
    members = dict(mixed(tuple(everything.clusters.items())))
    other = place(shuffled, location, structs.replace(everything, clusters=members), policy, part)
    assert other == place(given_service, location, everything, policy, part)


@given(**_asked)
def test_drained_ones_answer_only_where_nobody_else_may(
    given_service: Service, location: Location, everything: World, policy: Policy, part: Part | None
) -> None:
    """A gentle drain decides as one by force does, as long as that leaves anybody in tiers (a) to (d)."""
    drains = tuple(structs.replace(each, force=True) for each in everything.drains)
    forced = place(given_service, location, structs.replace(everything, drains=drains), policy, part)
    gentle = place(given_service, location, everything, policy, part)
    if forced.groups and forced.groups[0].tier < Tier.DRAINED:
        assert gentle.groups == forced.groups
    out = {each.cluster for each in drains if not each.zone and each.service in {"", given_service.name}}
    zones = {(each.cluster, each.zone) for each in drains if each.zone}
    answering = [each for group in forced.groups for each in group.candidates]
    assert not out & {each.cluster for each in answering}
    pods = [each for each in answering if each.kind == AddressKind.POD_IP]
    assert not zones & {(each.cluster, zone) for each in pods for zone in each.zones}


@given(given_service=services, location=locations, everything=worlds, policy=policies)
def test_a_drain_causes_no_outage(
    given_service: Service, location: Location, everything: World, policy: Policy
) -> None:
    """Where the policy is open, whoever was answered before a gentle drain is answered after it."""
    before = place(given_service, location, structs.replace(everything, drains=()), policy, None)
    drains = tuple(structs.replace(each, force=False) for each in everything.drains)
    after = place(given_service, location, structs.replace(everything, drains=drains), policy, None)
    if policy.when_all_unhealthy == "open":
        assert bool(after.groups) >= bool(before.groups)
