"""Snapshots: what was packed is read again, and whatever happened to the bytes on the way is one kind of error."""

from hashlib import sha256

import pytest
from msgspec import msgpack, structs

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.snapshot import MAGIC, BrokenSnapshotError, Heading, Snapshot, pack, unpack
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker, frame
from fedns.federation.health import NEVER, Status
from tests.answers.replicas import NOW, RULES, WEB, addresses, ask, export, fresh

HEADING = Heading(version="1.2.3", at=1_800_000_000.0, now=NOW)
MESSAGES: tuple[ToWorker, ...] = (
    NewRules(RULES),
    Members((fresh("eu1"), Status(cluster="us1", joined=1.0))),
    Replace("eu1", (export("eu1", [b"\n\1\0\1"], "eu-a"),), first=True, last=True),
    Generation("epoch", 7, 3),
)
WHOLE = b"".join(pack(HEADING, MESSAGES))


def signed(*pieces: bytes) -> bytes:
    """Whatever it is, with a sum that fits."""
    body = b"".join(pieces)
    return body + sha256(body).digest()


def framed(value: object) -> bytes:
    """A frame with any content."""
    body = msgpack.encode(value)
    return len(body).to_bytes(4) + body


def test_what_was_packed_is_read_again() -> None:
    """Heading and messages come out as they went in."""
    assert unpack(WHOLE) == Snapshot(HEADING, MESSAGES)


def test_it_makes_a_replica_on_another_clock() -> None:
    """Times of members move with the clock of whoever reads; what never happened still has not."""
    held = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    for message in unpack(WHOLE).moved(50.0):
        held.apply(message, 50.0)
    assert held.statuses["eu1"].alive == 50.0
    assert held.statuses["us1"].alive == NEVER
    assert held.statuses["us1"].recovering is None
    assert addresses(ask(held, WEB, now=50.0)) == ["10.1.0.1"]


def test_it_says_whom_and_what_it_is_of() -> None:
    """The clusters of the federation, and the exports of those that were read, however they were cut into pieces."""
    web = export("eu1", [b"\n\1\0\1"], "eu-a")
    api = structs.replace(web, name="api")
    pieces = (Replace("eu1", (web,), first=True, last=False), Replace("eu1", (api,), first=False, last=True))
    found = Snapshot(HEADING, (*MESSAGES[:2], *pieces, MESSAGES[-1]))
    assert found.clusters == RULES.clusters
    assert found.exports() == {"eu1": [web, api]}


@pytest.mark.parametrize(
    ("at", "now", "boot", "age"),
    [
        pytest.param(1_800_000_060.0, NOW + 50, "b1", 50.0, id="the steady clock of the same run tells it"),
        pytest.param(1_900_000_000.0, NOW + 50, "b1", 50.0, id="whatever the wall clock says"),
        pytest.param(1_800_000_060.0, NOW + 50, "b2", 60.0, id="the wall clock, in another run"),
        pytest.param(1_800_000_060.0, NOW - 50, "b1", 60.0, id="the wall clock, where the steady one went back"),
        pytest.param(1_700_000_000.0, NOW, "b2", 0.0, id="nothing, where the wall clock was set back"),
        pytest.param(1_800_000_060.0, NOW + 50, "", 60.0, id="the wall clock, where no run is known"),
    ],
)
def test_its_age(at: float, now: float, boot: str, age: float) -> None:
    """Seconds since it was written."""
    assert structs.replace(HEADING, boot="b1").age(at, now, boot) == age


def test_a_part_is_none() -> None:
    """Cut off at any byte it is told from a whole one."""
    for size in range(len(WHOLE)):
        with pytest.raises(BrokenSnapshotError):
            unpack(WHOLE[:size])


def test_a_changed_bit_is_noticed() -> None:
    """One bit of any byte is enough."""
    for at in range(len(WHOLE)):
        changed = bytearray(WHOLE)
        changed[at] ^= 1 << at % 8
        with pytest.raises(BrokenSnapshotError):
            unpack(bytes(changed))


STRANGE = {
    "nothing": (b"", "does not begin"),
    "another file": (b"#!/bin/sh\n" * 10, "does not begin"),
    "no heading": (signed(MAGIC), "heading cannot be read"),
    "a heading that is a list": (signed(MAGIC, framed([1])), "heading cannot be read"),
    "a heading without a format": (signed(MAGIC, framed({})), "heading cannot be read"),
    "a heading with less": (signed(MAGIC, framed({"format": 1})), "heading cannot be read"),
    "a later format": (
        signed(MAGIC, framed(structs.asdict(structs.replace(HEADING, format=9)))),
        "is of format 9, and this fedns reads format 1",
    ),
    "no messages": (signed(MAGIC, framed(HEADING)), "where they belong"),
    "an unknown message": (signed(MAGIC, framed(HEADING), framed({"type": "Hello"})), "frames cannot be read"),
    "no end": (signed(MAGIC, framed(HEADING), *map(frame, MESSAGES[:2])), "where they belong"),
    "a frame too large": (signed(MAGIC, b"\xff\xff\xff\xff"), "frames cannot be read"),
}


@pytest.mark.parametrize(("content", "sentence"), STRANGE.values(), ids=STRANGE)
def test_strange_bytes_are_told(content: bytes, sentence: str) -> None:
    """What has a right sum and is still no snapshot of ours is told with what is wrong."""
    with pytest.raises(BrokenSnapshotError, match=sentence):
        unpack(content)


def test_the_same_members_under_other_rules() -> None:
    """The rules can be told apart from the rest, and changed."""
    whole = unpack(WHOLE)
    assert whole.rules == RULES
    other = structs.replace(RULES, nsid="there")
    assert whole.under(other).rules == other
    assert whole.under(other).messages[1:] == MESSAGES[1:]
