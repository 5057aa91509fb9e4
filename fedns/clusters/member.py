"""Follows one member: three watches and a probe go in, exports and evidence come out to a sink.

It puts the parts together and restarts them when one fails; it knows nothing of other members, nor of what freshness
follows from the evidence.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Protocol

from msgspec import Struct

from fedns.clusters.backoff import Backoff, Pulse
from fedns.clusters.connect import Connection, LostError, connect
from fedns.clusters.decode import Decoder, Item
from fedns.clusters.listing import EXPORTS, SERVICES, SLICES, Lists, Resource
from fedns.clusters.probe import probe
from fedns.clusters.translate import Touched, Translator
from fedns.clusters.watch import ABSENT_PAUSE, CONFIRM_PAUSE, GRACE, Watch
from fedns.federation.health import (
    Alive,
    Evidence,
    Readable,
    Synced,
    Timers,
    Unreachable,
    Unreadable,
)
from fedns.federation.objects import Export, ServiceKey
from fedns.settings.schema import Member

_log = logging.getLogger(__name__)
_ALIVE_EVERY = 0.25
"""A busy stream proves life thousands of times a second; so often, in seconds, is enough."""
_SHRUNK = 20
"""A list that lost more objects than this, and more than half of all, is not believed at once."""


class Sink(Protocol):
    """Whom a member's feed tells; called on the loop, and must not block."""

    def replaced(self, cluster: str, exports: Iterable[Export]) -> None:
        """The whole truth of a member: its first complete reading."""

    def changed(self, cluster: str, key: ServiceKey, export: Export | None) -> None:
        """One service of a member changed, or is exported no more."""

    def observed(self, cluster: str, evidence: Evidence) -> None:
        """Something that says how alive and readable the member is."""


class Pace(Struct, frozen=True):
    """Waits in seconds that are fixed in production: past a stream's end, for an absent resource, for a second look."""

    grace: float = GRACE
    absent: float = ABSENT_PAUSE
    confirm: float = CONFIRM_PAUSE


