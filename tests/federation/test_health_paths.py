"""Probes of a member's data path in the table of its freshness: who is heard but not reached, and who is neither."""

import pytest
from msgspec import structs

from fedns.federation.health import Freshness, PathBad, PathGood, PathUnknown, observe
from tests.federation.test_health import ALIVE, REFUSED, SYNCED, TIMERS, Script, after, alive

GOOD, LOST, MISSED = PathGood(), PathBad("connection refused", lost=True), PathBad("timed out", lost=False)


@pytest.mark.parametrize(
    ("script", "now", "state", "reason"),
    [
        pytest.param(
            [(0, SYNCED), (1, GOOD), (2, MISSED)], 2, Freshness.FRESH, "alive and readable", id="a miss is not yet it"
        ),
        pytest.param(
            [(0, SYNCED), (1, LOST)], 1, Freshness.STALE, "data-path: connection refused", id="lost: demoted at once"
        ),
        pytest.param(
            [(0, SYNCED), (7, LOST)], 7, Freshness.STALE, "data-path: connection refused", id="suspect, then lost"
        ),
        pytest.param(
            [(0, SYNCED), (1, LOST), *alive(2, 400)],
            400,
            Freshness.STALE,
            "data-path: connection refused",
            id="a life without a data path neither heals nor expires",
        ),
        pytest.param(
            [(0, SYNCED), (1, LOST), *alive(2, 10), (10.5, GOOD), *alive(11, 15)],
            15,
            Freshness.STALE,
            "data-path: connection refused",
            id="back, not yet steady",
        ),
        pytest.param(
            [(0, SYNCED), (1, LOST), *alive(2, 10), (10.5, GOOD), *alive(11, 16)],
            16,
            Freshness.FRESH,
            "alive and readable",
            id="back, and steady",
        ),
        pytest.param(
            [(0, SYNCED), (1, LOST), *alive(2, 10), (10.5, GOOD), *alive(11, 14), (14.5, MISSED), *alive(15, 19)],
            19,
            Freshness.STALE,
            "data-path: connection refused",
            id="a miss starts the count again",
        ),
        pytest.param(
            [(0, SYNCED), (1, LOST), *alive(2, 10), (10.5, PathUnknown()), *alive(11, 16)],
            16,
            Freshness.FRESH,
            "alive and readable",
            id="not probed any more",
        ),
        pytest.param(
            [(0, SYNCED), *[(float(at), GOOD) for at in range(1, 30)]],
            29,
            Freshness.STALE,
            "nothing heard or read for 10 s",
            id="a data path alone keeps nobody fresh",
        ),
        pytest.param(
            [(0, SYNCED), (5, LOST), (6, REFUSED)],
            15,
            Freshness.STALE,
            "nothing heard or read for 10 s: connection refused; data-path: connection refused",
            id="both gone",
        ),
        pytest.param([(0, SYNCED), (5, LOST)], 300, Freshness.EXPIRED, None, id="both gone for long"),
        pytest.param(
            [(0, SYNCED), (5, LOST), (400, ALIVE)],
            400,
            Freshness.STALE,
            "data-path: connection refused",
            id="expired, then heard, not reached",
        ),
        pytest.param(
            [(0, LOST)], 1, Freshness.SYNCING, "not read yet; data-path: connection refused", id="before it was read"
        ),
        pytest.param(
            [(0, LOST), (1, SYNCED)], 1, Freshness.STALE, "data-path: connection refused", id="read, but not reached"
        ),
    ],
)
def test_data_paths(script: Script, now: float, state: Freshness, reason: str | None) -> None:
    """A data path that fails often enough demotes who is heard; one that works proves nothing but itself."""
    status = after(script, now)
    assert status.state == state
    assert reason is None or status.reason == reason


def test_standing_is_what_answers_depend_on() -> None:
    """A member that is stale already may lose its data path: for the local one that matters."""
    silent = after([(0, SYNCED)], 20)
    cut = observe(silent, LOST, 20.0, TIMERS)
    assert (silent.standing, cut.standing) == ((Freshness.STALE, False), (Freshness.STALE, True))


def test_a_held_member_gives_way_by_its_data_path() -> None:
    """The failover budget holds what silence would move; that nobody is reached is more than silence."""
    held = structs.replace(after([(0, SYNCED)], 0), held=True)
    silent = observe(held, REFUSED, 12.0, TIMERS)
    assert (silent.state, observe(silent, MISSED, 12.0, TIMERS).state) == (Freshness.HELD, Freshness.HELD)
    assert observe(silent, LOST, 12.0, TIMERS).state == Freshness.STALE
    heard = observe(silent, ALIVE, 13.0, TIMERS)
    assert observe(heard, LOST, 13.0, TIMERS).reason == "data-path: connection refused"
