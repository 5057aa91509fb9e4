"""The encoded answers of one worker, on two levels, until what they were made from changes.

A plain packet that has come before is found by its own bytes without the id. Any other packet is parsed, and found by
what its answer depends on: name without case, type, and the shape of the reply; so random ids, letters' case, cookies
and client subnets cost a parse and no more. Both levels lead to the same entry, whose responses take turns.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Container, Sequence
from typing import Final, NamedTuple

from fedns.federation.objects import ServiceKey

MAX_ENTRIES: Final = 65_536
"""Encoded positive answers held at most; the oldest goes first. About 2 KB each, with a few addresses."""
MAX_NEGATIVES: Final = 16_384
"""Encoded negative answers held at most, apart, so that a flood of random names cannot push out real ones."""
MAX_ALIASES: Final = 4
"""Plain packets that lead to one entry at most: clients of one kind send the same bytes."""
VOLATILE_SECONDS: Final = 1.0
"""An answer that tells an age is made anew after this long."""

Asking = tuple[bytes, int, int, int]
"""Name in lower case, type, class, and the shape of the reply: all that an answer depends on, beside who asks."""


class Entry:
    """The responses of one question, without their ids, that take turns.

    `name` is the one that they are encoded with; with `taken`, they answer for all names beside it, but for those
    labels (see `Answer`). `word` is the counter of them all, `noted` a second one, or 0 for none. `opt` is the OPT
    record with which they end, unless it had to go without its options.
    """

    __slots__ = (
        "_at",
        "_encode",
        "_missing",
        "_responses",
        "aliases",
        "name",
        "noted",
        "opt",
        "place",
        "taken",
        "word",
    )

    def __init__(self, responses: int, encode: Callable[[int], bytes], opt: bytes = b"") -> None:
        self._responses: list[bytes | None] = [None] * responses
        self._encode: Callable[[int], bytes] | None = encode
        self._missing = responses
        self._at = -1
        self.name = b""
        self.taken: Container[str] | None = None
        self.word = 0
        self.noted = 0
        self.opt = opt
        self.place: Place | None = None
        self.aliases: list[bytes] = []

    def take(self, counts: memoryview) -> bytes:
        """The next response, encoded when it is its first time; it is counted there."""
        responses = self._responses
        at = self._at + 1
        if at == len(responses):
            at = 0
        self._at = at
        response = responses[at] or self._make(at)
        counts[self.word] += 1
        if self.noted:
            counts[self.noted] += 1
        return response

    def _make(self, at: int) -> bytes:
        """Encode one; after the last of them, what they were made from is let go: it is far more than they are."""
        assert self._encode is not None, "one is missing"
        response = self._responses[at] = self._encode(at)
        self._missing -= 1
        if not self._missing:
            self._encode = None
        return response


class Counted(Entry):
    """The same, of an answer that concerns a drain or a migration: each response adds one to words of its own.

    A class apart, so that all other answers pay nothing for it. `counted` are the words of each response.
    """

    __slots__ = ("_counted",)

    def __init__(self, counted: Sequence[tuple[int, ...]], encode: Callable[[int], bytes], opt: bytes) -> None:
        super().__init__(len(counted), encode, opt)
        self._counted = counted

    def take(self, counts: memoryview) -> bytes:
        """The next response, counted."""
        response = super().take(counts)
        for word in self._counted[self._at]:
            counts[word] += 1
        return response


class Known:
    """What is remembered for one kind of client: by plain packets without their ids, and by what is asked."""

    __slots__ = ("answers", "packets")

    def __init__(self) -> None:
        self.packets: dict[bytes, Entry] = {}
        self.answers: dict[Asking, Entry] = {}


class Place(NamedTuple):
    """Where a remembered entry stands: what is asked by which kind of client, and what it depends on."""

    known: Known
    asking: Asking
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
            entry.aliases.append(packet)
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
