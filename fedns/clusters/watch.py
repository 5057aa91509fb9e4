"""Follows one resource of one member: list, watch, resume; whole truths and single changes go to a follower.

Every stream is short (`timeoutSeconds`, jittered) and goes on from the last resourceVersion. One that neither ends nor
speaks 5 s after its end is due is broken, whatever TCP says. A status of 401, 403 or 5xx never means "empty". It knows
nothing of services: what an object says is the decoder's part, what follows from it the follower's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Final, Protocol

import msgspec
from msgspec import Raw, Struct

from fedns.clusters.backoff import Backoff, Pulse
from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts
from fedns.clusters.decode import Item, number
from fedns.clusters.lines import LONGEST, LineSplitter

PAGE_OBJECTS: Final = 250
PAGE_BYTES: Final = 96 << 20
BATCH: Final = 64
"""Objects decoded before the loop gets its turn: 64 of the worst take 35 ms."""
GRACE: Final = 5.0
ABSENT_PAUSE: Final = 30.0
CONFIRM_PAUSE: Final = 30.0
_LIST_TIMEOUTS: Final = Timeouts(total=120.0, read=20.0)
_HEALTHY: Final = 5.0
"""Seconds that a stream must have lived for its end to be a normal one."""
_STUCK: Final = 3
"""After so many failures at one resourceVersion only a list can help (a garbled object would come again and again)."""
_RELIST: Final = (600.0, 900.0)
"""A list every 10-15 minutes heals what a watch has lost without a word."""


class Resource(Struct, frozen=True):
    """A kind of object: its name here, its paths (API versions, best first), and whether it may be absent."""

    name: str
    paths: tuple[str, ...]
    optional: bool = False


SERVICES: Final = Resource("services", ("/api/v1/services",))
SLICES: Final = Resource("slices", ("/apis/discovery.k8s.io/v1/endpointslices",))
EXPORTS: Final = Resource(
    "exports",
    ("/apis/multicluster.x-k8s.io/v1beta1/serviceexports", "/apis/multicluster.x-k8s.io/v1alpha1/serviceexports"),
    optional=True,
)


class Follower(Protocol):
    """Whom a watch tells what it sees."""

    def replaced(self, resource: Resource, items: list[Item], *, sure: bool) -> bool:
        """A whole truth; False where it is not believed and must be confirmed (`sure`) by a second one."""

    def changed(self, resource: Resource, kind: str, item: Item) -> None:
        """One event: ADDED, MODIFIED or DELETED."""

    def alive(self) -> None:
        """The server said something."""

    def readable(self, resource: Resource) -> None:
        """The resource can be read: a list is complete, a stream is open, or known to be absent."""

    def failed(self, resource: Resource, reason: str) -> None:
        """The resource cannot be read now."""

    def counted(self, what: str) -> None:
        """Something worth a metric happened: list, watch, gone, refused."""


class Lists:
    """Leave to list: one at a time for a member, eight for all of them, so that a restart makes no storm."""

    def __init__(self, everyone: asyncio.Semaphore) -> None:
        self._everyone = everyone
        self._own = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for both; the member's own first, so that nobody holds a common place while waiting."""
        async with self._own, self._everyone:
            yield


class _GoneError(Exception):
    """The server no longer knows this resourceVersion (410), or it cannot be trusted: list again."""


class _AbsentError(Exception):
    """The server does not know the resource at all (404)."""


class _KickedError(Exception):
    """Broken off on purpose."""


class _UnsureError(Exception):
    """The list was not believed."""


