"""Remembered answers: they take turns, are found in two ways, and go together with what they depend on."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from msgspec import Struct, structs

from fedns.answers import memory
from fedns.answers.memory import Counted, Entry, Known, Memory, Place
from tests.answers.replicas import WEB, ask, replica


class Numbered:
    """A recipe: each response is its number, or always the same text."""

    def __init__(self, text: bytes = b"") -> None:
        self.text = text
        self.made: list[int] = []

    def encode(self, turn: int) -> bytes:
        """The response of this turn."""
        self.made.append(turn)
        return self.text or b"%d" % turn


COUNTS = memoryview(bytearray(8)).cast("Q")


def kept(held: Memory, known: Known, name: bytes, key: tuple[str, str] | None = None) -> Entry:
    """An entry that is remembered."""
    entry = Entry(1, Numbered(name))
    held.keep(Place(known, asking(name), key, negative=False), entry)
    return entry


def asking(name: bytes) -> bytes:
    """A question for A."""
    return name + b"\0\1\0\1\0\0\0\0"


def test_an_entry_takes_turns_and_encodes_each_once() -> None:
    """Responses follow one another for ever; each is encoded when it is first wanted."""
    recipe = Numbered()
    entry = Entry(2, recipe)
    assert [entry.take(COUNTS) for _ in range(5)] == [b"0", b"1", b"0", b"1", b"0"]
    assert recipe.made == [0, 1]


def test_a_response_is_counted_once_or_twice() -> None:
    """Each one by what kind of reply it is, and some by their extended error, too."""
    counts = memoryview(bytearray(80)).cast("Q")
    plain, noted = Entry(1, Numbered(b"plain")), Entry(1, Numbered(b"noted"))
    plain.word, noted.word, noted.noted = 3, 3, 5
    for entry in (plain, plain, noted):
        entry.take(counts)
    assert counts.tolist() == [0, 0, 0, 3, 0, 1, 0, 0, 0, 0]


def test_what_responses_are_made_from_is_let_go_with_the_last_one() -> None:
    """Not before, and a response that could not be made is made when its turn comes again."""

    class Maker:
        """Fails the first time."""

        failed = False

        def encode(self, at: int) -> bytes:
            if not self.failed:
                self.failed = True
                raise RuntimeError("a bug")
            return b"%d" % at

    maker = Maker()
    entry, alive = Entry(2, maker), weakref.ref(maker)
    del maker
    with pytest.raises(RuntimeError):
        entry.take(COUNTS)
    assert entry.take(COUNTS) == b"1"
    assert alive() is not None
    assert entry.take(COUNTS) == b"0"
    assert alive() is None
    assert entry.take(COUNTS) == b"1"


def test_a_counted_entry_counts_each_turn() -> None:
    """Every response adds to the words of its own turn, encoded now or before, besides that of all."""
    counts = memoryview(bytearray(5 * 8)).cast("Q")
    entry = Counted(3, Numbered(), counted=((0, 2), (1, 2), ()))
    entry.word = 4
    assert [entry.take(counts) for _ in range(7)] == [b"0", b"1", b"2", b"0", b"1", b"2", b"0"]
    assert counts.tolist() == [3, 2, 5, 0, 7]


def test_an_entry_goes_from_both_levels() -> None:
    """What depends on a thing that changed is found neither by its packets nor by its question; others stay."""
    held, known = Memory(), Known()
    web, api = kept(held, known, b"web", ("shop", "web")), kept(held, known, b"api", ("shop", "api"))
    for entry, packet in ((web, b"one"), (web, b"two"), (api, b"three")):
        held.alias(known, packet, entry)
    held.forget(("shop", "web"))
    assert known.packets == {b"three": api}
    assert known.answers == {asking(b"api"): api}
    assert len(held) == 1


def test_few_packets_lead_to_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that varies its packets finds its answers by the question, and fills no memory."""
    monkeypatch.setattr(memory, "MAX_ALIASES", 2)
    held, known = Memory(), Known()
    entry = kept(held, known, b"web")
    for number in range(5):
        held.alias(known, b"%d" % number, entry)
    assert len(known.packets) == 2


def test_a_memory_that_is_used_no_more_fades() -> None:
    """Bit by bit, whatever depends on what; its entries are held by nobody then."""
    held, known = Memory(), Known()
    entries = [kept(held, known, b"%d" % at, ("shop", str(at % 2)) if at % 3 else None) for at in range(10)]
    held.keep_briefly(entries[0], 5.0)
    seen = [weakref.ref(each.recipe) for each in entries if each.recipe is not None]
    entries.clear()
    known.answers.clear()
    assert len(seen) == 10
    assert [held.fade(4) for _ in range(3)] == [True, True, False]
    assert [each() for each in seen] == [None] * 10
    assert (len(held), held.fade(4)) == (0, False)


def parts(value: object) -> Iterator[object]:
    """A value and everything that it holds, but for what all entries share."""
    if not isinstance(value, Known | memoryview):
        yield value
        held = structs.astuple(value) if isinstance(value, Struct) else value
        for each in (
            (*held.keys(), *held.values()) if isinstance(held, dict) else held if isinstance(held, tuple) else ()
        ):
            yield from parts(each)


@pytest.mark.parametrize("name", [WEB, f"_http._tcp.{WEB}", f"none.{WEB}", "_explain." + WEB])
def test_the_collector_looks_at_no_answer(name: str) -> None:
    """Whatever is remembered of an answer is outside the garbage collector's rounds, once these have seen it."""
    held = replica()
    for qtype in ("A", "SRV", "TXT"):
        ask(held, name, qtype)
    (known,) = held.views._known.values()
    entries = list(known.answers.values())
    for _ in range(3):  # of tuples inside each other one may leave in each round
        gc.collect()
    assert entries
    assert [each for entry in entries for each in parts(entry) if gc.is_tracked(each)] == []
