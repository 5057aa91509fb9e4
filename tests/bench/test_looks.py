"""Looks: what grows is told from what only rises for a while."""

import os

import pytest

from bench.looks import Looks, files, grew, memory, slope

TWO_HOURS = [each * 60.0 for each in range(121)]


def test_a_slope_is_that_of_an_hour_after_the_warm_up() -> None:
    """What happened in the first part does not count."""
    late = [1000.0 if at < 50 else 10 + at / 60 * 30 for at in range(121)]
    assert slope(TWO_HOURS, late) == pytest.approx(30.0)
    assert slope(TWO_HOURS[:4], late[:4]) == 0.0


@pytest.mark.parametrize(
    ("hourly", "minutes", "grown"),
    [(30.0, 121, True), (4.0, 121, False), (-30.0, 121, False), (60.0, 10, False), (200.0, 10, True)],
    ids=["steep for hours", "shallow for hours", "shrinking", "steep for minutes", "steeper for minutes"],
)
def test_growth_is_fast_and_more_than_noise(hourly: float, minutes: int, *, grown: bool) -> None:
    """Both: a short run must gain much to count, a long one only a little."""
    at = TWO_HOURS[:minutes]
    assert grew("memory", at, [50 + moment / 3600 * hourly for moment in at]) is grown


def test_what_grew_is_named() -> None:
    """By what, and of which kind of process; without looks nothing has grown."""
    looks = Looks()
    assert looks.grown() == []
    looks.at = TWO_HOURS
    for by_kind in looks.seen.values():
        for kind in by_kind:
            by_kind[kind] = [7.0] * len(TWO_HOURS)
    looks.seen["files"]["worker"] = [20 + at / 60 for at in TWO_HOURS]
    assert looks.grown() == ["files of worker"]


def test_a_process_is_looked_at_by_its_pid() -> None:
    """One that is gone has nothing."""
    assert memory(os.getpid()) > 5
    before = files(os.getpid())
    with open(os.devnull) as _more:  # noqa: PTH123 -- any file
        assert files(os.getpid()) == before + 1
    assert memory(1 << 30) == files(1 << 30) == 0.0
