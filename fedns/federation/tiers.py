"""How true a candidate is, and whether it may be used at all: constraints and tiers, before any distance.

What a constraint excludes never comes back, under any fault: so constraints look at no freshness, and tiers come after.
"""

from fractions import Fraction
from math import isfinite
from typing import Final, NamedTuple

from fedns.federation.health import Freshness
from fedns.federation.objects import READY, SERVING, TERMINATING, AddressKind, Cluster
from fedns.federation.terms import Candidate, Part, Policy, Reason, Tier, World

OPEN_TIERS: Final = frozenset({Tier.STALE, Tier.DRAINED, Tier.EXPIRED, Tier.UNREADY_ADDRESS})
"""What only a policy that is open when all are unhealthy lets answer."""

_LEAVING: Final = SERVING | TERMINATING


class Standing(NamedTuple):
    """The tier of a candidate, and whether it is a backup there; the lower of two standings is used first."""

    tier: Tier
    backup: bool


def excluded(candidate: Candidate, world: World, policy: Policy, part: Part | None) -> Reason | None:
    """The constraint that rules this candidate out, or None."""
    cluster = world.clusters[candidate.cluster]
    if policy.jurisdictions and cluster.jurisdiction not in policy.jurisdictions:
        return Reason.JURISDICTION
    if part is not None and not _inside(candidate, cluster, part):
        return Reason.PART
    return None


def standing(candidate: Candidate, world: World, policy: Policy) -> Standing | None:
    """The tier in which this candidate stands; None for a pod that its member says takes no traffic."""
    backup = weight(candidate.cluster, world, policy) == 0
    tier = _tier(candidate, _kept(candidate.cluster, world))
    if tier is None:
        return None
    return Standing(Tier.BACKUP if tier == Tier.READY and backup else tier, backup)


def home(candidate: Candidate, world: World, policy: Policy) -> Standing:
    """The standing of a ready endpoint in this candidate's cluster: where all endpoints of that cluster are counted."""
    backup = weight(candidate.cluster, world, policy) == 0
    tier = _READY_TIERS.get(_kept(candidate.cluster, world), Tier.STALE)
    return Standing(Tier.BACKUP if tier == Tier.READY and backup else tier, backup)


def weight(name: str, world: World, policy: Policy) -> int:
    """The weight of a cluster: the policy's, where it has any (0 for those that it does not name), else its own."""
    if policy.weights:
        return max(0, policy.weights.get(name, 0))
    return max(0, world.clusters[name].weight)


def capacity(cluster: Cluster) -> Fraction:
    """What one ready endpoint of this cluster is worth, as an exact number; nonsense is worth nothing."""
    if not isfinite(cluster.capacity) or cluster.capacity < 0:
        return Fraction(0)
    # 0.1 is one tenth to whoever wrote it, not the nearest binary fraction.
    return Fraction(cluster.capacity).limit_denominator(1_000_000)


_READY_TIERS: Final = {
    Freshness.FRESH: Tier.READY,
    Freshness.SUSPECT: Tier.READY,
    Freshness.EXPIRED: Tier.EXPIRED,
}
"""The tier of what is ready in a member of this freshness; in any other it is STALE."""


def _kept(name: str, world: World) -> Freshness:
    """A member's freshness; the local one counts as fresh while its outage lasts, unless it is to be demoted."""
    state = world.states.get(name, Freshness.SYNCING)
    if name == world.local and world.local_when_stale == "keep" and state != Freshness.SYNCING:
        return Freshness.FRESH
    return state


def _tier(candidate: Candidate, state: Freshness) -> Tier | None:
    tier = _READY_TIERS.get(state, Tier.STALE)
    if candidate.conditions & READY:
        return tier
    if tier == Tier.READY and candidate.conditions & _LEAVING == _LEAVING:
        return Tier.TERMINATING
    return None if candidate.kind == AddressKind.POD_IP else Tier.UNREADY_ADDRESS


def _inside(candidate: Candidate, cluster: Cluster, part: Part) -> bool:
    return (
        _same(part.cluster, cluster.name)
        and _same(part.region, cluster.region)
        and (not part.zone or any(_same(part.zone, zone) for zone in candidate.zones))
        and (
            not (part.port or part.protocol)
            or any(_same(part.port, port.name) and _same(part.protocol, port.protocol) for port in candidate.ports)
        )
    )


def _same(asked: str, given: str) -> bool:
    return not asked or asked.lower() == given.lower()
