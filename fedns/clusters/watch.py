"""Follows one resource of one member: reads it whole, watches, resumes; whole truths and changes go to a follower.

The first whole is read page by page, later ones in the watch itself where the server can do that (a WatchList). Every
stream is short (`timeoutSeconds`, jittered) and goes on from the last resourceVersion. After one that broke or said
nothing the server is asked for its version, which costs no list; so it is when versions go back. Every doubt that
remains is settled by one consistent list. A status of 401, 403 or 5xx never means "empty". It knows nothing of
services: what an object says is the decoder's part, what follows from it the follower's.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Raw

from fedns.clusters import listing
from fedns.clusters.backoff import LONGEST, Backoff
from fedns.clusters.connect import LostError, RefusedError
from fedns.clusters.decode import Item
from fedns.clusters.events import GarbledError, ToldError
from fedns.clusters.listing import AbsentError, GoneError, QuotaError, Reading, Resource, Whole
from fedns.clusters.session import LateError
from fedns.clusters.streams import Mode, Stream
from fedns.clusters.tail import KickedError, LagError, Tail
from fedns.clusters.terms import Belief, Follower, Means
from fedns.clusters.values import number
from fedns.clusters.watchlist import Collection

_HEALTHY: Final = 5.0
"""Seconds that a stream must have lived for its end to be a normal one."""
_STUCK: Final = 3
"""After so many failures at one resourceVersion only a list can help (a garbled object would come again and again)."""


_VANISHED: Final = "the resource vanished: looking again"


class _UnsureError(Exception):
    """The list was not believed; a second one is read after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class _BackError(Exception):
    """A reading is older than what was seen: the server was restored, or lags."""


