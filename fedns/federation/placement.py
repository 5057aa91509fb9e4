"""Who should answer: the decision for one service and one client location, with a reason for every address left out.

The only code that decides it: constraints, tiers, ladder, need and spill, weights, in this order. It never raises, and
depends on no order of its input.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Final, NamedTuple

from fedns.federation import ladder, traffic
from fedns.federation.candidates import candidates, in_order, order
from fedns.federation.drains import Away, Drain, away
from fedns.federation.ladder import Position
from fedns.federation.locality import Location
from fedns.federation.moving import Portion, moved
from fedns.federation.narrowing import narrowed
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
    portions = [
        portion
        for at, share in enumerate(shares)
        if share
        for portion in _portions(at, answering[at], share, world, policy)
    ]
    rest = [step for step, share in zip(answering, shares, strict=True) if not share]
    shift = next((each for each in world.shifts if each.key == service.key and each.percent), None)
    if shift is not None:
        portions = sorted(moved(portions, [step.bunches for step in answering], shift), key=lambda each: each.step)
        left.extend(_gone(portions, answering, policy))
        rest = list(_without(rest, portions))
    groups = [
        Group(in_order(bunches), share, policy.ladder[answering[at].position.step], answering[at].standing.tier)
        for at, bunches, share in portions
        if share
    ]
    left.extend(_behind(rest + steps[len(answering) :], first, policy))
    return Placement(tuple(groups), tuple(sorted(left, key=lambda each: order(each.candidates[0]))))


def policy_for(service: Service, policies: Sequence[Policy]) -> Policy:
    """The first policy whose patterns (`*`, `?`, `[...]`) match the service's namespace and name, or the default.

    What the service itself asks for and forbids is in it.
    """
    for policy in policies:
        if _any(policy.namespaces, service.namespace) and _any(policy.services, service.name):
            return narrowed(traffic.resolved(policy, service), service)
    return narrowed(Policy(), service)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _steps(
    allowed: Sequence[Bunch], location: Location, world: World, policy: Policy, drained: Mapping[str, Away]
) -> tuple[list[Step], list[LeftOut]]:
    """All steps that may answer, the first to be used first; and what stands on none."""
    stands: dict[tuple[Standing, Position], list[Bunch]] = {}
    everyone: dict[tuple[Standing, Position], list[Bunch]] = {}
    known: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[Standing, Position | None]] = {}
    hints = traffic.obeyed(allowed, location, policy)
    left = []
    for each in allowed:
        one = each[0]
        place_ = (one.cluster, one.zones, one.hinted)
        if place_ not in known:
            near = traffic.seen(one, location, policy, hints=hints)
            where = ladder.position(near, location, world.clusters[one.cluster], policy.ladder)
            known[place_] = home(one, world, policy, drained), where
        best, where = known[place_]
        if where is not None:
            everyone.setdefault((best, where), []).append(each)
        stand = standing(one, best, world)
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


def _portions(at: int, step: Step, share: Fraction, world: World, policy: Policy) -> list[Portion]:
    """The portions of one step: one for each cluster where weights divide it, else one."""
    names = {each[0].cluster for each in step.bunches}
    weights: Mapping[str, int] = {name: weight(name, world, policy) for name in names}
    divided = ladder.divide(share, names, weights, always=bool(policy.weights))
    if not divided:
        return [Portion(at, step.bunches, share)]
    return [
        Portion(at, tuple(each for each in step.bunches if each[0].cluster == name), part)
        for name, part in divided.items()
    ]


def _gone(portions: Iterable[Portion], steps: Sequence[Step], policy: Policy) -> Iterator[LeftOut]:
    """Those whose whole share has moved: they stand behind all others of their tier."""
    for at, bunches, share in portions:
        if not share:
            tier = steps[at].standing.tier
            priority = _LAST_RUNG if tier in _PRIORITIES else None
            rung = policy.ladder[steps[at].position.step]
            yield from (LeftOut(each, Reason.MIGRATED, rung, tier, priority) for each in bunches)


def _without(steps: Iterable[Step], portions: Iterable[Portion]) -> Iterator[Step]:
    """The steps that had no share, without those whom a migration gave one."""
    taken = {id(bunch) for portion in portions for bunch in portion.bunches}
    for step in steps:
        bunches = tuple(each for each in step.bunches if id(each) not in taken)
        if bunches:
            yield step._replace(bunches=bunches)


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
