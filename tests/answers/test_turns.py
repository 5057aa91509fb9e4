"""Turns: over one walk shares are exact, and every record has its place equally often."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers.turns import MAX_RING, MAX_TURNS, ring, turns, windows

SHARES = {
    "one group": [Fraction(1)],
    "35/50/15": [Fraction(35, 100), Fraction(50, 100), Fraction(15, 100)],
    "thirds": [Fraction(1, 3)] * 3,
    "2/5 1/5 2/5": [Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)],
    "nothing for the last": [Fraction(1), Fraction(0)],
}


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES.keys())
def test_a_ring_has_exact_shares(shares: list[Fraction]) -> None:
    """Each group has exactly its share of the slots."""
    slots = ring(shares)
    assert [Fraction(slots.count(group), len(slots)) for group in range(len(shares))] == shares


def test_a_ring_is_interleaved() -> None:
    """Groups take turns as evenly as their shares allow, never in blocks."""
    assert ring([Fraction(1, 2), Fraction(1, 2)]) == [0, 1]
    assert ring([Fraction(3, 4), Fraction(1, 4)]) == [0, 0, 1, 0]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=12))
def test_a_large_denominator_is_rounded_to_the_nearest_slot(weights: list[int]) -> None:
    """No ring is longer than MAX_RING, and no group is off by a whole slot or more."""
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    slots = ring(shares)
    assert len(slots) <= MAX_RING
    for group, share in enumerate(shares):
        assert abs(slots.count(group) - share * len(slots)) < 1


@given(st.integers(1, 2_000), st.integers(1, 200))
def test_windows_show_every_record_equally_often(count: int, fitting: int) -> None:
    """No window is larger than fits, none is empty, and all records appear equally often."""
    shown = windows(count, fitting)
    assert all(1 <= len(each) <= fitting and len(set(each)) == len(each) for each in shown)
    assert len(set(Counter(at for each in shown for at in each).values())) == 1


def test_no_records_make_one_empty_window() -> None:
    """A group without records still has a response."""
    assert windows(0, 10) == [()]


def test_small_sets_rotate_through_every_first_place() -> None:
    """Clients that take the first record only are spread over all of them."""
    assert {each[0] for each in windows(10, 10)} == set(range(10))


def test_turns_keep_shares_and_rotate_inside_groups() -> None:
    """Over one walk the shares are exact and each group's rotations follow one another."""
    walk = turns([Fraction(1, 2), Fraction(1, 2)], [windows(3, 3), windows(1, 1)])
    assert Counter(turn.group for turn in walk) == {0: 3, 1: 3}
    assert [turn.records[0] for turn in walk if turn.group == 0] == [0, 1, 2]


@pytest.mark.parametrize(
    ("shares", "sizes", "fitting"),
    [
        pytest.param([Fraction(1)], [5_000], 1, id="one address at a time"),
        pytest.param([Fraction(1, 2), Fraction(1, 2)], [5_000, 3], 28, id="two groups"),
        pytest.param([Fraction(1, 511), Fraction(510, 511)], [300, 4], 28, id="a small share"),
    ],
)
def test_every_record_gets_its_turn(shares: list[Fraction], sizes: list[int], fitting: int) -> None:
    """However many windows a group needs, and however small its share: none is left out of the walk."""
    walk = turns(shares, [windows(size, fitting) for size in sizes])
    shown = {(turn.group, at) for turn in walk for at in turn.records}
    assert shown == {(group, at) for group, size in enumerate(sizes) for at in range(size)}
    counts = Counter(turn.group for turn in walk)
    assert [Fraction(counts[group], len(walk)) for group in range(len(shares))] == shares


def test_a_walk_is_bounded() -> None:
    """Past MAX_TURNS responses the rest of a very large set is not shown until the answer is made anew."""
    assert len(turns([Fraction(1)], [windows(MAX_TURNS + 1, 1)])) == MAX_TURNS