class Watch:
    """One resource of one member, for ever; what is known of it stands in `stream`."""

    def __init__(
        self, means: Means, resource: Resource, decode: Callable[[Raw], Item], follower: Follower, stream: Stream
    ) -> None:
        self.resource = resource
        self.stream = stream
        self._means, self._pace = means, means.pace
        self._follower = follower
        self._backoff = Backoff(means.pulse, means.random)
        self._tail = Tail(means, resource, decode, follower, stream, self._install)
        self._path = resource.paths[0]
        self._wanted = "first"  # why the resource must be read whole, or ""
        self._doubted, self._sure, self._present, self._forgot = False, False, False, False
        self._stuck, self._stuck_at, self._cut = 0, 0, 0
        self._read_at, self._compare_at = float("-inf"), float("inf")
        self._judged, self._compared, self._second = 0, 0, False
        self._vanished_at = float("inf")  # when it was first said to be absent

    def kick(self) -> None:
        """Break what is under way now: the network came back, and this request may still hang in the old one."""
        self._tail.kick()

    async def run(self) -> None:
        """Read, then watch and resume, for ever."""
        while True:
            try:
                await self._turn()
            except KickedError:
                self._backoff.reset()
            except (GoneError, LagError, _BackError) as doubt:
                await self._doubt(doubt)
            except AbsentError:
                self._vanished_at = min(self._vanished_at, _now())
                await self._missing()
            except _UnsureError as unsure:
                self._want("shrunk")
                self._sure = self._doubted = True
                self._fail("the list shrank: waiting for a second one")
                await asyncio.sleep(unsure.seconds)
            except RefusedError as refusal:
                self._fail(str(refusal))
                if refusal.status in {401, 403}:
                    await self._means.connection.renew()
                await self._backoff.pause(refusal.retry_after)
            except (LostError, GarbledError) as loss:
                self._fail(str(loss))
                await self._backoff.pause(LONGEST if isinstance(loss, QuotaError) else 0.0)

    async def _turn(self) -> None:
        now = _now()
        if not self._wanted and now >= self._compare_at:
            await self._compare()
            now = _now()
        if not self._wanted and self._tail.refused and now >= self._read_at + self._pace.confirm:
            self._want("refused")  # what could not be looked at must not be served as it was, or left out, for ever
        if self._collects(now):
            await self._collect()
            if self._wanted:
                return
        else:
            if self._wanted:
                await self._list()
            elif self._tail.unsettled:
                await self._settle()
            now = _now()
            await self._watch()
        if _now() - now >= min(_HEALTHY, self._means.period / 2):
            self._backoff.reset()
            self._forgot = False
        else:
            await self._backoff.pause()

    def _collects(self, now: float) -> bool:
        """Whether to read the whole in the watch.

        Not at a start, when people wait: a list takes half the time, and a third of the server's CPU.
        """
        asked = self._wanted not in {"", "first"} and not self._doubted
        return asked and self._cut < _STUCK and self._means.offer.open(now)

    async def _doubt(self, doubt: Exception) -> None:
        """Ask again at once the first time; a server that forgets again and again is given time."""
        if not isinstance(doubt, LagError):
            self._want("gone" if isinstance(doubt, GoneError) else "went-back")
            self._doubted |= isinstance(doubt, _BackError)
            self._follower.counted("gone")
        if self._forgot:
            await self._backoff.pause(patient=True)
        else:  # also after failed tries to connect: a server that starts anew has forgotten, which is no storm
            self._forgot, self._backoff.tries = True, 1

    async def _settle(self) -> None:
        """After a stream that broke, or said nothing: is the server there, and has it what we have seen? Else a list.

        A quiet resource gets no bookmarks, but neither does one that follows a version which a restored server has yet
        to reach. A higher version is nothing to go on from: an event below it may still be under way.
        """
        self._follower.counted("check")
        async with self._tail.interruptible(None):
            version = await listing.current(self._reading(self._means.bare), self._path)
        if number(version) < self._tail.version:
            self._want("restored")
            self._doubted = True
            await self._list()
        self._follower.readable(self.resource)

    async def _missing(self) -> None:
        """A resource that is absent is empty, and no fault; it may be installed, or allowed, at any time."""
        if self._present and _now() - self._vanished_at < self._pace.confirm:
            # A server that starts may not know its own resources, or whom it lets read them, for a moment.
            if self.resource.extra:
                self.stream.enter("waiting", _now(), _VANISHED)
                self._follower.readable(self.resource)
            else:
                self._fail(_VANISHED)
            await self._backoff.pause()
            return
        self._present = False
        self._want("first")
        self._tail.version = 0
        if not self.resource.missed:
            self._follower.replaced(self.resource, [], sure=True)
            self.stream.objects = 0
        self.stream.enter("absent", _now(), self.resource.missed)
        self._follower.readable(self.resource)
        await asyncio.sleep(self._pace.absent * self._means.random.uniform(0.8, 1.0))

    async def _compare(self) -> None:
        """Look for what a stream has lost without a word: all is read again only where names and versions differ.

        What is newer than the last stream has told is still to come. Whether it came is seen by a second look, for the
        server may have lost just that.
        """
        self._follower.counted("compare")
        async with self._means.lists.turn(), self._tail.interruptible(None):
            listed = await listing.names(self._reading(self._means.bare))
        version, seen = number(listed.version), max(self._tail.version, self._compared)
        if version < seen:
            raise _BackError
        if self._follower.differs(self.resource, listed.items, self._judged, seen):
            self._want("differs")
        elif not self._second and self._follower.differs(self.resource, listed.items, self._judged, version):
            self._compared, self._second = version, True
            self._compare_at = _now() + self._pace.confirm
        else:
            self._rest(version)

    async def _list(self) -> None:
        """Page by page, from a server that lags behind nobody."""
        async with self._means.lists.turn():
            self._begin("list")
            async with self._tail.interruptible(None):
                whole = await listing.read(self._reading(self._tail.decoded))
        self._install(whole)

    async def _collect(self) -> None:
        """A stream that begins with all objects and goes on as a watch, where the server does that."""
        async with self._means.lists.turn() as leave:
            if not self._means.offer.open(_now()):  # another resource has been refused meanwhile
                return
            for path in self.resource.paths:
                try:
                    await self._collect_from(path, leave)
                except RefusedError as refusal:
                    if not self.resource.absent(refusal.status):
                        raise
                else:
                    return
        raise AbsentError

    async def _collect_from(self, path: str, leave: Callable[[], None]) -> None:
        self._begin("watchlist")
        collection = Collection(path, self.resource, self._means.most)
        try:
            await self._tail.collect(path, collection, leave)
        except RefusedError as refusal:
            if refusal.status not in {400, 422}:
                raise (GoneError() if refusal.status == 410 else refusal) from refusal
        except ToldError as told:
            if collection.complete or told.gone or told.code in {429, 503, 504}:
                raise self._told(told) from told
        except (LostError, GarbledError) as loss:
            if collection.complete or not (isinstance(loss, LateError) and collection.opened):
                self._cut += not collection.complete
                raise
        if not collection.complete:
            self._means.offer.refuse(_now())

    def _begin(self, mode: Mode) -> None:
        self.stream.mode = mode
        self.stream.enter("listing", _now(), self._wanted)
        self._follower.counted("list")

    def _install(self, whole: Whole) -> None:
        """What was read is the truth, unless it is doubtful and a consistent list has yet to say the same."""
        version = number(whole.version)
        if version < self._tail.version and not self._doubted:
            raise _BackError
        belief = self._follower.replaced(self.resource, whole.items, sure=self._sure)
        if belief is not Belief.TAKEN:
            raise _UnsureError(self._pace.confirm if belief is Belief.LATER else self._pace.again)
        self.stream.relists[self._wanted] += 1
        self.stream.objects = len(whole.items)
        self._path, self._wanted = whole.path, ""
        self._tail.version, self.stream.version = version, str(version)
        self._doubted = self._sure = False
        self._tail.unsettled = self._tail.lagging = False
        self._tail.refused = any(not each.namespace for each in whole.items)
        self._present, self._stuck, self._cut = True, 0, 0
        self._read_at = _now()
        self._judged = version
        self._rest(version)
        self._opened()

    def _rest(self, version: int) -> None:
        """What is held is what the server had at this version: the next comparison has time."""
        self._compared, self._second = version, False
        self._compare_at = _now() + self._means.random.uniform(*self._pace.compare)

    async def _watch(self) -> None:
        """One stream, from the last resourceVersion to its end."""
        try:
            await self._tail.watch(self._path, self._opened)
        except RefusedError as refusal:
            if refusal.status == 410 or self.resource.absent(refusal.status):
                raise GoneError from refusal
            raise
        except ToldError as told:
            raise self._told(told) from told
        except GarbledError:
            self._stuck = self._stuck + 1 if self._stuck_at == self._tail.version else 1
            self._stuck_at = self._tail.version
            if self._stuck >= _STUCK:
                self._want("garbled")
            raise

    def _told(self, told: ToldError) -> Exception:
        """What an ERROR event means: 410 asks for a list; after any other this version may be good no more."""
        if told.gone:
            return GoneError()
        self._want(self._wanted or "error")
        return LostError(str(told))

    def _want(self, reason: str) -> None:
        self._wanted, self._stuck = reason, 0

    def _fail(self, reason: str) -> None:
        self.stream.enter("waiting", _now(), reason)
        self._follower.failed(self.resource, reason)

    def _opened(self) -> None:
        self._vanished_at = float("inf")
        self.stream.enter("watching", _now())
        self._follower.readable(self.resource)

    def _reading(self, decode: Callable[[Raw], Item]) -> Reading:
        return Reading(self._means.connection, self.resource, decode, self._tail.heard, self._means.most)


def _now() -> float:
    return asyncio.get_running_loop().time()
