"""When two replicas are said to differ: not for a change on its way, but for one that does not come."""

from msgspec import structs

from fedns.answers.digests import Digests, Part
from fedns.control.agreement import KEPT, Agreement, Past

BOUND = 15.0


def told(eu1: int = 1, *, state: str = "fresh", rules: str = "r") -> Digests:
    """The digests of a replica with one member."""
    return Digests(rules=rules, members={"eu1": Part(state, 3, f"{eu1:016x}")})


def test_it_disagrees_until_it_agrees() -> None:
    """The time counts from the first reply that differs to the first one that does not, with the reasons."""
    each = Agreement(Past())
    each.hear(told(), told(), 10.0, BOUND)
    assert (each.since, each.reasons) == (None, ())
    each.hear(told(state="stale"), told(), 15.0, BOUND)
    each.hear(told(rules="other"), told(), 20.0, BOUND)
    assert [each.since, *each.reasons] == [15.0, "rules: configuration, drains or migrations are not the same"]
    each.hear(told(), told(), 25.0, BOUND)
    assert [each.since, *each.reasons] == [None]


def test_what_was_here_a_moment_ago_is_no_difference() -> None:
    """A replica that is behind agrees, while it is not behind for longer than the bound."""
    past = Past()
    past.left("eu1", 1, 100.0)
    each = Agreement(past)
    each.hear(told(1), told(2), 100.0 + BOUND, BOUND)
    assert each.since is None
    each.hear(told(1), told(2), 100.1 + BOUND, BOUND)
    assert [each.since, *each.reasons] == [115.1, "eu1: other exports (3 services here, 3 there)"]


def test_what_comes_here_a_moment_later_is_no_difference() -> None:
    """A replica that is ahead agrees as soon as this one has seen the same."""
    each = Agreement(Past())
    each.hear(told(2), told(1), 100.0, BOUND)
    each.look(told(1), 100.2, BOUND)
    assert each.since == 100.0
    each.look(told(2), 100.5, BOUND)
    assert [each.since, *each.reasons] == [None]
    each.look(told(3), 101.0, BOUND)
    assert each.since is None


def test_changes_in_another_order() -> None:
    """Under a storm no two moments are alike; each member by itself passes through the same digests."""
    past, each = Past(), Agreement(Past())
    each = Agreement(past)
    for at in range(KEPT + 5):
        past.left("eu1", at, 100.0 + at / 1000)
    mine = structs.replace(told(9999), members={"eu1": Part("fresh", 3, f"{9999:016x}")})
    each.hear(told(KEPT), mine, 102.1, BOUND)
    assert each.since is None
    each.hear(told(2), mine, 102.1, BOUND)  # so many are remembered, and no more
    assert each.since == 102.1


def test_who_cannot_be_asked_is_not_forgotten_at_once() -> None:
    """One reply that is lost ends no disagreement; after the bound nothing is known any more."""
    each = Agreement(Past())
    each.miss("no reply", 1.0, BOUND)
    assert (each.heard, each.since, each.trouble) == (None, None, "no reply")
    each.hear(told(2), told(1), 10.0, BOUND)
    each.miss("no reply", 15.0, BOUND)
    each.look(told(2), 16.0, BOUND)
    assert (each.since, each.trouble) == (10.0, "no reply")
    each.miss("no reply", 26.0, BOUND)
    assert (each.since, each.reasons) == (None, ())


def test_a_member_that_left_has_no_past() -> None:
    """What a member of that name had before says nothing of it when it comes again."""
    past = Past()
    past.left("eu1", 1, 1.0)
    assert past.had("eu1", f"{1:016x}", 0.0)
    past.forget("eu1")
    assert not past.had("eu1", f"{1:016x}", 0.0)