class MemberFeed:
    """One member's feed; `counts` and `refused` are for metrics, `absent` names resources that it does not have."""

    def __init__(
        self,
        member: Member,
        timers: Timers,
        sink: Sink,
        *,
        lists: asyncio.Semaphore,
        random: Random | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.cluster = member.name
        self.counts: Counter[str] = Counter()
        self._member = member
        self._timers = timers
        self._sink = sink
        self._lists = Lists(lists)
        self._random = random or Random()  # noqa: S311 -- jitter, no secret
        self._pace = pace or Pace()
        self._pulse = Pulse()
        self._missed_since: float | None = None
        self._alive_at = float("-inf")
        self._failures: dict[str, str] = {}
        self._forget()

    @property
    def refused(self) -> Counter[str]:
        """What was left out of the objects read, by reason."""
        return self._decoder.refused

    def objects(self) -> dict[str, int]:
        """How many objects are held, by resource."""
        return self._translator.objects()

    async def run(self) -> None:
        """Follow the member until cancelled; a fault of ours is logged, and the feed begins anew."""
        backoff = Backoff(self._pulse, self._random)
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._follow()
            except LostError as loss:
                self.unreachable(str(loss))
            except Exception:  # noqa: BLE001 -- whatever it is, the feed goes on
                _log.exception("member %s: the feed failed and begins anew", self.cluster)
                self.counts["crash"] += 1
                self._sink.observed(self.cluster, Unreadable("the feed failed"))
            if asyncio.get_running_loop().time() - began > 60.0:
                backoff.reset()
            self._pulse.beat()  # unless told otherwise the next try comes soon
            await backoff.pause()

    async def _follow(self) -> None:
        connection = await connect(self._member)
        self._forget()
        try:
            async with asyncio.TaskGroup() as tasks:
                for watch in self._watches(connection):
                    tasks.create_task(watch.run(), name=f"{self.cluster}: watch {watch.resource.name}")
                asked = probe(
                    connection, self, interval=self._timers.probe_interval, timeout=self._timers.probe_timeout
                )
                tasks.create_task(asked, name=f"{self.cluster}: probe")
        finally:
            await connection.close()

    def _forget(self) -> None:
        self._decoder = Decoder()
        self._translator = Translator(self.cluster, self._member.exports)
        needed = (SERVICES, SLICES, EXPORTS) if "ServiceExport" in self._member.exports else (SERVICES, SLICES)
        self._resources = {
            resource: decode
            for resource, decode in (
                (SERVICES, self._decoder.service),
                (SLICES, self._decoder.slice),
                (EXPORTS, self._decoder.export),
            )
            if resource in needed
        }
        self._unread = {resource.name for resource in needed}
        self._followed: list[Watch] = []

    def _watches(self, connection: Connection) -> list[Watch]:
        self._followed = [
            Watch(
                connection,
                resource,
                decode,
                self._decoder.bare,
                self,
                lists=self._lists,
                pulse=self._pulse,
                period=self._timers.watch_period,
                grace=self._pace.grace,
                absent_pause=self._pace.absent,
                confirm_pause=self._pace.confirm,
                random=self._random,
            )
            for resource, decode in self._resources.items()
        ]
        return self._followed

    def replaced(self, resource: Resource, items: list[Item], *, sure: bool) -> bool:
        """A whole truth of one resource; not believed at once when it lost too much without a word."""
        gone, held = self._translator.missing(resource.name, items)
        if not sure and gone > _SHRUNK and gone * 2 > held:
            self.counts["held"] += 1
            _log.warning(
                "member %s: the list of %s lost %d of %d: held until a second one",
                self.cluster,
                resource.name,
                gone,
                held,
            )
            return False
        for item in items:
            self._report(resource, item)
        touched = self._translator.replace(resource.name, items)
        if not self._unread:
            self._tell(touched)
        else:
            self._unread.discard(resource.name)
            if not self._unread:
                self._sink.replaced(self.cluster, self._translator.exports(self.cluster))
                self._sink.observed(self.cluster, Synced())
        return True

    def changed(self, resource: Resource, kind: str, item: Item) -> None:
        """One event of one resource."""
        self.counts["event"] += 1
        self._report(resource, item)
        touched = self._translator.apply(resource.name, kind, item)
        if not self._unread:
            self._tell(touched)

    def _tell(self, touched: Iterable[Touched]) -> None:
        for cluster, key in touched:
            self._sink.changed(cluster, key, self._translator.export(cluster, key))

    def _report(self, resource: Resource, item: Item) -> None:
        """Say once of each object that it cannot be understood, for as long as it cannot."""
        name = f"{resource.name} {item.namespace}/{item.name}"
        if not item.fault:
            self._failures.pop(name, None)
        elif self._failures.get(name) != item.fault and len(self._failures) < 1000:
            self._failures[name] = item.fault
            _log.warning("member %s: %s is left as it was: %s", self.cluster, name, item.fault)

    def alive(self) -> None:
        """The probe was answered, or a stream spoke."""
        now = asyncio.get_running_loop().time()
        if now - self._alive_at >= _ALIVE_EVERY:
            self._alive_at = now
            self._sink.observed(self.cluster, Alive())

    def reached(self) -> None:
        """The probe was answered: after a long silence every request that hangs in the old network is broken off."""
        now = asyncio.get_running_loop().time()
        if self._missed_since is not None and now - self._missed_since > self._timers.suspect_after:
            for watch in self._followed:
                watch.kick()
        self._missed_since = None
        self._pulse.beat()
        self.alive()

    def unreachable(self, reason: str) -> None:
        """The probe failed."""
        if self._missed_since is None:
            self._missed_since = asyncio.get_running_loop().time()
        self._pulse.miss()
        self._sink.observed(self.cluster, Unreachable(reason))

    def readable(self, resource: Resource) -> None:
        """A resource can be read."""
        if self._failures.pop(resource.name, None):
            _log.info("member %s: %s can be read again", self.cluster, resource.name)
        self._sink.observed(self.cluster, Readable(resource.name))

    def failed(self, resource: Resource, reason: str) -> None:
        """A resource cannot be read now."""
        self.counts["failure"] += 1
        if self._failures.get(resource.name) != reason:
            self._failures[resource.name] = reason
            _log.warning("member %s: %s: %s", self.cluster, resource.name, reason)
        self._sink.observed(self.cluster, Unreadable(reason, resource.name))

    def counted(self, what: str) -> None:
        """Something worth a metric."""
        self.counts[what] += 1