class Watch:
    """One resource of one member, for ever; `period` is the mean length of a stream in seconds."""

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        decode: Callable[[Raw], Item],
        bare: Callable[[Raw], Item],
        follower: Follower,
        *,
        lists: Lists,
        pulse: Pulse,
        period: float,
        grace: float = GRACE,
        absent_pause: float = ABSENT_PAUSE,
        confirm_pause: float = CONFIRM_PAUSE,
        random: Random,
    ) -> None:
        self._connection = connection
        self.resource = resource
        self._decode, self._bare = decode, bare
        self._follower = follower
        self._lists = lists
        self._period, self._grace = period, grace
        self._absent_pause, self._confirm_pause = absent_pause, confirm_pause
        self._random = random
        self._backoff = Backoff(pulse, random)
        self._path = resource.paths[0]
        self._version = ""
        self._stuck = 0
        self._relist_at = 0.0
        self._sure = False
        self._present = False
        self._kicked = False
        self._limit: asyncio.Timeout | None = None

    def kick(self) -> None:
        """Break what is under way now: the network came back, and this request may still hang in the old one."""
        if self._limit is not None and not self._limit.expired():
            self._kicked = True
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """List, then watch and resume, for ever."""
        while True:
            try:
                await self._turn()
            except _KickedError:
                self._backoff.reset()
            except _GoneError:
                await self._relist_soon()
            except _AbsentError:
                await self._missing()
            except _UnsureError:
                self._sure = True
                self._follower.failed(self.resource, "the list shrank: waiting for a second one")
                await asyncio.sleep(self._confirm_pause)
            except RefusedError as refusal:
                self._follower.failed(self.resource, str(refusal))
                if refusal.status in {401, 403}:
                    await self._connection.renew()
                await self._backoff.pause(refusal.retry_after)
            except LostError as loss:
                self._follower.failed(self.resource, str(loss))
                await self._backoff.pause()

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._version or loop.time() >= self._relist_at:
            await self._list()
            self._relist_at = loop.time() + self._random.uniform(*_RELIST)
            self._follower.readable(self.resource)
        opened = loop.time()
        await self._watch()
        if loop.time() - opened >= min(_HEALTHY, self._period / 2):
            self._backoff.reset()
        else:
            await self._backoff.pause()

    async def _relist_soon(self) -> None:
        """At once the first time; a server that forgets again and again is given time."""
        self._follower.counted("gone")
        self._version = ""
        if self._backoff.tries:
            await self._backoff.pause()
        else:
            self._backoff.tries = 1

    async def _missing(self) -> None:
        """A resource that is absent is empty, and no fault; it may be installed at any time."""
        self._version = ""
        if self._present:  # a server that starts may not know its own resources yet
            self._present = False
            self._follower.failed(self.resource, "the resource vanished: waiting for a second look")
            await asyncio.sleep(self._confirm_pause)
            return
        self._follower.replaced(self.resource, [], sure=True)
        self._follower.readable(self.resource)
        await asyncio.sleep(self._absent_pause * self._random.uniform(0.8, 1.0))

    async def _list(self) -> None:
        """A consistent list, page by page: without resourceVersion no lagging replica may answer it."""
        async with self._lists.turn():
            self._follower.counted("list")
            async with self._interruptible(None):
                items, version = await self._pages()
        if not self._follower.replaced(self.resource, items, sure=self._sure):
            self._version = ""
            raise _UnsureError
        self._version, self._sure, self._present, self._stuck = version, False, True, 0

    async def _pages(self) -> tuple[list[Item], str]:
        for path in self.resource.paths:
            try:
                items, version, more = await self._page(path, "")
                while more:
                    page, version, more = await self._page(path, more)
                    items += page
            except RefusedError as refusal:
                if refusal.status == 410:
                    raise _GoneError from refusal
                if refusal.status == 404 and self.resource.optional:
                    continue
                raise
            self._path = path
            return items, version
        raise _AbsentError

    async def _page(self, path: str, more: str) -> tuple[list[Item], str, str]:
        params = [("limit", str(PAGE_OBJECTS))] + ([("continue", more)] if more else [])
        async with self._connection.get(path, params, _LIST_TIMEOUTS) as reply:
            body = await reply.body(PAGE_BYTES)
        self._follower.alive()
        try:
            page = _PAGE.decode(body)
        except (msgspec.MsgspecError, RecursionError) as fault:
            raise LostError(f"a list that is none: {str(fault)[:120]}") from fault
        if not page.kind.endswith("List") or not page.metadata.resourceVersion:
            raise LostError("a list that is none: no kind or no resourceVersion")  # what a proxy says is never "empty"
        items = []
        for at, raw in enumerate(page.items or ()):
            items.append(self._decoded(raw, self._decode))
            if at % BATCH == BATCH - 1:
                await asyncio.sleep(0)
        return items, page.metadata.resourceVersion, page.metadata.more

    async def _watch(self) -> None:
        """One stream, from the last resourceVersion to its end."""
        loop = asyncio.get_running_loop()
        seconds = max(1, round(self._period * self._random.uniform(5 / 6, 4 / 3)))
        due = loop.time() + seconds + self._grace
        params = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", str(seconds)),
        ]
        splitter = LineSplitter()
        self._follower.counted("watch")
        try:
            async with (
                self._interruptible(due) as limit,
                self._connection.get(self._path, params, Timeouts(total=None)) as reply,
            ):
                self._follower.readable(self.resource)
                while chunk := await reply.chunk():
                    limit.reschedule(max(due, loop.time() + self._grace))
                    for at, line in enumerate(splitter.feed(chunk)):
                        self._event(line)
                        if at % BATCH == BATCH - 1:
                            await asyncio.sleep(0)
        except RefusedError as refusal:
            if refusal.status == 410 or (refusal.status == 404 and self.resource.optional):
                raise _GoneError from refusal
            raise
        finally:
            for _ in range(splitter.refused):
                self._follower.counted("refused")
        if splitter.unfinished:
            raise self._garbled("the stream was cut inside an event")

    @asynccontextmanager
    async def _interruptible(self, due: float | None) -> AsyncIterator[asyncio.Timeout]:
        """A scope that ends at `due`, or when kicked."""
        self._kicked = False
        try:
            async with asyncio.timeout_at(due) as self._limit:
                yield self._limit
        except TimeoutError as late:
            raise (
                _KickedError() if self._kicked else LostError("the stream neither ended nor spoke in time")
            ) from late
        finally:
            self._limit = None

    def _event(self, line: bytes) -> None:
        try:
            event = _EVENT.decode(line)
            self._follower.alive()
            if event.type == "ERROR":
                raise self._told(_STATUS.decode(event.object))
            if event.type == "BOOKMARK":
                self._advance(number(_BOOKMARK.decode(event.object).metadata.resourceVersion))
                self._follower.readable(self.resource)
                return
        except (msgspec.MsgspecError, RecursionError) as fault:
            raise self._garbled(f"garbled: {str(fault)[:120]}") from fault
        if event.type not in {"ADDED", "MODIFIED", "DELETED"}:
            raise self._garbled(f"garbled: event type {event.type[:20]!r}")
        item = self._decoded(event.object, self._bare if event.type == "DELETED" else self._decode)
        self._advance(item.version)
        self._follower.changed(self.resource, event.type, item)

    def _advance(self, version: int) -> None:
        """Move on; a version that goes back means a restored or a lagging server, and a list settles that."""
        if not version:
            return
        if version < number(self._version):
            raise _GoneError
        if version > number(self._version):
            self._version, self._stuck = str(version), 0

    def _told(self, status: "_Status") -> Exception:
        """What an ERROR event means: 410 asks for a list; after any other this version may be good no more."""
        if status.code == 410 or status.reason in {"Expired", "Gone"}:
            return _GoneError()
        self._version = ""
        return LostError(f"the stream ended with an error: {status.code} {status.message[:120]}")

    def _garbled(self, reason: str) -> LostError:
        """Resume; but when the same place is garbled again and again, only a list leads past it."""
        self._stuck += 1
        if self._stuck >= _STUCK:
            self._version, self._stuck = "", 0
        return LostError(reason)

    def _decoded(self, raw: Raw, decode: Callable[[Raw], Item]) -> Item:
        if len(memoryview(raw)) > LONGEST:
            self._follower.counted("refused")
            item = self._bare(raw)
            return Item(item.namespace, item.name, item.version, fault="larger than 4 MiB")
        return decode(raw)


class _ListMeta(Struct):
    resourceVersion: str = ""  # noqa: N815 -- spelt as Kubernetes spells it
    more: str = msgspec.field(name="continue", default="")


class _Page(Struct):
    metadata: _ListMeta
    kind: str = ""
    items: list[Raw] | None = None


class _Event(Struct):
    type: str
    object: Raw


class _Bookmark(Struct):
    metadata: _ListMeta


class _Status(Struct):
    code: int = 0
    reason: str = ""
    message: str = ""


_PAGE: Final = msgspec.json.Decoder(_Page)
_EVENT: Final = msgspec.json.Decoder(_Event)
_BOOKMARK: Final = msgspec.json.Decoder(_Bookmark)
_STATUS: Final = msgspec.json.Decoder(_Status)
