"""What a migration does to the groups of a decision: a part of what one cluster got goes to another, exactly.

It is the last thing that is done to shares, and knows nothing of tiers and distances: whoever may not answer is not
among the portions.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from fedns.federation.migrations import Shift
from fedns.federation.terms import Bunch


class Portion(NamedTuple):
    """What stands on one step (by its number, the nearest first) and answers together, with its share of everything."""

    step: int
    bunches: tuple[Bunch, ...]
    share: Fraction


def moved(portions: Sequence[Portion], steps: Sequence[Sequence[Bunch]], shift: Shift) -> list[Portion]:
    """The portions after the migration; unchanged where its target has nobody on any step, or is the source itself."""
    nearest = next((at for at, step in enumerate(steps) if _of(step, shift.target)), None)
    if nearest is None or shift.source == shift.target:
        return list(portions)
    fraction = Fraction(shift.percent, 100)
    arriving = Fraction(0)
    after: list[Portion] = []
    target = Portion(nearest, _of(steps[nearest], shift.target), Fraction(0))
    for portion in portions:
        for part in _split(portion, shift):
            cluster = part.bunches[0][0].cluster
            if cluster == shift.source:
                arriving += part.share * fraction
                after.append(part._replace(share=part.share * (1 - fraction)))
            elif cluster == shift.target and part.step == nearest:
                target = target._replace(share=target.share + part.share)
            else:
                after.append(part)
    target = target._replace(share=target.share + arriving)
    return [*after, target] if target.share else after


def _split(portion: Portion, shift: Shift) -> Iterator[Portion]:
    """A portion in parts: the source, the target and the rest, each with what clients take of it that pick any."""
    parts = [
        _of(portion.bunches, shift.source),
        _of(portion.bunches, shift.target),
        tuple(each for each in portion.bunches if each[0].cluster not in {shift.source, shift.target}),
    ]
    counts = [_count(part) for part in parts]
    for part, count in zip(parts, counts, strict=True):
        if part:
            yield Portion(portion.step, part, portion.share * count / sum(counts))


def _of(bunches: Iterable[Bunch], cluster: str) -> tuple[Bunch, ...]:
    return tuple(each for each in bunches if each[0].cluster == cluster)


def _count(bunches: Iterable[Bunch]) -> int:
    """The addresses among which a client picks: of the family of which there are more, by cluster."""
    counts: dict[tuple[str, int], int] = {}
    for bunch in bunches:
        key = (bunch[0].cluster, len(bunch[0].address))
        counts[key] = counts.get(key, 0) + len(bunch)
    clusters = {cluster for cluster, _ in counts}
    return sum(max(counts.get((each, 4), 0), counts.get((each, 16), 0)) for each in clusters)
