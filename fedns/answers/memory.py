"""The encoded answers of one worker, on two levels, until what they were made from changes.

A plain packet that has come before is found by its own bytes without the id. Any other packet is parsed, and found by
what its answer depends on: name without case, type, and the shape of the reply; so random ids, letters' case, cookies
and client subnets cost a parse and no more. Both levels lead to the same entry, whose responses take turns.

Tens of thousands of entries would make each round of the garbage collector a pause. So it tracks few of them: they
are structs outside its rounds (`gc=False`), bytes, tuples and dictionaries of these. One that is kept knows its place,
where it is known: such a cycle is undone when the entry is forgotten, and by nothing else.
"""

from collections import OrderedDict, deque
from collections.abc import Container
from typing import Final, Protocol

from msgspec import Struct

from fedns.federation.objects import ServiceKey

MAX_ENTRIES: Final = 65_536
"""Encoded positive answers held at most; the oldest goes first. About 4 KB each, all told."""
MAX_NEGATIVES: Final = 16_384
"""Encoded negative answers held at most, apart, so that a flood of random names cannot push out real ones."""
MAX_ALIASES: Final = 4
"""Plain packets that lead to one entry at most: clients of one kind send the same bytes."""
VOLATILE_SECONDS: Final = 1.0
"""An answer that tells an age is made anew after this long."""


class Recipe(Protocol):
    """How the responses of one question are made."""

    def encode(self, turn: int) -> bytes:
        """The response of this turn, without its id."""


class Entry(Struct, gc=False, eq=False):
    """The responses of one question, without their ids, that take turns.

    There are so many `turns`; `turn` is the last one that was taken. `responses` are those encoded already, and when
    all are, there is no `recipe` any more: it is far more than they are. `name` is the one that they are encoded with;
    with `taken`, they answer for all names beside it, but for those labels (see `Answer`). `word` is the counter of
    them all, `noted` a second one, or 0 for none. `opt` is the OPT record with which they end, unless it had to go
    without its options. `aliases` are the packets by which it is found.
    """

    turns: int
    recipe: Recipe | None
    opt: bytes = b""
    name: bytes = b""
    taken: Container[str] | None = None
    word: int = 0
    noted: int = 0
    place: "Place | None" = None
    aliases: tuple[bytes, ...] = ()
    turn: int = -1
    responses: dict[int, bytes] = {}

    def take(self, counts: memoryview) -> bytes:
        """The next response, encoded when it is its first time; it is counted there."""
        turn = self.turn + 1
        if turn == self.turns:
            turn = 0
        self.turn = turn
        response = self.responses.get(turn) or self._encoded(turn)
        counts[self.word] += 1
        if self.noted:
            counts[self.noted] += 1
        return response

    def _encoded(self, turn: int) -> bytes:
        assert self.recipe is not None, "it is there until all is encoded"
        response = self.responses[turn] = self.recipe.encode(turn)
        if len(self.responses) == self.turns:
            self.recipe = None
        return response


class Counted(Entry, gc=False, eq=False, kw_only=True):
    """The same, of an answer that concerns a drain or a migration: each response adds one to words of its own.

    A class apart, so that all other answers pay nothing for it. `counted` are the words of each response.
    """

    counted: tuple[tuple[int, ...], ...]

    def take(self, counts: memoryview) -> bytes:
        """The next response, counted."""
        response = super().take(counts)
        for word in self.counted[self.turn]:
            counts[word] += 1
        return response


class Known:
    """What is remembered for one kind of client: by plain packets without their ids, and by what is asked."""

    __slots__ = ("answers", "packets")

    def __init__(self) -> None:
        self.packets: dict[bytes, Entry] = {}
        self.answers: dict[bytes, Entry] = {}


class Place(Struct, frozen=True, gc=False):
    """Where a remembered entry stands: what is asked by which kind of client, and what it depends on.

    `asking` is all that an answer depends on beside who asks: the name in lower case, type, class, and the shape of the
    reply.
    """

    known: Known
    asking: bytes
    key: ServiceKey | None
    negative: bool


class Memory:
    """All remembered entries, bounded."""

    def __init__(self) -> None:
        self._kept: tuple[OrderedDict[Entry, None], OrderedDict[Entry, None]] = (OrderedDict(), OrderedDict())
        self._dependents: dict[ServiceKey | None, dict[Entry, None]] = {}
        self._volatile: deque[tuple[float, Entry]] = deque()

    def __len__(self) -> int:
        """Entries held."""
        return len(self._kept[False]) + len(self._kept[True])

    def keep(self, place: Place, entry: Entry) -> None:
        """Remember the responses to a question until something that they depend on changes."""
        kept = self._kept[place.negative]
        if len(kept) >= (MAX_NEGATIVES if place.negative else MAX_ENTRIES):
            self._drop(next(iter(kept)))
        entry.place = place
        place.known.answers[place.asking] = entry
        kept[entry] = None
        self._dependents.setdefault(place.key, {})[entry] = None

    @staticmethod
    def alias(known: Known, packet: bytes, entry: Entry) -> None:
        """From now on a remembered entry is found by these bytes, too (a packet without its id)."""
        if len(entry.aliases) < MAX_ALIASES:
            entry.aliases += (packet,)
            known.packets[packet] = entry

    def keep_briefly(self, entry: Entry, now: float) -> None:
        """A remembered response tells an age: it is to be made anew soon."""
        self._volatile.append((now + VOLATILE_SECONDS, entry))

    def tick(self, now: float) -> None:
        """Forget what was to be kept briefly."""
        while self._volatile and self._volatile[0][0] <= now:
            self._drop(self._volatile.popleft()[1])

    def forget(self, key: ServiceKey | None) -> None:
        """Forget everything that depends on this."""
        for entry in self._dependents.pop(key, ()):
            self._drop(entry)

    def fade(self, count: int) -> bool:
        """Free so many entries of a memory that is used no more, found by nobody; False when none are left.

        To free tens of thousands of them at once would be a pause of tenths of a second.
        """
        while self._volatile and count:
            self._volatile.popleft()
            count -= 1
        for kept in self._kept:
            while kept and count:
                entry, _ = kept.popitem(last=False)
                place, entry.place = entry.place, None
                assert place is not None, "what is kept has a place"
                dependents = self._dependents[place.key]
                del dependents[entry]
                if not dependents:
                    del self._dependents[place.key]
                count -= 1
        return bool(self)

    def _drop(self, entry: Entry) -> None:
        """Forget one entry, wherever it is known; one that has been forgotten already stays so."""
        place, entry.place = entry.place, None
        if place is None:
            return
        del place.known.answers[place.asking]
        for packet in entry.aliases:
            del place.known.packets[packet]
        del self._kept[place.negative][entry]
        dependents = self._dependents.get(place.key)
        if dependents is not None:
            del dependents[entry]
            if not dependents:
                del self._dependents[place.key]
