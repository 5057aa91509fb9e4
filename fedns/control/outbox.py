"""What one worker still has to be told: names of things, never their values, so a slow worker costs no memory.

Values are taken from the truth when they are sent: whatever happened in between, the last one wins. Every member has
its own queue, oldest name first, and they take turns: a member with thousands of names delays another's single one by
one message. It knows nothing of sockets.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from msgspec import structs

from fedns.answers.wire import CHUNK, Change, Members, NewRules, Nodes, Replace, ToWorker, Types, types_of
from fedns.control.truth import Truth
from fedns.federation.health import Freshness, Status
from fedns.federation.objects import Export, ServiceKey

MAX_KEYS: Final = 20_000
"""Pending names at most; beyond, the members concerned are sent as a whole, which costs one name each."""
CHUNK_ENDPOINTS: Final = 20_000
"""Endpoints in one Replace frame at most, about: 600 KB, and a few milliseconds of a worker's time."""
PIECE: Final = 100
"""Messages about exports in one piece at most: some milliseconds of this process and of a worker."""
PIECE_ENDPOINTS: Final = 20_000
"""Endpoints in one piece at most, about."""
PIECE_NODES: Final = 500
"""Changed nodes in one piece at most: some milliseconds of a worker."""
EXPORT_COSTS: Final = 20
"""An export costs as much as so many endpoints, whatever it has."""


class Piece(NamedTuple):
    """Messages to send at one go; with them a worker holds everything up to generation `told`."""

    messages: list[ToWorker]
    told: int


class _Queue:
    """What is pending of one member: its whole, and then the names that changed since, with their generations."""

    __slots__ = ("chunks", "chunks_at", "keys", "whole_at")

    def __init__(self) -> None:
        self.keys: dict[ServiceKey, int] = {}
        self.whole_at: int | None = None
        self.chunks: Iterator[Replace] | None = None
        self.chunks_at = 0

    def oldest(self) -> int:
        """The generation of what has waited longest."""
        if self.chunks is not None:
            return self.chunks_at
        return self.whole_at if self.whole_at is not None else next(iter(self.keys.values()))

    def __bool__(self) -> bool:
        return bool(self.keys) or self.whole_at is not None or self.chunks is not None

    def __len__(self) -> int:
        return len(self.keys) + (self.whole_at is not None) + (self.chunks is not None)


