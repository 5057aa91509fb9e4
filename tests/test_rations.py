"""How much memory a child may have: replaced when it is too much, but never in a circle."""

import logging

import pytest

from fedns.rations import LEAST_LIFE_SECONDS, MOST_LIFE_SECONDS, Ration

MIB = 1 << 20


@pytest.mark.parametrize(
    ("limit", "size", "exceeded"), [(None, 1 << 60, False), (MIB, MIB, False), (MIB, MIB + 1, True)]
)
def test_limits(limit: int | None, size: int, exceeded: bool) -> None:
    """Without a limit nothing is too much; the limit itself is not."""
    assert Ration("worker 1", limit).exceeded(size) is exceeded


def test_a_child_that_has_grown_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    """After a long life at once, with a line that names it, its size and the limit."""
    ration = Ration("worker 1", 100 * MIB)
    assert ration.renews(130 * MIB, 86_400.0)
    assert caplog.messages == ["worker 1 has 130 MiB, 100 are allowed: another one takes its place"]


def test_a_limit_that_is_too_small_is_told_and_makes_no_circle(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has too much from the start stays for a minute, two, four ... an hour; each is told once."""
    caplog.set_level(logging.INFO)
    ration, lives = Ration("worker 1", 100 * MIB), []
    for _ in range(9):
        lived = 0
        while not ration.renews(130 * MIB, float(lived)):
            lived += 1
        lives.append(lived)
    assert lives == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (lives[0], lives[-1]) == (LEAST_LIFE_SECONDS, MOST_LIFE_SECONDS)
    early = [each for each in caplog.messages if "does it need more?" in each]
    assert len(early) == len(lives)
    assert early[0] == "worker 1 has 130 MiB, 100 are allowed, after 0 s only: it stays for 60 s; does it need more?"


def test_a_child_that_grew_slowly_ends_the_row() -> None:
    """Patience is for limits that are too small, not for slow leaks."""
    ration = Ration("worker 1", 100 * MIB)
    assert ration.renews(130 * MIB, 60.0)
    assert not ration.renews(130 * MIB, 100.0)
    assert ration.renews(130 * MIB, 10_000.0)
    assert ration.renews(130 * MIB, 60.0)
