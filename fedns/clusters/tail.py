"""Follows one resource line by line: events go to a follower, the objects of a WatchList become a whole.

It moves the version on, and knows nothing of what to do when a stream fails or ends.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Raw

from fedns.clusters.connect import Timeouts
from fedns.clusters.decode import Item
from fedns.clusters.events import Bookmark, DeepError, parse
from fedns.clusters.lines import LONGEST
from fedns.clusters.listing import Resource, Whole
from fedns.clusters.session import LateError, Session
from fedns.clusters.streams import Stream
from fedns.clusters.terms import Follower, Means
from fedns.clusters.values import number
from fedns.clusters.watchlist import CHOICES, Collection

_WATCH: Final = (("watch", "true"), ("allowWatchBookmarks", "true"))


class KickedError(Exception):
    """Broken off on purpose."""


class LagError(Exception):
    """A stream speaks of a version older than what was seen."""


class Tail:
    """The streams of one resource, one after another.

    `version` is the newest that was seen. `unsettled` says that the last stream did not show whether the server has
    reached it, `refused` that an object came which cannot be looked at; `lagging` that lower versions are no news.
    """

    def __init__(
        self,
        means: Means,
        resource: Resource,
        decode: Callable[[Raw], Item],
        follower: Follower,
        stream: Stream,
        install: Callable[[Whole], None],
    ) -> None:
        self.version = 0
        self.unsettled, self.refused, self.lagging = False, False, False
        self._means, self._resource, self._decode = means, resource, decode
        self._follower, self._stream = follower, stream
        self._install = install
        self._spoke, self._lower = False, False
        self._batch: list[tuple[str, Item]] = []
        self._collection: Collection | None = None
        self._limit: asyncio.Timeout | None = None
        self._kicked = False

    def kick(self) -> None:
        """Break what is under way now."""
        if self._limit is not None and not self._limit.expired():
            self._kicked = True
            self._limit.reschedule(_now())

    async def watch(self, path: str, opened: Callable[[], None]) -> None:
        """One stream, from the version to its end."""
        self._collection = None
        await self._run(path, (("resourceVersion", str(self.version)),), opened, lambda: None)

    async def collect(self, path: str, collection: Collection, leave: Callable[[], None]) -> None:
        """One stream that begins with all objects: these are installed at once, `leave` is called, and it goes on."""
        self._collection = collection
        await self._run(path, CHOICES, collection.open, leave)

    async def _run(
        self, path: str, choice: tuple[tuple[str, str], ...], opened: Callable[[], None], leave: Callable[[], None]
    ) -> None:
        pace, means = self._means.pace, self._means
        seconds = max(1, round(means.period * means.random.uniform(5 / 6, 4 / 3)))
        due = _now() + seconds + pace.grace
        first = due if self._collection is None else min(due, _now() + pace.initial)
        query = [*_WATCH, ("timeoutSeconds", str(seconds)), *self._resource.params, *choice]
        self._spoke, self._lower, self.unsettled = False, False, True
        self._follower.counted("watch")

        def flush() -> int:
            if self._collection is None:
                session.due = due
                leave()
            return self._flush()

        async with self.interruptible(first) as limit:
            session = Session(self._take, flush, means.rate, limit, due=first, grace=pace.grace)
            async with means.connection.get(path, query, Timeouts(total=None)) as reply:
                opened()
                try:
                    await session.run(reply, self.heard)
                finally:
                    for _ in range(session.refused):
                        self._refuse()
                    for _ in range(session.throttled):
                        self._follower.counted("throttled")
        self.unsettled = not self._spoke or self._lower
        self.lagging = self._lower

    def _take(self, line: bytes) -> None:
        try:
            event = parse(line)
        except DeepError:
            self._refuse()
            return
        self._spoke = True
        self._follower.alive()
        if isinstance(event, Bookmark):
            self._mark(event)
            return
        item = self._means.bare(event.item) if event.kind == "DELETED" else self.decoded(event.item)
        self.refused |= not item.namespace
        if self._collection is not None:
            self._collection.put(event.kind, item, len(line))
            return
        self._batch.append((event.kind, item))
        self._advance(item.version)

    def _flush(self) -> int:
        batch, self._batch = self._batch, []
        if batch:
            self._stream.events += len(batch)
            self._stream.last_event = _now()
            self._follower.changed(self._resource, batch)
        return len(batch)

    def _mark(self, bookmark: Bookmark) -> None:
        self._stream.last_bookmark = _now()
        if self._collection is None:
            self._advance(number(bookmark.version))
            self._follower.readable(self._resource)
        elif bookmark.whole:
            whole, self._collection = self._collection.whole(bookmark.version), None
            self._install(whole)

    def _advance(self, version: int) -> None:
        """Move on; a version that goes back is ignored, and a check tells a restored server from a lagging one."""
        if version > self.version:
            self.version, self._stream.version = version, str(version)
        elif 0 < version < self.version:
            self._lower = True
            if not self.lagging:
                self.lagging = True
                raise LagError

    def heard(self, size: int) -> None:
        """Bytes came."""
        self._stream.bytes += size

    def _refuse(self) -> None:
        self.refused = True
        self._follower.counted("refused")

    def decoded(self, raw: Raw) -> Item:
        """An object, unless it is too large to be looked at: then its old facts must go."""
        if len(memoryview(raw)) <= LONGEST:
            return self._decode(raw)
        self._refuse()
        item = self._means.bare(raw)
        return Item("", "", item.version, fault=f"{item.namespace}/{item.name} is larger than 4 MiB")

    @asynccontextmanager
    async def interruptible(self, due: float | None) -> AsyncIterator[asyncio.Timeout]:
        """A scope that ends at `due`, or when kicked."""
        self._kicked = False
        try:
            async with asyncio.timeout_at(due) as self._limit:
                yield self._limit
        except TimeoutError as late:
            raise (KickedError() if self._kicked else LateError("the stream neither ended nor spoke in time")) from late
        finally:
            self._limit = None


def _now() -> float:
    return asyncio.get_running_loop().time()
