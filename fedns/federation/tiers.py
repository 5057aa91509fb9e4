"""How true a candidate is, and whether it may be used at all: constraints and tiers, before any distance.

What a constraint excludes never comes back, under any fault: so constraints look at no freshness, and tiers come after.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import Final, NamedTuple

from fedns.federation.drains import STAYING, Away
from fedns.federation.health import Freshness
from fedns.federation.objects import READY, SERVING, TERMINATING, AddressKind, Cluster
from fedns.federation.terms import Candidate, Part, Policy, Reason, Tier, World

OPEN_TIERS: Final = frozenset({Tier.STALE, Tier.DRAINED, Tier.EXPIRED, Tier.UNREADY_ADDRESS})
"""What only a policy that is open when all are unhealthy lets answer."""

_LEAVING: Final = SERVING | TERMINATING


class Standing(NamedTuple):
    """The tier of a candidate, whether it is a backup there, and whether it ends; the lower of two is used first."""

    tier: Tier
    backup: bool
    leaving: bool = False


def excluded(
    candidate: Candidate, world: World, policy: Policy, part: Part | None, drained: Mapping[str, Away]
) -> Reason | None:
    """The constraint that rules this candidate out, or None."""
    cluster = world.clusters[candidate.cluster]
    if policy.jurisdictions is not None and cluster.jurisdiction not in policy.jurisdictions:
        return Reason.JURISDICTION
    if part is not None and not _inside(candidate, cluster, part):
        return Reason.PART
    away = drained.get(candidate.cluster, STAYING)
    if away.forced or not away.forced_zones.isdisjoint(candidate.zones):
        return Reason.FORCED
    return None


def standing(candidate: Candidate, best: Standing, world: World) -> Standing | None:
    """The tier in which this candidate stands; None for a pod that its member says takes no traffic.

    `best` is its home, the standing of whoever is ready there.
    """
    if candidate.conditions & READY:
        return best
    if candidate.conditions & _LEAVING == _LEAVING:
        if best.tier in {Tier.READY, Tier.BACKUP}:
            return best._replace(tier=Tier.TERMINATING)
        # A drain causes no outage: what is ending in a member that is heard keeps the last place among the drained.
        if best.tier == Tier.DRAINED and _kept_tier(candidate.cluster, world) == Tier.READY:
            return best._replace(leaving=True)
    return None if candidate.kind == AddressKind.POD_IP else best._replace(tier=Tier.UNREADY_ADDRESS)


def home(candidate: Candidate, world: World, policy: Policy, drained: Mapping[str, Away]) -> Standing:
    """The standing of a ready endpoint in this candidate's place: where all endpoints of that place are counted."""
    backup = weight(candidate.cluster, world, policy) == 0
    tier = _kept_tier(candidate.cluster, world)
    away = drained.get(candidate.cluster, STAYING)
    if away.whole or not away.zones.isdisjoint(candidate.zones):
        tier = max(tier, Tier.DRAINED)
    return Standing(Tier.BACKUP if tier == Tier.READY and backup else tier, backup)


def weight(name: str, world: World, policy: Policy) -> int:
    """The weight of a cluster: the policy's, where it has any (0 for those that it does not name), else its own."""
    if policy.weights:
        return max(0, policy.weights.get(name, 0))
    return max(0, world.clusters[name].weight)


def capacity(given: float) -> Fraction:
    """What one ready endpoint of a cluster of this capacity is worth, as an exact number; nonsense is worth nothing."""
    if not isfinite(given) or given < 0:
        return Fraction(0)
    # 0.1 is one tenth to whoever wrote it, not the nearest binary fraction.
    return Fraction(given).limit_denominator(1_000_000)


_READY_TIERS: Final = {
    Freshness.FRESH: Tier.READY,
    Freshness.SUSPECT: Tier.READY,
    Freshness.HELD: Tier.READY,
    Freshness.EXPIRED: Tier.EXPIRED,
}
"""The tier of what is ready in a member of this freshness; in any other it is STALE."""


def _kept_tier(name: str, world: World) -> Tier:
    """The tier of what is ready in a member; the local one stays while its outage lasts.

    Unless something is against it: the configuration (`whenStale`), or a data path that fails.
    """
    state = world.states.get(name, Freshness.SYNCING)
    kept = world.local_when_stale == "keep" and name not in world.cut
    if name == world.local and kept and state != Freshness.SYNCING:
        return Tier.READY
    return _READY_TIERS.get(state, Tier.STALE)


def _inside(candidate: Candidate, cluster: Cluster, part: Part) -> bool:
    return (
        _same(part.cluster, cluster.name)
        and _same(part.region, cluster.region)
        and bool(candidate.address or not part.addressed)
        and (not part.zone or any(_same(part.zone, zone) for zone in candidate.zones))
        and (
            not (part.port or part.protocol)
            or any(_same(part.port, port.name) and _same(part.protocol, port.protocol) for port in candidate.ports)
        )
    )


def _same(asked: str, given: str) -> bool:
    return not asked or asked.lower() == given.lower()
