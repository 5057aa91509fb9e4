"""Follows one resource of one member: list, watch, resume; whole truths and single changes go to a follower.

Every stream is short (`timeoutSeconds`, jittered) and goes on from the last resourceVersion. One that neither ends nor
speaks 5 s after its end is due is broken, whatever TCP says; after one that ends without a word the server is asked for
its version, which costs no list. A status of 401, 403 or 5xx never means "empty". It knows nothing of services: what an
object says is the decoder's part, what follows from it the follower's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Final, Protocol

import msgspec
from msgspec import Raw, Struct

from fedns.clusters import listing
from fedns.clusters.backoff import Backoff, Pulse
from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts
from fedns.clusters.decode import Item, number
from fedns.clusters.lines import LONGEST, LineSplitter
from fedns.clusters.listing import BATCH, AbsentError, GoneError, Lists, Resource

GRACE: Final = 5.0
ABSENT_PAUSE: Final = 30.0
CONFIRM_PAUSE: Final = 30.0
_HEALTHY: Final = 5.0
"""Seconds that a stream must have lived for its end to be a normal one."""
_STUCK: Final = 3
"""After so many failures at one resourceVersion only a list can help (a garbled object would come again and again)."""
_RELIST: Final = (600.0, 900.0)
"""A list every 10-15 minutes heals what a watch has lost without a word."""


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
        """Something worth a metric happened: list, check, watch, gone, refused."""


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
        self._spoke, self._silent = False, False
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
            except GoneError:
                await self._relist_soon()
            except AbsentError:
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
        elif self._silent:
            await self._settle()
        opened = loop.time()
        self._spoke = False
        await self._watch()
        self._silent = not self._spoke
        if loop.time() - opened >= min(_HEALTHY, self._period / 2):
            self._backoff.reset()
        else:
            await self._backoff.pause()

    async def _settle(self) -> None:
        """After a stream without a word: is the server there, and has it what we have seen? Else a list.

        A quiet resource gets no bookmarks, but neither does one that follows a version which a restored server has yet
        to reach. A higher version is nothing to go on from: an event below it may still be under way.
        """
        self._follower.counted("check")
        async with self._interruptible(None):
            version = await listing.current(
                self._connection, self.resource, self._path, self._bare, self._follower.alive
            )
        if number(version) < number(self._version):
            raise GoneError
        self._silent = False
        self._follower.readable(self.resource)

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
        async with self._lists.turn():
            self._follower.counted("list")
            async with self._interruptible(None):
                whole = await listing.read(self._connection, self.resource, self._decoded, self._follower.alive)
        if not self._follower.replaced(self.resource, whole.items, sure=self._sure):
            self._version = ""
            raise _UnsureError
        self._path, self._version = whole.path, whole.version
        self._sure, self._silent, self._present, self._stuck = False, False, True, 0

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
                raise GoneError from refusal
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
            self._spoke = True
            self._follower.alive()
            if event.type == "ERROR":
                raise self._told(_STATUS.decode(event.object))
            if event.type == "BOOKMARK":
                self._advance(number(_BOOKMARK.decode(event.object).metadata.resourceVersion))
                self._follower.readable(self.resource)
                return
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as fault:
            raise self._garbled(f"garbled: {str(fault)[:120]}") from fault
        if event.type not in {"ADDED", "MODIFIED", "DELETED"}:
            raise self._garbled(f"garbled: event type {event.type[:20]!r}")
        item = self._bare(event.object) if event.type == "DELETED" else self._decoded(event.object)
        self._advance(item.version)
        self._follower.changed(self.resource, event.type, item)

    def _advance(self, version: int) -> None:
        """Move on; a version that goes back means a restored or a lagging server, and a list settles that."""
        if not version:
            return
        if version < number(self._version):
            raise GoneError
        if version > number(self._version):
            self._version, self._stuck = str(version), 0

    def _told(self, status: "_Status") -> Exception:
        """What an ERROR event means: 410 asks for a list; after any other this version may be good no more."""
        if status.code == 410 or status.reason in {"Expired", "Gone"}:
            return GoneError()
        self._version = ""
        return LostError(f"the stream ended with an error: {status.code} {status.message[:120]}")

    def _garbled(self, reason: str) -> LostError:
        """Resume; but when the same place is garbled again and again, only a list leads past it."""
        self._stuck += 1
        if self._stuck >= _STUCK:
            self._version, self._stuck = "", 0
        return LostError(reason)

    def _decoded(self, raw: Raw) -> Item:
        if len(memoryview(raw)) > LONGEST:
            self._follower.counted("refused")
            item = self._bare(raw)
            return Item(item.namespace, item.name, item.version, fault="larger than 4 MiB")
        return self._decode(raw)


class _Event(Struct):
    type: str
    object: Raw


class _Bookmark(Struct):
    metadata: listing.Meta


class _Status(Struct):
    code: int = 0
    reason: str = ""
    message: str = ""


_EVENT: Final = msgspec.json.Decoder(_Event)
_BOOKMARK: Final = msgspec.json.Decoder(_Bookmark)
_STATUS: Final = msgspec.json.Decoder(_Status)
