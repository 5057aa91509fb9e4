"""How near candidates are, and how much each rung takes: from candidates of one tier to steps with exact shares.

It knows nothing of freshness: the tier has been decided before.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from fedns.federation.locality import Location
from fedns.federation.objects import AddressKind, Cluster
from fedns.federation.terms import Bunch, Candidate, Rung
from fedns.federation.tiers import capacity

_COSTED: Final = frozenset({Rung.JURISDICTION, Rung.ANY})
"""Rungs that hold clusters of different cost; each cost is a step of its own there, cheap ones first."""

_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Position(NamedTuple):
    """Where on the ladder: the number of the rung, and the cost inside it; the lower of two is nearer."""

    step: int
    cost: float


class Need(NamedTuple):
    """What a step must have to take everything: a number of endpoints, or a fraction of its own."""

    amount: Fraction
    relative: bool


def position(candidate: Candidate, location: Location, cluster: Cluster, ladder: Sequence[Rung]) -> Position | None:
    """The first rung that this candidate matches for this client, or None."""
    for index, rung in enumerate(ladder):
        if _matches(rung, candidate, location, cluster):
            return Position(index, cluster.cost if rung in _COSTED else 0.0)
    return None


def need(min_ready: int | str) -> Need:
    """`minReady` as a number; text that is neither a count nor a percent counts as 1."""
    text = str(min_ready)
    number = text.removesuffix("%")
    if not _NUMBER.fullmatch(number):
        return Need(Fraction(1), relative=False)
    return Need(Fraction(number) / 100, relative=True) if number != text else Need(Fraction(number), relative=False)


def sufficiency(
    candidates: Iterable[Bunch], everyone: Iterable[Bunch], clusters: Mapping[str, Cluster], needed: Need
) -> Fraction:
    """How much of its need a step has, at most 1: the worth of its ready endpoints over what is asked.

    `everyone` are the candidates of the step's own members there, ready or not.
    """
    by_capacity: dict[float, int] = {}
    for name, count in _count(candidates, ready=True).items():
        each = clusters[name].capacity
        by_capacity[each] = by_capacity.get(each, 0) + count
    worth = sum((capacity(each) * count for each, count in by_capacity.items()), Fraction(0))
    asked = needed.amount * sum(_count(everyone, ready=False).values()) if needed.relative else needed.amount
    return min(Fraction(1), worth / asked) if asked else Fraction(1)


def shares(sufficiencies: Sequence[Fraction], spill: str) -> list[Fraction]:
    """What each step takes of everything, nearest first; the sum is 1 where there is any step.

    As Envoy does with priorities: each takes what it suffices for of what is left, and if something is left after the
    last, all are scaled up. Without spill the first that suffices takes all; where none does, the first.
    """
    if spill == "none":
        return alone(len(sufficiencies), next((at for at, each in enumerate(sufficiencies) if each >= 1), 0))
    left = Fraction(1)
    taken = []
    for each in sufficiencies:
        taken.append(min(left, each))
        left -= taken[-1]
    if left == 1:
        return alone(len(sufficiencies), 0)
    return [each / (1 - left) for each in taken]


def alone(steps: int, chosen: int) -> list[Fraction]:
    """One step takes everything."""
    return [Fraction(int(at == chosen)) for at in range(steps)]


def divide(share: Fraction, names: Iterable[str], weights: Mapping[str, int], *, always: bool) -> dict[str, Fraction]:
    """A step's share by cluster, where weights divide it; nothing where they do not.

    `always`: even among equal weights. Backups (of weight 0) are never divided.
    """
    present = {name: weights[name] for name in sorted(set(names))}
    total = sum(present.values())
    if not total or (not always and len(set(present.values())) == 1):
        return {}
    return {name: share * each / total for name, each in present.items()}


def _matches(rung: Rung, candidate: Candidate, location: Location, cluster: Cluster) -> bool:
    here = bool(location.cluster) and location.cluster == cluster.name
    match rung:
        case Rung.ZONE:
            # A zone is (region, zone): where no regions are configured, only the client's own cluster is in its zone.
            near = location.region == cluster.region and (bool(location.region) or here)
            return near and bool(location.zone) and location.zone in candidate.zones
        case Rung.CLUSTER:
            return here
        case Rung.REGION:
            return bool(location.region) and location.region == cluster.region
        case Rung.JURISDICTION:
            return bool(location.jurisdiction) and location.jurisdiction == cluster.jurisdiction
    return True


def _count(bunches: Iterable[Bunch], *, ready: bool) -> dict[str, int]:
    """The endpoints of each cluster, each counted once though it has addresses of both families."""
    by_family: dict[tuple[str, int], int] = {}
    for bunch in bunches:
        each = bunch[0]
        number = each.ready if ready else each.total
        key = (each.cluster, len(each.address))
        before = by_family.get(key, 0)
        by_family[key] = before + number * len(bunch) if each.kind == AddressKind.POD_IP else max(before, number)
    counts: dict[str, int] = {}
    for (cluster, _), number in by_family.items():
        counts[cluster] = max(counts.get(cluster, 0), number)
    return counts
