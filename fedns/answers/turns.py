"""In which order the responses of one answer take turns: shares of groups, rotation inside a group, windows that fit.

A turn is a tuple of record indices of one group. The list of turns is walked for ever; over one walk every share is
exact, and every record of a group that does not fit whole is shown equally often.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Final

from msgspec import Struct

MAX_RING: Final = 512
"""Slots of a ring at most: shares with a larger common denominator are rounded to the nearest 512th."""
MAX_TURNS: Final = 8_192
"""Responses of one walk at most: 229,000 IPv4 addresses in 512 bytes. They are encoded when their turn comes."""
MAX_ROTATIONS: Final = 64
"""Rotations of one group at most: enough for an even spread, and it bounds the bytes held for one question."""


class Turn(Struct, frozen=True, gc=False):
    """One response: which group, and which of its records in which order."""

    group: int
    records: tuple[int, ...]


def ring(shares: Sequence[Fraction]) -> list[int]:
    """The group of each slot, evenly interleaved; group g has exactly shares[g] of all slots.

    The shares sum to 1. Where their common denominator is over MAX_RING, the largest remainders get the odd slots.
    """
    slots = min(lcm(*(share.denominator for share in shares)), MAX_RING)
    counts = [int(share * slots) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda at: (counts[at] - shares[at] * slots, at))
    for at in by_remainder[: slots - sum(counts)]:
        counts[at] += 1
    given = [0] * len(shares)
    order = []
    for slot in range(1, slots + 1):
        # The group that is furthest behind its share goes next: the smooth weighted round robin of load balancers.
        behind = [counts[at] * slot - given[at] * slots for at in range(len(shares))]
        chosen = max(range(len(shares)), key=lambda at: (behind[at], -at))
        given[chosen] += 1
        order.append(chosen)
    return order


def windows(count: int, fitting: int) -> list[tuple[int, ...]]:
    """Rotations of `count` records of which at most `fitting` go into one response.

    Each round of windows shows every record exactly once; later rounds start elsewhere, so that the first place, which
    many clients take, goes round too.
    """
    if count == 0:
        return [()]
    parts = -(-count // max(1, fitting))
    rounds = max(1, min(count, MAX_ROTATIONS // parts if parts <= MAX_ROTATIONS else 1))
    out = []
    for turn in range(rounds):
        start = turn * count // (rounds * parts) if parts > 1 else turn * count // rounds
        for part in range(parts):
            first, last = part * count // parts, (part + 1) * count // parts
            out.append(tuple((start + at) % count for at in range(first, last)))
    return out


def turns(shares: Sequence[Fraction], rotations: Sequence[Sequence[tuple[int, ...]]]) -> list[Turn]:
    """One whole walk: the ring of groups, repeated until every group's rotations have had their turn.

    Where that is short, until all have had it equally often.
    """
    order = ring(shares)
    slots = Counter(order)
    longest = max(len(each) for each in rotations)
    needed = max(-(-len(each) // slots[group]) for group, each in enumerate(rotations) if slots[group])
    walks = max(1, min(longest, MAX_RING // len(order)), min(needed, MAX_TURNS // len(order)))
    seen = [0] * len(shares)
    out = []
    for group in order * walks:
        own = rotations[group]
        out.append(Turn(group, own[seen[group] % len(own)]))
        seen[group] += 1
    return out
