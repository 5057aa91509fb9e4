"""Load: half of what can be answered, within bounds, and how the latency drifts."""

from pathlib import Path

import pytest

from bench.load import Load, Loads, busy, half


@pytest.mark.parametrize(("capacity", "rate"), [(100, 500), (30_000, 15_000), (1e6, 20_000)])
def test_half_has_bounds(capacity: float, rate: int) -> None:
    """A slow machine is asked enough to see anything, a fast one no more than dnsperf and the checker bear."""
    assert half(capacity) == rate


def test_the_drift_is_of_the_last_third_to_the_first() -> None:
    """Over UDP only, and none where there are fewer than three loads."""
    loads = Loads(53, Path("queries"))
    assert loads.drift() is None
    loads.done = [Load(0, mode, 10, 0, mean) for mean in (1.0, 2.0, 1.1) for mode in ("udp", "tcp")]
    loads.done[-1] = Load(0, "tcp", 10, 0, 9.0)
    assert loads.drift() == pytest.approx(0.1)


async def test_what_others_use_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all processors together."""
    monkeypatch.setattr("bench.load.IDLE_SECONDS", 0.05)
    assert 0.0 <= await busy() <= 1.0
