"""Where the answers of the last minute led that a drain or a migration concerns: counted by workers, read here.

    drains, migrations -> rows of counters -> rules -> workers -> samples -> shares of the last minute

A row is taken for each of them, and counts from the moment when every worker knows of it. The blocks outlive workers,
so a worker that is replaced is no gap. Times are seconds of CLOCK_MONOTONIC.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from msgspec import structs

from fedns.answers import counters
from fedns.answers.rules import Rules
from fedns.answers.tallies import Tally
from fedns.control.reach import Reach
from fedns.control.truth import Truth
from fedns.federation.drains import Drain

SPAN_SECONDS: Final = 60.0
SAMPLE_SECONDS: Final = 5.0

Subject = tuple[Drain, str]
"""What a row counts for: what is left, and where it goes ("": nowhere in particular)."""


class Sample(NamedTuple):
    """What a row had counted at a time, by the parts of counters.TALLY_PARTS."""

    at: float
    counts: tuple[int, ...]


class Served:
    """The rows in use; `blocks` are the counters of the processes that answer."""

    def __init__(
        self, truth: Truth, reach: Reach, blocks: Sequence[memoryview], clock: Callable[[], float] = monotonic
    ) -> None:
        self._truth = truth
        self._reach = reach
        self._blocks = blocks
        self._clock = clock
        self._rows: dict[Subject, int] = {}
        # The row that was given back first is taken first: who still counts in it has time to hear that it is over.
        self._free = deque(range(counters.TALLY_ROWS))
        self._samples: dict[Subject, deque[Sample]] = {}
        self._firsts: dict[Subject, Sample] = {}

    def added(self, rules: Rules) -> Rules:
        """The rules with a row for each drain and migration in them; those for which there is none are not counted."""
        drained: list[Subject] = [(structs.replace(each, force=False), "") for each in rules.drains]
        moving: list[Subject] = [
            (Drain(cluster=each.source, namespace=each.namespace, service=each.service), each.target)
            for each in rules.shifts
        ]
        wanted = dict.fromkeys(drained + moving)
        for gone in [subject for subject in self._rows if subject not in wanted]:
            self._free.append(self._rows.pop(gone))
            self._samples.pop(gone, None)
            self._firsts.pop(gone, None)
        for subject in wanted:
            if subject not in self._rows and self._free:
                self._rows[subject] = self._free.popleft()
        tallies = (Tally(row=row, left=left, target=target) for (left, target), row in self._rows.items())
        return structs.replace(rules, tallies=tuple(tallies))

    def tick(self) -> None:
        """Read the counters now and then; call it a few times a second."""
        now = self._clock()
        for each in self._reach.known(self._truth.rules.tallies):
            subject = (each.left, each.target)
            if self._rows.get(subject) != each.row:  # rules that are not published yet say otherwise
                continue
            samples = self._samples.setdefault(subject, deque())
            if not samples or now - samples[-1].at >= SAMPLE_SECONDS:
                samples.append(Sample(now, self._counts(each.row)))
                self._firsts.setdefault(subject, samples[0])
            while now - samples[0].at > SPAN_SECONDS:
                samples.popleft()

    def page(self, left: Drain, target: str = "") -> dict[str, Any] | None:
        """How many answers of the last minute led where, as shares; None while not every worker counts them."""
        subject = (structs.replace(left, force=False), target)
        samples = self._samples.get(subject)
        if not samples:
            return None
        first = samples[0]
        counts = self._since(subject, first)
        parts = counters.TALLY_PARTS if target else (counters.TALLY_PARTS[0], counters.TALLY_PARTS[2])
        every = sum(counts.values())
        shares = {part: counts[part] / every if every else None for part in parts}
        return {"seconds": round(self._clock() - first.at, 3), "answers": every, **shares}

    def totals(self) -> Iterator[tuple[Drain, str, dict[str, int]]]:
        """Of each row: what is left, the target, and all answers since it was taken, by part."""
        for (left, target), first in self._firsts.items():
            yield left, target, self._since((left, target), first)

    def _since(self, subject: Subject, first: Sample) -> dict[str, int]:
        now = self._counts(self._rows[subject])
        differences = (after - before for before, after in zip(first.counts, now, strict=True))
        return dict(zip(counters.TALLY_PARTS, differences, strict=True))

    def _counts(self, row: int) -> tuple[int, ...]:
        words = [counters.tally_word(row, part) for part in range(len(counters.TALLY_PARTS))]
        return tuple(sum(block[word] for block in self._blocks) for word in words)
