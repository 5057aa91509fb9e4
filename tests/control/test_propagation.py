"""How long changes took: what counts, and what the histogram says."""

import pytest

from fedns.control.propagation import BOUNDS, OLDEST_SECONDS, PENDING, Histogram, Propagation


def test_a_change_counts_when_it_is_acknowledged() -> None:
    """Not before its generation is held, and once."""
    propagation = Propagation()
    propagation.sent(5, "eu1", 100.0)
    propagation.sent(6, "eu1", 100.0)
    propagation.told(4, 101.0)
    assert propagation.durations == {}
    propagation.told(5, 100.25)
    propagation.told(5, 200.0)
    assert propagation.durations["eu1"].total == pytest.approx(0.25)
    assert sum(propagation.durations["eu1"].counts) == 1


@pytest.mark.parametrize(
    ("late", "total", "count"),
    [
        pytest.param(-3.0, 0.0, 1, id="the member's clock is ahead"),
        pytest.param(OLDEST_SECONDS, OLDEST_SECONDS, 1, id="just not too old"),
        pytest.param(OLDEST_SECONDS + 1, 0.0, 0, id="an old trigger"),
    ],
)
def test_clocks_that_disagree(late: float, total: float, count: int) -> None:
    """A trigger of the future counts as now, one of long ago says nothing."""
    propagation = Propagation()
    propagation.sent(1, "eu1", 10_000.0)
    propagation.told(1, 10_000.0 + late)
    histogram = propagation.durations.get("eu1", Histogram())
    assert (histogram.total, sum(histogram.counts)) == (total, count)


def test_what_waits_is_bounded() -> None:
    """Workers that acknowledge nothing cost a fixed amount of memory."""
    propagation = Propagation()
    for at in range(PENDING + 5):
        propagation.sent(at, "eu1", 100.0)
    propagation.told(PENDING + 5, 100.0)
    assert sum(propagation.durations["eu1"].counts) == PENDING


def test_who_leaves_is_forgotten() -> None:
    """Neither what was counted nor what is on its way outlives a cluster."""
    propagation = Propagation()
    for generation, cluster in ((1, "eu1"), (2, "eu1"), (2, "us1")):
        propagation.sent(generation, cluster, 100.0)
    propagation.told(1, 100.0)
    propagation.left("eu1")
    propagation.told(2, 100.0)
    assert set(propagation.durations) == {"us1"}


def test_quantiles_are_bounds() -> None:
    """Half of them were not longer than p50; beyond the last bound it is all that can be said."""
    histogram = Histogram()
    assert histogram.quantile(0.5) is None
    for seconds in (0.0, 0.001, 0.004, 1000.0):
        histogram.add(seconds)
    assert histogram.counts[0] == 2
    assert (histogram.quantile(0.5), histogram.quantile(0.75), histogram.quantile(1.0)) == (0.001, 0.005, BOUNDS[-1])
