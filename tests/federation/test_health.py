"""The freshness of a member, walked through time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.health import (
    TRANSITIONS,
    Alive,
    Evidence,
    Freshness,
    PathBad,
    PathGood,
    Readable,
    Restored,
    Sign,
    Status,
    Synced,
    Timers,
    Unreachable,
    Unreadable,
    age,
    negatives_unsure,
    observe,
)

TIMERS = Timers()
NEW = Status(cluster="eu1", joined=0.0)
ALIVE, SYNCED, READABLE = Alive(), Synced(), Readable()
REFUSED, FORBIDDEN = Unreachable("connection refused"), Unreadable("403", "services")
Script = list[tuple[float, Evidence]]


def after(script: Script, now: float) -> Status:
    """The status at `now`, after this evidence."""
    status = NEW
    for then, evidence in script:
        status = observe(status, evidence, then, TIMERS)
    return age(status, now, TIMERS)


def alive(start: int, end: int) -> Script:
    """A reply to the probe in each second, both ends included."""
    return [(float(at), ALIVE) for at in range(start, end + 1)]


@pytest.mark.parametrize(
    ("script", "now", "state"),
    [
        pytest.param([], 9999, Freshness.SYNCING, id="never read: syncing for ever"),
        pytest.param(alive(0, 20), 20, Freshness.SYNCING, id="alive but never read"),
        pytest.param([(0, READABLE)], 20, Freshness.SYNCING, id="one stream is not everything"),
        pytest.param([(0, REFUSED), (1, SYNCED)], 1, Freshness.FRESH, id="fresh at the first whole list"),
        pytest.param([(0, SYNCED)], 5.9, Freshness.FRESH, id="quiet for less than suspectAfter"),
        pytest.param(
            [(0, SYNCED), (1, REFUSED), (3, REFUSED)], 5.9, Freshness.FRESH, id="a failed probe is not yet it"
        ),
        pytest.param([(0, SYNCED)], 6, Freshness.SUSPECT, id="suspect"),
        pytest.param([(0, SYNCED)], 10, Freshness.STALE, id="stale"),
        pytest.param([(0, SYNCED)], 299, Freshness.STALE, id="stale for long"),
        pytest.param([(0, SYNCED)], 300, Freshness.EXPIRED, id="expired"),
        pytest.param([(0, SYNCED), (5, ALIVE)], 10.9, Freshness.FRESH, id="life starts the count again"),
        pytest.param([(0, SYNCED), (5, READABLE)], 10.9, Freshness.FRESH, id="a stream that speaks is life"),
        pytest.param([(0, SYNCED), *alive(7, 11)], 11, Freshness.SUSPECT, id="suspect until steady"),
        pytest.param([(0, SYNCED), *alive(7, 12)], 12, Freshness.FRESH, id="steady: fresh again"),
        pytest.param([(0, SYNCED), *alive(20, 24)], 24, Freshness.STALE, id="stale until steady"),
        pytest.param([(0, SYNCED), *alive(20, 25)], 25, Freshness.FRESH, id="stale, then steady"),
        pytest.param([(0, SYNCED), *alive(400, 404)], 404, Freshness.EXPIRED, id="expired until steady"),
        pytest.param([(0, SYNCED), *alive(400, 405)], 405, Freshness.FRESH, id="expired, then steady"),
        pytest.param([(0, SYNCED), (20, ALIVE)], 25.9, Freshness.STALE, id="time alone heals nobody"),
        pytest.param(
            [(0, SYNCED), *alive(20, 23), (23.5, REFUSED), *alive(24, 28)],
            28,
            Freshness.STALE,
            id="a failure restarts it",
        ),
        pytest.param([(0, SYNCED), (20, ALIVE), (30, ALIVE)], 30, Freshness.STALE, id="a gap restarts it"),
        pytest.param([(0, SYNCED), (1, FORBIDDEN), *alive(2, 11)], 11, Freshness.STALE, id="alive but not readable"),
        pytest.param(
            [(0, SYNCED), *alive(1, 5), (5, FORBIDDEN), *alive(6, 10), (8, FORBIDDEN)],
            10.9,
            Freshness.FRESH,
            id="a broken stream counts from its last good moment",
        ),
        pytest.param(
            [(0, SYNCED), (1, FORBIDDEN), *alive(2, 8), (8, FORBIDDEN), *alive(9, 11)],
            11,
            Freshness.STALE,
            id="a second refusal starts no new count",
        ),
        pytest.param(
            [(0, SYNCED), (1, FORBIDDEN), (5, Readable("services")), *alive(6, 11)], 11, Freshness.FRESH, id="mended"
        ),
        pytest.param(
            [(0, SYNCED), (1, FORBIDDEN), (5, Readable("slices")), *alive(6, 11)],
            11,
            Freshness.STALE,
            id="mended elsewhere",
        ),
        pytest.param([(0, SYNCED), (1, FORBIDDEN), (5, READABLE), *alive(6, 11)], 11, Freshness.FRESH, id="all mended"),
        pytest.param(
            [(0, SYNCED), (1, FORBIDDEN), *alive(2, 20), (20, READABLE), *alive(21, 25)],
            25,
            Freshness.FRESH,
            id="readable again, then steady",
        ),
        pytest.param(
            [(0, SYNCED), (1, FORBIDDEN), *alive(2, 20), (20, READABLE), *alive(21, 24)],
            24,
            Freshness.STALE,
            id="readable again, not yet steady",
        ),
        pytest.param([(0, Restored(3600))], 299, Freshness.RESTORED, id="from the snapshot"),
        pytest.param([(0, Restored(3600)), *alive(1, 290)], 299, Freshness.RESTORED, id="life alone reads nothing"),
        pytest.param([(0, Restored(3600))], 300, Freshness.EXPIRED, id="from the snapshot, for too long"),
        pytest.param([(0, Restored(3600)), (9, SYNCED)], 9, Freshness.FRESH, id="restored, then read"),
        pytest.param([(0, Restored(1)), (400, SYNCED)], 400, Freshness.FRESH, id="expired unread, then read"),
        pytest.param([(0, SYNCED), (1, Restored(1))], 1, Freshness.FRESH, id="a snapshot replaces nothing read"),
        pytest.param([(9, SYNCED), (1, ALIVE)], 9, Freshness.FRESH, id="late news change nothing"),
    ],
)
def test_states(script: Script, now: float, state: Freshness) -> None:
    """Fresh means alive and readable; silence wears it down by time, and only steady evidence brings it back."""
    assert after(script, now).state == state


@pytest.mark.parametrize(
    ("script", "now", "reason"),
    [
        pytest.param([(0, REFUSED)], 1, "not read yet: connection refused", id="syncing"),
        pytest.param([(0, SYNCED)], 1, "alive and readable", id="fresh"),
        pytest.param([(0, SYNCED), (2, REFUSED)], 7, "nothing heard or read for 6 s: connection refused", id="suspect"),
        pytest.param(
            [(0, SYNCED), (1, FORBIDDEN), *alive(2, 12)], 12, "nothing heard or read for 10 s: 403", id="stale"
        ),
        pytest.param([(0, SYNCED)], 300, "nothing heard or read for 300 s", id="expired"),
        pytest.param([(0, Restored(5))], 1, "known from the snapshot, not read yet", id="restored"),
    ],
)
def test_reasons(script: Script, now: float, reason: str) -> None:
    """Each state has a sentence that says why, with what went wrong last."""
    assert after(script, now).reason == reason


def held(now: float, state: Freshness = Freshness.FRESH, *, then: float = 0.0) -> Status:
    """A member last heard at `then`, that is not to be given up."""
    status = Status(cluster="eu1", joined=0.0, state=state, synced=True, alive=then, readable=then, held=True)
    return age(status, now, TIMERS)


def test_a_held_member_is_not_given_up() -> None:
    """It waits where it is, and says why, however long; what has been given up is not taken back."""
    assert [held(now).state for now in (5, 6, 10, 9999)] == [
        Freshness.FRESH,
        Freshness.SUSPECT,
        Freshness.HELD,
        Freshness.HELD,
    ]
    assert held(30).reason == "nothing heard or read for 10 s, held by the failover budget"
    assert held(30, Freshness.SUSPECT).state is Freshness.HELD
    assert held(30, Freshness.STALE).state is Freshness.STALE
    assert held(300, Freshness.STALE).state is Freshness.EXPIRED


def test_a_held_member_that_is_let_go() -> None:
    """It is at once what silence makes of it; one that is heard again becomes fresh as any other."""
    waiting = held(30)
    assert age(structs.replace(waiting, held=False), 31, TIMERS).state is Freshness.STALE
    assert age(structs.replace(waiting, held=False), 300, TIMERS).state is Freshness.EXPIRED
    for at in range(40, 46):
        assert waiting.state is Freshness.HELD
        waiting = observe(waiting, ALIVE, at, TIMERS)
    assert waiting.state is Freshness.FRESH


def test_a_status_that_did_not_change_is_the_same_value() -> None:
    """Who looks for changes sees none where only time has passed."""
    status = after([(0, SYNCED)], 1)
    assert age(status, 2, TIMERS) is status
    assert status.since == 0


def test_unsure_negatives() -> None:
    """Only members that were never read, are not in the snapshot and joined not long ago make negatives unsure."""
    statuses = [
        Status(cluster="new", joined=100),
        Status(cluster="dead", joined=-500),
        Status(cluster="restored", joined=100, state=Freshness.RESTORED),
        Status(cluster="fresh", joined=100, state=Freshness.FRESH),
        Status(cluster="also-new", joined=0),
    ]
    assert negatives_unsure(statuses, 100, TIMERS) == ["also-new", "new"]
    assert negatives_unsure(statuses, 600, TIMERS) == ["new"]


def test_the_table_has_no_dead_ends() -> None:
    """From every state but fresh a way leads to fresh, and no line leaves a state as it is."""
    assert {state for (state, _), to in TRANSITIONS.items() if to == Freshness.FRESH} == set(Freshness) - {
        Freshness.FRESH
    }
    assert all(state != to for (state, _), to in TRANSITIONS.items())


@pytest.mark.parametrize("sign", [Sign.QUIET, Sign.KEPT, Sign.LOST, Sign.GONE])
def test_silence_never_improves(sign: Sign) -> None:
    """No line of the table that silence walks leads to a better state."""
    order = [
        Freshness.FRESH,
        Freshness.SUSPECT,
        Freshness.HELD,
        Freshness.RESTORED,
        Freshness.STALE,
        Freshness.EXPIRED,
    ]
    assert all(order.index(to) > order.index(state) for (state, each), to in TRANSITIONS.items() if each == sign)


_evidence = st.one_of(
    st.just(ALIVE),
    st.just(REFUSED),
    st.just(SYNCED),
    st.builds(Readable, st.sampled_from(("", "services", "slices"))),
    st.builds(Unreadable, st.just("403"), st.sampled_from(("", "services", "slices"))),
    st.builds(Restored, st.floats(0, 1000)),
    st.just(PathGood()),
    st.builds(PathBad, st.just("refused"), st.booleans()),
)
_scripts = st.lists(st.tuples(st.floats(0, 20), _evidence))


@given(_scripts, st.lists(st.floats(0, 400), min_size=1))
def test_fresh_is_earned(steps: Script, looks: list[float]) -> None:
    """Whatever happens, fresh members were read, and were good within suspectAfter; silence makes nobody fresher."""
    status, now = NEW, 0.0
    for wait, evidence in steps:
        now += wait
        status = observe(status, evidence, now, TIMERS)
        if status.state == Freshness.FRESH:
            good = min(status.alive, status.readable) if status.broken else status.alive
            assert status.synced
            assert now - good < TIMERS.suspect_after
            assert status.recovering is None
            assert not status.cut
    order = [
        Freshness.SYNCING,
        Freshness.FRESH,
        Freshness.SUSPECT,
        Freshness.RESTORED,
        Freshness.STALE,
        Freshness.EXPIRED,
    ]
    states = [age(status, now + look, TIMERS).state for look in sorted(looks)]
    assert all(order.index(before) <= order.index(then) for before, then in pairwise([status.state, *states]))


@given(_scripts, st.lists(st.floats(0, 400)))
def test_ageing_in_steps_or_at_once(steps: Script, looks: list[float]) -> None:
    """A worker that looks often and one that looks once agree on the state."""
    status, now = NEW, 0.0
    for wait, evidence in steps:
        now += wait
        status = observe(status, evidence, now, TIMERS)
    often = status
    for look in sorted(looks):
        often = age(often, now + look, TIMERS)
    at = now + max(looks, default=0)
    assert often.state == age(status, at, TIMERS).state