class Outbox:
    """One worker's pending news; `wake` is set while there is any."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self._rules = False
        self._members = False
        self._types = False
        self._all_nodes = False
        self._nodes: dict[str, int] = {}
        self._left: set[str] = set()
        self._queues: dict[str, _Queue] = {}
        self._names = 0
        self._synced: set[str] = set()

    def rules(self) -> None:
        """The rules have changed."""
        self._rules = True
        self.wake.set()

    def members(self) -> None:
        """A status has moved."""
        self._members = True
        self.wake.set()

    def types(self) -> None:
        """Other types of services are settled."""
        self._types = True
        self.wake.set()

    def nodes(self, names: Iterable[str], generation: int) -> None:
        """These nodes have changed in this generation."""
        for name in names:
            self._nodes.setdefault(name, generation)
        self.wake.set()

    def all_nodes(self) -> None:
        """All nodes are to be told."""
        self._all_nodes = True
        self.wake.set()

    def left(self, cluster: str) -> None:
        """A member has left; if it comes back before this is sent, the worker still forgets what it held of it."""
        self._left.add(cluster)
        if queue := self._queues.pop(cluster, None):
            self._names -= len(queue.keys)
        self._synced.discard(cluster)
        self.members()

    def whole(self, cluster: str, generation: int) -> None:
        """The whole of one member is to be told, as it became in this generation; one under way is finished first."""
        queue = self._queues.setdefault(cluster, _Queue())
        if queue.whole_at is None:
            queue.whole_at = next(iter(queue.keys.values()), generation)
        self._names -= len(queue.keys)
        queue.keys.clear()
        self.wake.set()

    def keys(self, cluster: str, keys: Iterable[ServiceKey], generation: int) -> None:
        """These names of one member have changed in this generation."""
        queue = self._queues.get(cluster) or _Queue()
        if queue.whole_at is None:
            before = len(queue.keys)
            for key in keys:
                queue.keys.setdefault(key, generation)
            self._names += len(queue.keys) - before
        if queue:
            self._queues[cluster] = queue
        if self._names > MAX_KEYS:
            for each in [name for name, queue in self._queues.items() if queue.keys]:
                self.whole(each, generation)
        self.wake.set()

    @property
    def pending(self) -> int:
        """How many things wait to be told."""
        single = self._rules + self._members + self._types + self._all_nodes
        return sum(map(len, self._queues.values())) + len(self._left) + len(self._nodes) + single

    def take(self, truth: Truth, generation: int) -> Piece:
        """The next piece, and how far a worker is with it; `generation` is that of the truth."""
        messages: list[ToWorker] = []
        members = self._members or bool(self._left)
        if self._left:
            messages.append(Members(tuple(each for each in self._statuses(truth) if each.cluster not in self._left)))
        if self._rules:
            messages.append(NewRules(truth.rules))
        self._rules, self._members = False, False
        self._left.clear()
        messages += self._places(truth)
        messages += self._exports(truth)
        if self._types:
            messages.append(Types(types_of(truth.catalog)))
            self._types = False
        if members:
            # After exports: a member must not look synced before its services are there.
            messages.append(Members(tuple(self._statuses(truth))))
        if not self._queues and not self._nodes:
            self.wake.clear()
        oldest = [queue.oldest() for queue in self._queues.values()] + list(self._nodes.values())[:1]
        return Piece(messages, min(oldest, default=generation + 1) - 1)

    def _places(self, truth: Truth) -> Iterator[Nodes]:
        """The nodes, before any answer is made for the places where clients are by them."""
        if truth.nodes is None:  # a worker may know more of them than the truth does
            self._all_nodes = False
            self._nodes.clear()
        elif self._all_nodes:
            self._all_nodes = False
            self._nodes.clear()
            yield Nodes(tuple(truth.nodes.values()), whole=True)
        elif self._nodes:
            names = list(islice(self._nodes, PIECE_NODES))
            for name in names:
                del self._nodes[name]
            found = tuple(truth.nodes[name] for name in names if name in truth.nodes)
            yield Nodes(found, tuple(name for name in names if name not in truth.nodes))

    def _exports(self, truth: Truth) -> Iterator[ToWorker]:
        """One message of each member in turn, until there is enough for one piece."""
        size = 0
        for _ in range(PIECE):
            if not self._queues or size >= PIECE_ENDPOINTS:
                return
            cluster = next(iter(self._queues))
            queue = self._queues.pop(cluster)
            message = self._next(cluster, queue, truth)
            if queue:
                self._queues[cluster] = queue
            if message is not None:
                told = message.exports if isinstance(message, Replace) else (message.export,)
                size += sum(EXPORT_COSTS + _endpoints(each) for each in told)
                yield message

    def _next(self, cluster: str, queue: _Queue, truth: Truth) -> Replace | Change | None:
        """The next message of one member, None where there is nothing to say any more."""
        if queue.chunks is None and queue.whole_at is not None:
            # A member that was not read is never told as a whole: a worker may know more of it than the truth does.
            restored = cluster in truth.restored
            exports = truth.catalog.exports_of(cluster) if restored or cluster in truth.read else None
            queue.chunks = iter(()) if exports is None else in_chunks(cluster, exports, restored=restored)
            queue.chunks_at, queue.whole_at = queue.whole_at, None
        if queue.chunks is not None:
            chunk = next(queue.chunks, None)
            if chunk is None or chunk.last:
                queue.chunks = None
            return chunk
        key = next(iter(queue.keys))
        del queue.keys[key]
        self._names -= 1
        return Change(cluster, *key, truth.export(cluster, key)) if cluster in truth.statuses else None

    def _statuses(self, truth: Truth) -> Iterator[Status]:
        """Every status; a member whose services are under way for the first time does not look known yet."""
        for cluster, status in truth.statuses.items():
            queue = self._queues.get(cluster)
            arriving = queue is not None and (queue.whole_at is not None or queue.chunks is not None)
            known = status.state != Freshness.SYNCING
            if known and arriving and cluster not in self._synced:
                self._members = True
                yield structs.replace(status, synced=False, state=Freshness.SYNCING)
                continue
            if known:
                self._synced.add(cluster)
            yield status


def _endpoints(export: Export | None) -> int:
    return sum(piece.count for piece in export.slices) if export is not None else 0


def in_chunks(cluster: str, exports: list[Export], *, restored: bool = False) -> Iterator[Replace]:
    """One member's whole truth, cut into chunks; an empty one is a chunk too."""
    start, first = 0, True
    while first or start < len(exports):
        end, endpoints = start, 0
        while end < len(exports) and end - start < CHUNK and endpoints < CHUNK_ENDPOINTS:
            endpoints += _endpoints(exports[end])
            end += 1
        piece = tuple(exports[start:end])
        yield Replace(cluster, piece, first=first, last=end == len(exports), restored=restored)
        start, first = end, False
