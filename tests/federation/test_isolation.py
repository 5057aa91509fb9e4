"""Who is cut off: one-, two-, three- and five-member federations, and what then does not expire."""

import pytest

from fedns.federation.health import Freshness, Status, Timers
from fedns.federation.isolation import Isolation, age, isolated, remote
from fedns.federation.objects import Cluster

TIMERS = Timers()
RULE = Isolation()


def stale(name: str, since: float) -> Status:
    """A member that went stale at this moment."""
    return Status(cluster=name, joined=0, state=Freshness.STALE, since=since, synced=True, alive=since - 10)


def fresh(name: str, alive: float = 0.0) -> Status:
    """A member that was heard of then."""
    return Status(cluster=name, joined=0, state=Freshness.FRESH, since=0, synced=True, alive=alive)


@pytest.mark.parametrize(
    ("members", "gone", "expected"),
    [
        pytest.param(0, [], False, id="nobody"),
        pytest.param(1, [100], True, id="the one of one"),
        pytest.param(2, [100], False, id="one of two"),
        pytest.param(2, [100, 130], True, id="both of two"),
        pytest.param(2, [100, 131], False, id="both of two, one after the other"),
        pytest.param(3, [100], False, id="one of three"),
        pytest.param(3, [100, 110], True, id="two of three"),
        pytest.param(4, [100, 110], False, id="half of four"),
        pytest.param(5, [10, 100, 110, 129], True, id="three of five within a window, and one long before"),
        pytest.param(5, [10, 50, 90, 130], False, id="four of five, each for itself"),
    ],
)
def test_more_than_half_at_once(members: int, gone: list[float], expected: bool) -> None:
    """The share is of all remote members, and the window holds all of those that count."""
    lost = [stale(f"m{at}", since) for at, since in enumerate(gone)]
    assert isolated(lost, members, 200.0, TIMERS, RULE) is expected


@pytest.mark.parametrize(
    ("share", "gone", "expected"), [(1.0, 4, False), (0.75, 3, False), (0.75, 4, True), (0.0, 1, True)]
)
def test_the_share_is_a_setting(share: float, gone: int, expected: bool) -> None:
    """1 switches it off; 0 is enough with one."""
    lost = [stale(f"m{at}", 100.0) for at in range(gone)]
    assert isolated(lost, 4, 200.0, TIMERS, Isolation(share=share)) is expected


GONE = {Freshness.STALE, Freshness.RESTORED, Freshness.HELD}


@pytest.mark.parametrize("state", sorted(set(Freshness) - GONE))
def test_only_those_that_went_count(state: Freshness) -> None:
    """Not one that was never there, that may be about to go, or that went so long ago that it has expired."""
    other = Status(cluster="m", joined=0, state=state, since=100)
    assert not isolated([other], 1, 200.0, TIMERS, RULE)


def test_a_restored_one_counts_when_it_could_have_been_read() -> None:
    """A start is no isolation; a start that reads nobody for as long as makes others stale is one."""
    status = Status(cluster="m", joined=0, state=Freshness.RESTORED, since=100)
    assert not isolated([status], 1, 105.0, TIMERS, RULE)
    assert isolated([status], 1, 110.0, TIMERS, RULE)


def test_who_counts() -> None:
    """All that are followed themselves but the local one; what a hub tells of goes with its hub."""
    clusters = (Cluster(name="eu1"), Cluster(name="hub"), Cluster(name="c", via="hub"), Cluster(name="us1"))
    assert remote(clusters, "eu1") == {"hub", "us1"}


def test_nothing_expires_while_cut_off() -> None:
    """Both of two went: they stay stale for ever; when one is back, the other is what has gone, and expires."""
    aged = age({"eu1": fresh("eu1", 400), "a": fresh("a"), "b": fresh("b", 3.0)}, {"a", "b"}, 20.0, TIMERS, RULE)
    for now in (100.0, 400.0):
        aged = age(aged.statuses, {"a", "b"}, now, TIMERS, RULE)
        assert aged.isolated
        assert [aged.statuses[name].state for name in ("eu1", "a", "b")] == ["fresh", "stale", "stale"]
    back = age({**aged.statuses, "b": fresh("b", 401.0)}, {"a", "b", "gone"}, 402.0, TIMERS, RULE)
    assert not back.isolated
    assert back.statuses["a"].state == Freshness.EXPIRED


def test_a_process_that_slept_sees_that_all_went_at_once() -> None:
    """Nobody looked for an hour: that is no proof that the members are gone, and they are stale, not expired."""
    aged = age({"a": fresh("a"), "b": fresh("b", 5.0)}, {"a", "b"}, 3600.0, TIMERS, RULE)
    assert aged.isolated
    assert {each.state for each in aged.statuses.values()} == {Freshness.STALE}


def test_one_that_goes_alone_expires() -> None:
    """As ever."""
    aged = age({"a": fresh("a"), "b": fresh("b", 400.0)}, {"a", "b"}, 400.0, TIMERS, RULE)
    assert (aged.isolated, aged.statuses["a"].state) == (False, Freshness.EXPIRED)
