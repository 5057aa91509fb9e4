"""Who should answer: the decision for one service and one client location, with a reason for every address left out.

The only code that decides it: constraints, tiers, ladder, need and spill, weights, in this order. It never raises, and
depends on no order of its input.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Final, NamedTuple

from fedns.federation import ladder
from fedns.federation.candidates import candidates, in_order, order
from fedns.federation.drains import Away, Drain, away
from fedns.federation.ladder import Position
from fedns.federation.locality import Location
from fedns.federation.objects import Service
from fedns.federation.terms import (
    Bunch,
    Candidate,
    Group,
    LeftOut,
    Part,
    Placement,
    Policy,
    Reason,
    Rung,
    Tier,
    World,
)
from fedns.federation.tiers import OPEN_TIERS, Standing, excluded, home, standing, weight

__all__ = [
    "Bunch",
    "Candidate",
    "Drain",
    "Group",
    "LeftOut",
    "Part",
    "Placement",
    "Policy",
    "Reason",
    "Rung",
    "Tier",
    "World",
    "candidates",
    "in_order",
    "order",
    "place",
    "policy_for",
]

_PRIORITIES: Final = {Tier.READY: 0, Tier.BACKUP: 10, Tier.TERMINATING: 20, Tier.STALE: 30}
"""The first SRV priority of each tier that SRV answers list beside the groups; the groups themselves have 0."""
_LAST_RUNG: Final = 9
"""Further rungs than this share the priority of this one, so that tiers never mix."""

_REASONS: Final = {
    Tier.BACKUP: Reason.BACKUP,
    Tier.TERMINATING: Reason.WORSE_TIER,
    Tier.STALE: Reason.STALE,
    Tier.DRAINED: Reason.DRAINED,
    Tier.EXPIRED: Reason.EXPIRED,
    Tier.UNREADY_ADDRESS: Reason.UNREADY,
}
"""Why a candidate of a lower tier does not answer."""


class Step(NamedTuple):
    """Bunches of one standing and one position; `everyone` counts the unready ones of the same members too."""

    standing: Standing
    position: Position
    bunches: tuple[Bunch, ...]
    everyone: tuple[Bunch, ...]


def place(service: Service, location: Location, world: World, policy: Policy, part: Part | None = None) -> Placement:
    """Decide who answers this client for this service, or for the part of it that the name asks for."""
    drained = away(world.drains, service.key)
    chosen, others = candidates(service, location, world, drained)
    left = [
        LeftOut(each.candidates, excluded(each.candidates[0], world, policy, part, {}) or each.reason)
        for each in others
    ]
    allowed = []
    for each in chosen:
        reason = excluded(each[0], world, policy, part, drained)
        if reason is None:
            allowed.append(each)
        else:
            left.append(LeftOut(each, reason))
    steps, unplaced = _steps(allowed, location, world, policy, drained)
    left.extend(unplaced)
    first = steps[0].standing if steps else None
    answering = [step for step in steps if step.standing == first]
    shares = _shares(answering, world, policy)
    groups = [
        group
        for step, share in zip(answering, shares, strict=True)
        if share
        for group in _groups(step, share, world, policy)
    ]
    rest = [step for step, share in zip(answering, shares, strict=True) if not share] + steps[len(answering) :]
    left.extend(_behind(rest, first, policy))
    return Placement(tuple(groups), tuple(sorted(left, key=lambda each: order(each.candidates[0]))))


def policy_for(service: Service, policies: Sequence[Policy]) -> Policy:
    """The first policy whose patterns (`*`, `?`, `[...]`) match the service's namespace and name, or the default."""
    for policy in policies:
        if _any(policy.namespaces, service.namespace) and _any(policy.services, service.name):
            return policy
    return Policy()


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _steps(
    allowed: Iterable[Bunch], location: Location, world: World, policy: Policy, drained: Mapping[str, Away]
) -> tuple[list[Step], list[LeftOut]]:
    """All steps that may answer, the first to be used first; and what stands on none."""
    stands: dict[tuple[Standing, Position], list[Bunch]] = {}
    everyone: dict[tuple[Standing, Position], list[Bunch]] = {}
    left = []
    for each in allowed:
        one = each[0]
        where = ladder.position(one, location, world.clusters[one.cluster], policy.ladder)
        if where is not None:
            everyone.setdefault((home(one, world, policy, drained), where), []).append(each)
        stand = standing(one, world, policy, drained)
        if stand is None:
            left.append(LeftOut(each, Reason.UNREADY))
        elif where is None:
            left.append(LeftOut(each, Reason.NO_RUNG, tier=stand.tier))
        elif stand.tier in OPEN_TIERS and policy.when_all_unhealthy == "closed":
            left.append(LeftOut(each, Reason.CLOSED, policy.ladder[where.step], stand.tier))
        else:
            stands.setdefault((stand, where), []).append(each)
    steps = [Step(*key, tuple(stands[key]), tuple(everyone.get(key, ()))) for key in sorted(stands)]
    return steps, left


def _shares(steps: Sequence[Step], world: World, policy: Policy) -> list[Fraction]:
    """What each step of the answering tier takes; where there is nothing ready to count, the first takes all."""
    if not steps or steps[0].standing.tier in {Tier.TERMINATING, Tier.UNREADY_ADDRESS}:
        return ladder.alone(len(steps), 0)
    needed = ladder.need(policy.min_ready)
    return ladder.shares(
        [ladder.sufficiency(step.bunches, step.everyone, world.clusters, needed) for step in steps], policy.spill
    )


def _groups(step: Step, share: Fraction, world: World, policy: Policy) -> list[Group]:
    """The groups of one step: one for each cluster where weights divide it, else one."""
    rung, tier = policy.ladder[step.position.step], step.standing.tier
    names = {each[0].cluster for each in step.bunches}
    weights: Mapping[str, int] = {name: weight(name, world, policy) for name in names}
    divided = ladder.divide(share, names, weights, always=bool(policy.weights))
    if not divided:
        return [Group(in_order(step.bunches), share, rung, tier)]
    return [
        Group(in_order(each for each in step.bunches if each[0].cluster == name), part, rung, tier)
        for name, part in divided.items()
    ]


def _behind(rest: Iterable[Step], first: Standing | None, policy: Policy) -> list[LeftOut]:
    """Those who would answer if the groups could not, with their priorities in SRV answers."""
    left: list[LeftOut] = []
    seen: dict[Tier, int] = {}
    for step in rest:
        tier = step.standing.tier
        same = first is not None and tier == first.tier
        number = seen.get(tier, 1 if same else 0)
        seen[tier] = number + 1
        priority = None
        if first is not None and first.tier in _PRIORITIES and tier in _PRIORITIES:
            priority = (0 if same else _PRIORITIES[tier]) + min(number, _LAST_RUNG)
        if step.standing == first:
            reason = Reason.FARTHER
        else:
            reason = Reason.BACKUP if same and not step.standing.leaving else _REASONS[tier]
        rung = policy.ladder[step.position.step]
        left.extend(LeftOut(each, reason, rung, tier, priority) for each in step.bunches)
    return left
