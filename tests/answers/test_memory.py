"""Remembered answers: they take turns, are found in two ways, and go together with what they depend on."""

from weakref import ref

import pytest

from fedns.answers import memory
from fedns.answers.memory import Asking, Counted, Entry, Known, Memory, Place


def kept(held: Memory, known: Known, name: bytes, key: tuple[str, str] | None = None) -> Entry:
    """An entry that is remembered."""
    entry = Entry(1, lambda _at: name)
    held.keep(Place(known, asking(name), key, negative=False), entry)
    return entry


def asking(name: bytes) -> Asking:
    """A question for A."""
    return name, 1, 1, 0


def test_an_entry_takes_turns_and_encodes_each_once() -> None:
    """Responses follow one another for ever; each is encoded when it is first wanted."""
    made: list[int] = []

    def encode(at: int) -> bytes:
        made.append(at)
        return b"%d" % at

    entry = Entry(2, encode)
    assert [entry.take() for _ in range(5)] == [b"0", b"1", b"0", b"1", b"0"]
    assert made == [0, 1]


def test_a_counted_entry_counts_each_turn() -> None:
    """Every response adds to the words of its own turn, encoded now or before."""
    counts = memoryview(bytearray(4 * 8)).cast("Q")
    entry = Counted([(0, 2), (1, 2), ()], counts, lambda at: b"%d" % at, b"")
    assert [entry.take() for _ in range(7)] == [b"0", b"1", b"2", b"0", b"1", b"2", b"0"]
    assert counts.tolist() == [3, 2, 5, 0]


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
    seen = [ref(each._encode) for each in entries]
    entries.clear()
    known.answers.clear()
    assert [held.fade(4) for _ in range(3)] == [True, True, False]
    assert [each() for each in seen] == [None] * 10
    assert (len(held), held.fade(4)) == (0, False)
