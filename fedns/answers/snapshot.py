"""All that fedns holds, as bytes that can lie in a file or travel to a command: a heading, then a worker's messages.

What a worker is told makes the content, in the same frames, so that whoever reads it can apply it to a replica. A sum
over all of it stands at the end: what was torn, cut or changed on the way is told by it, whatever the frames look like.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import chain
from typing import Final

import msgspec
from msgspec import Struct, msgpack, structs

from fedns.answers.rules import Rules
from fedns.answers.wire import (
    BrokenStreamError,
    Frames,
    Generation,
    Members,
    NewRules,
    Replace,
    ToWorker,
    frame,
    to_worker,
)
from fedns.federation.health import Status
from fedns.federation.objects import Cluster, Export

MAGIC: Final = b"fedns snapshot\n"
FORMAT: Final = 1
"""The version of this layout: another one is not read, but told."""
_SUM_BYTES: Final = 32
_TIMES: Final = ("joined", "since", "alive", "readable", "recovering")


class Heading(Struct, frozen=True, kw_only=True):
    """Where it comes from: `at` is Unix seconds, `now` the same moment in the writer's CLOCK_MONOTONIC seconds."""

    format: int = FORMAT
    version: str
    """The fedns that wrote it."""
    at: float
    now: float
    boot: str = ""
    """Which run of a machine's kernel `now` belongs to."""

    def age(self, at: float, now: float, boot: str) -> float:
        """Seconds since it was written, as a reader's clocks tell; a wall clock that was set back tells 0.

        In the same run of the same machine CLOCK_MONOTONIC tells it, whatever has become of the wall clock.
        """
        if boot and boot == self.boot and now >= self.now:
            return now - self.now
        return max(0.0, at - self.at)


class BrokenSnapshotError(ValueError):
    """The bytes are no whole snapshot of this format; the message says what is wrong with them."""


class Snapshot(Struct, frozen=True):
    """What was read: `messages` are a worker's, and begin with the rules and the members."""

    heading: Heading
    messages: tuple[ToWorker, ...]

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """The clusters of the federation that it is of."""
        return next(each.rules.clusters for each in self.messages if isinstance(each, NewRules))

    def exports(self) -> dict[str, list[Export]]:
        """All that it holds, by the clusters that have been read."""
        found: dict[str, list[Export]] = {}
        for message in self.messages:
            if isinstance(message, Replace):
                found.setdefault(message.cluster, []).extend(message.exports)
        return found

    @property
    def rules(self) -> Rules:
        """The rules that were in force."""
        first = self.messages[0]
        assert isinstance(first, NewRules)
        return first.rules

    def under(self, rules: Rules) -> "Snapshot":
        """The same members under other rules."""
        return Snapshot(self.heading, (NewRules(rules), *self.messages[1:]))

    def moved(self, now: float) -> Iterator[ToWorker]:
        """The messages with the members' times moved to a clock that shows `now` when the snapshot was written."""
        shift = now - self.heading.now
        for message in self.messages:
            if isinstance(message, Members):
                yield Members(tuple(_moved(status, shift) for status in message.statuses))
            else:
                yield message


def pack(heading: Heading, messages: Iterable[ToWorker]) -> Iterator[bytes]:
    """The bytes, in pieces of a frame each; `messages` are the rules, the members, the exports and the generation."""
    total = sha256()
    for piece in chain((MAGIC, _framed(msgpack.encode(heading))), map(frame, messages)):
        total.update(piece)
        yield piece
    yield total.digest()


def unpack(content: bytes) -> Snapshot:
    """What `pack` made; raises BrokenSnapshotError."""
    if not content.startswith(MAGIC):
        raise BrokenSnapshotError("it does not begin as a snapshot of fedns does")
    body, told = content[:-_SUM_BYTES], content[-_SUM_BYTES:]
    if len(content) < len(MAGIC) + _SUM_BYTES or sha256(body).digest() != told:
        raise BrokenSnapshotError("its sum does not fit: it was cut off or changed")
    try:
        frames = list(Frames().feed(body[len(MAGIC) :]))
        heading = _heading(frames)
        messages = tuple(map(to_worker, frames[1:]))
    except BrokenStreamError as fault:
        raise BrokenSnapshotError(f"its frames cannot be read: {fault}") from fault
    kinds = [type(message) for message in messages]
    if kinds[:2] != [NewRules, Members] or kinds[-1:] != [Generation]:
        raise BrokenSnapshotError("it does not hold the rules, the members and the generation where they belong")
    return Snapshot(heading, messages)


def _heading(frames: list[bytes]) -> Heading:
    """The first frame; another format may have any further ones."""
    try:
        found = msgpack.decode(frames[0])
        if found["format"] == FORMAT:
            return msgspec.convert(found, Heading)
    except (IndexError, KeyError, TypeError, ValueError) as fault:
        raise BrokenSnapshotError(f"its heading cannot be read: {fault!r}") from fault
    raise BrokenSnapshotError(f"it is of format {found['format']}, and this fedns reads format {FORMAT}")


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4) + body


def _moved(status: Status, shift: float) -> Status:
    times = {name: getattr(status, name) for name in _TIMES}
    return structs.replace(status, **{name: time + shift for name, time in times.items() if time is not None})
