"""Follows one member: its watches and a probe go in, exports and evidence come out to a sink.

It puts the parts together and restarts them when one fails; it knows nothing of other members, nor of what freshness
follows from the evidence.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from random import Random
from time import monotonic

from msgspec import structs

from fedns.clusters.backoff import Backoff, Pace, Pulse, Rate
from fedns.clusters.connect import Connection, LostError, connect
from fedns.clusters.decode import Decoder, Item
from fedns.clusters.faults import Faults
from fedns.clusters.imports import Imports
from fedns.clusters.leases import Leases, Word
from fedns.clusters.listing import (
    LEASES,
    NODES,
    Lists,
    Resource,
    resources,
)
from fedns.clusters.probe import probe
from fedns.clusters.shelves import Touched
from fedns.clusters.streams import Stream
from fedns.clusters.terms import Belief, Means, Sink
from fedns.clusters.translate import Translator
from fedns.clusters.watch import Watch
from fedns.clusters.watchlist import Offer
from fedns.federation.health import Alive, Readable, Synced, Timers, Unreachable, Unreadable
from fedns.federation.objects import ServiceKey
from fedns.settings.schema import Member

_log = logging.getLogger(__name__)
_ALIVE_EVERY = 0.25
"""A busy stream proves life thousands of times a second; so often, in seconds, is enough."""
_SHRUNK = 20
"""A list that lost more objects than this, and more than half of all, is not believed at once."""
_THROTTLED_FOR = 60.0
"""Seconds for which it is told that a member sent too many events."""


class MemberFeed:
    """One member's feed; `counts`, `refused`, `streams` and `problems` are for metrics and status."""

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
        self._faults = Faults(self.cluster)
        self._broken: set[str] = set()
        self._streams: dict[str, Stream] = {}
        self._rate = Rate(member.trust.max_events_per_second, monotonic)
        self._leases = Leases(self.cluster)
        self._forget()

    @property
    def refused(self) -> Counter[str]:
        """What was left out of the objects read, by reason."""
        return self._decoder.refused

    def objects(self) -> dict[str, int]:
        """How many objects are held, by resource."""
        return self._translator.objects()

    def streams(self) -> list[Stream]:
        """The state of each watched resource."""
        return list(self._streams.values())

    def problems(self) -> list[str]:
        """What is wrong now, in sentences."""
        lacking = [each for each in self.streams() if each.state in {"waiting", "absent"} and each.reason]
        found = [f"{each.resource}: {each.reason}" for each in lacking]
        late = self._rate.throttled
        if late is not None and monotonic() - late < _THROTTLED_FOR:
            found.append(
                f"more than {self._rate.per_second:g} events a second (trust.maxEventsPerSecond): they are read slowly"
            )
        found += self._faults.sentences()
        found += [f"source cluster {each} belongs to another member: refused" for each in sorted(self._strangers)]
        return found + self._translator.problems()

    @property
    def rejected(self) -> Mapping[ServiceKey, str]:
        """What was to be exported and is not, with the reason."""
        return self._translator.rejected if isinstance(self._translator, Translator) else {}

    async def run(self) -> None:
        """Follow the member until cancelled; a fault of ours is logged, and the feed begins anew."""
        backoff = Backoff(self._pulse, self._random)
        while True:
            began = _now()
            try:
                await self._follow()
            except LostError as loss:
                self.unreachable(str(loss))
                for stream in self.streams():
                    stream.enter("waiting", _now(), str(loss))
            except Exception:  # noqa: BLE001 -- whatever it is, the feed goes on
                _log.exception("member %s: the feed failed and begins anew", self.cluster)
                self.counts["crash"] += 1
                self._sink.observed(self.cluster, Unreadable("the feed failed"))
            if _now() - began > 60.0:
                backoff.reset()
            self._pulse.alive = True  # unless told otherwise the next try comes soon; but it is no return
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
                if LEASES in self._resources:
                    tasks.create_task(self._expire(), name=f"{self.cluster}: leases")
        finally:
            await connection.close()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(self._timers.probe_interval)
            self._hear(self._leases.passed(_now()))

    def _hear(self, words: Iterable[Word]) -> None:
        for source, evidence in words:
            if source in self._known:
                self._sink.observed(source, evidence)

    def _forget(self) -> None:
        self._decoder = decoder = Decoder(self._member.trust, pods=self._member.host_names == "pod")
        imported = self._member.source == "imports"
        readers = decoder.readers(imported=imported)
        self._resources = {resource: readers[resource.name] for resource in resources(self._member)}
        self._translator: Translator | Imports
        if imported:
            self._translator = Imports(self.cluster, self._member.trust, decoder.refused)
        else:
            self._translator = Translator(self.cluster, self._member.exports, self._member.trust, decoder.refused)
        for each in self._resources:
            self._streams.setdefault(each.name, Stream(resource=each.name)).enter("connecting", _now())
        self._unread = {resource.name for resource in self._resources} - {NODES.name}
        self._known = {self.cluster, *(source.name for source in self._member.sources)}
        self._strangers: set[str] = set()
        self._followed: list[Watch] = []

    def _watches(self, connection: Connection) -> list[Watch]:
        means = Means(
            connection=connection,
            bare=self._decoder.bare,
            lists=self._lists,
            pulse=self._pulse,
            rate=self._rate,
            offer=Offer(self._pace.upgrade),
            period=self._timers.watch_period,
            pace=self._pace,
            most=self._member.trust.max_bytes,
            random=self._random,
        )
        clustered = structs.replace(means, bare=partial(self._decoder.bare, clustered=True))
        self._followed = [
            Watch(clustered if resource.clustered else means, resource, decode, self, self._streams[resource.name])
            for resource, decode in self._resources.items()
        ]
        return self._followed

    def replaced(self, resource: Resource, items: list[Item], *, sure: bool) -> Belief:
        """A whole truth of one resource; not believed at once when it lost too much, or all, without a word."""
        gone, held = self._translator.missing(resource.name, items)
        much = gone > _SHRUNK and gone * 2 > held
        if not sure and (much or (held and not items)):
            self.counts["held"] += 1
            _log.warning(
                "member %s: the list of %s lost %d of %d: held until a second one",
                self.cluster,
                resource.name,
                gone,
                held,
            )
            return Belief.LATER if much else Belief.AGAIN
        for item in items:
            self._faults.report(resource, item)
        touched = self._translator.replace(resource.name, items)
        self._strangers.clear()
        if not self._unread:
            self._tell(dict.fromkeys(touched, 0.0))
        self._read(resource)
        if resource == NODES:
            self._sink.located(self.cluster, self._translator.nodes(), whole=True)
        self._renewed(resource)
        return Belief.TAKEN

    def differs(self, resource: Resource, names: list[Item], read: int, seen: int) -> bool:
        """Whether the server has something else than what is held."""
        return self._translator.differs(resource.name, names, read, seen)

    def changed(self, resource: Resource, events: list[tuple[str, Item]]) -> None:
        """Events of one resource: what they touch is told once, as it is after all of them."""
        self.counts["event"] += len(events)
        touched: dict[Touched, float] = {}
        for kind, item in events:
            self._faults.report(resource, item)
            for each in self._translator.apply(resource.name, kind, item):
                touched[each] = max(touched.get(each, 0.0), item.triggered)
        if not self._unread:
            self._tell(touched)
        if resource == NODES:
            nodes = {item.name: self._translator.node(item.name) for _, item in events}
            self._sink.located(self.cluster, nodes, whole=False)
        self._renewed(resource)

    def _read(self, resource: Resource) -> None:
        """A resource is known for the first time; once all are, so is the member."""
        last = self._unread == {resource.name}
        self._unread.discard(resource.name)
        if last:
            self._tell_all()

    def _tell_all(self) -> None:
        for cluster in (self._translator.clusters() | self._known) - {self.cluster}:
            if self._knows(cluster):
                self._sink.replaced(cluster, self._translator.exports(cluster))
        self._sink.replaced(self.cluster, self._translator.exports(self.cluster))
        self._sink.observed(self.cluster, Synced())

    def _tell(self, touched: dict[Touched, float]) -> None:
        new = {cluster for cluster, _ in touched} - self._known
        for cluster in sorted(new):
            if self._knows(cluster):
                self._sink.replaced(cluster, self._translator.exports(cluster))
        for (cluster, key), triggered in touched.items():
            if cluster in self._known and cluster not in new:
                self._sink.changed(cluster, key, self._translator.export(cluster, key), triggered)

    def _knows(self, cluster: str) -> bool:
        """Whether a source cluster is this member's to tell of."""
        if cluster not in self._known and cluster not in self._strangers:
            theirs = not self._sink.found(self.cluster, cluster)
            (self._strangers if theirs else self._known).add(cluster)
        return cluster in self._known

    def _renewed(self, resource: Resource) -> None:
        if isinstance(self._translator, Imports) and resource == LEASES:
            self._hear(self._leases.seen(self._translator.leases(), _now()))

    def alive(self) -> None:
        """The probe was answered, or a stream spoke."""
        now = _now()
        if now - self._alive_at >= _ALIVE_EVERY:
            self._alive_at = now
            self._sink.observed(self.cluster, Alive())

    def reached(self) -> None:
        """The probe was answered: after a long silence every request that hangs in the old network is broken off."""
        now = _now()
        if self._missed_since is not None and now - self._missed_since > self._timers.suspect_after:
            for watch in self._followed:
                watch.kick()
        self._missed_since = None
        self._pulse.beat()
        self.alive()

    def unreachable(self, reason: str) -> None:
        """The probe failed."""
        if self._missed_since is None:
            self._missed_since = _now()
        self._pulse.miss()
        self._sink.observed(self.cluster, Unreachable(reason))

    def readable(self, resource: Resource) -> None:
        """A resource can be read, or is known to be absent."""
        if self._streams[resource.name].state == "absent":
            self._read(resource)
        if resource.name in self._broken:
            self._broken.discard(resource.name)
            _log.info("member %s: %s can be read again", self.cluster, resource.name)
        self._sink.observed(self.cluster, Readable(resource.name))

    def failed(self, resource: Resource, reason: str) -> None:
        """A resource cannot be read now; said once, until it can be read again."""
        self.counts["failure"] += 1
        if resource.name not in self._broken:
            self._broken.add(resource.name)
            _log.warning("member %s: %s cannot be read: %s", self.cluster, resource.name, reason)
        if resource != NODES:  # they say nothing of its services
            self._sink.observed(self.cluster, Unreadable(reason, resource.name))

    def counted(self, what: str) -> None:
        """Something worth a metric."""
        self.counts[what] += 1


def _now() -> float:
    return asyncio.get_running_loop().time()
