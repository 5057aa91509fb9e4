"""Follows the objects of the local cluster that describe members, and tells who these are.

A wrong object costs only itself: it is reported once for each change, and the last good version of its member stays in
force until the object is right again or deleted. While the local API server is away, the members stay as they were. It
knows nothing of what becomes of the members, nor what the objects look like.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Final

from fedns.clusters.backoff import Backoff, Pace, Pulse, Rate
from fedns.clusters.connect import LostError, connect
from fedns.clusters.decode import Item
from fedns.clusters.listing import Lists, Resource
from fedns.clusters.streams import Stream
from fedns.clusters.terms import Belief, Means
from fedns.clusters.watch import Watch
from fedns.clusters.watchlist import Offer
from fedns.control.described import Read, Source, Telling, agree, bare
from fedns.settings.schema import Member

if TYPE_CHECKING:
    from fedns.settings.load import Problem

_TOLD: Final = 10
"""So many problems of one object are logged."""
_PERIOD: Final = 30.0
"""Mean length of a watch in seconds."""
_EVENTS_PER_SECOND: Final = 10.0
"""More changes wait: each is read as YAML, and there are few."""
_MOST_BYTES: Final = 256 << 20
"""All objects of one reading: 1,000 of the largest Secrets that are read make 170 MiB in base64."""

log = logging.getLogger(__name__)


class Discovery:
    """Follows one source through the local member's API server; `told` hears of all members whenever they change.

    It is told the first time when all objects have been read, be there members or not. `taken` says by whom (in words)
    a name is taken. `problems` are those of the objects as they are now, by NAMESPACE/NAME; `failure` says why they
    cannot be read, "" when they can.
    """

    def __init__(
        self,
        local: Member,
        source: Source,
        told: Callable[[tuple[Member, ...]], None],
        taken: Mapping[str, str],
    ) -> None:
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self._local, self._source, self._told = local, source, told
        self._taken = dict(taken)
        self._read: dict[str, Read] = {}
        self._members: dict[str, Member] | None = None
        self.failure = ""

    def reserve(self, taken: Mapping[str, str]) -> None:
        """These names are taken by others from now on."""
        self._taken = dict(taken)
        if self._members is not None:
            self._settle()

    async def run(self) -> None:
        """Follow the objects until cancelled; a fault of ours is logged, and it begins anew."""
        pulse, random = Pulse(), Random()  # noqa: S311 -- jitter, no secret
        backoff = Backoff(pulse, random)
        while True:
            try:
                await self._follow(pulse, random)
            except LostError as loss:
                self.failed(self._source.resource, str(loss))
            except Exception:  # whatever it is, members can still come
                log.exception("discovery of members failed and begins anew")
            await backoff.pause()

    async def _follow(self, pulse: Pulse, random: Random) -> None:
        connection, pace = await connect(self._local), Pace()
        means = Means(
            connection=connection,
            bare=bare,
            lists=Lists(asyncio.Semaphore(1)),
            pulse=pulse,
            rate=Rate(_EVENTS_PER_SECOND, asyncio.get_running_loop().time),
            offer=Offer(pace.upgrade),
            period=_PERIOD,
            pace=pace,
            most=_MOST_BYTES,
            random=random,
        )
        try:
            resource = self._source.resource
            await Watch(means, resource, self._source.decode, self, Stream(resource=resource.name)).run()
        finally:
            await connection.close()

    def replaced(self, _: Resource, items: list[Item], *, sure: bool) -> Belief:
        """All objects there are; a list that lost more than half of them is not believed at once."""
        listed = {_key(item): item for item in items if item.name}
        gone = len(self._read.keys() - listed.keys())
        if gone * 2 > len(self._read) and not sure:
            name = self._source.resource.name
            log.warning("the list of %s lost %d of %d: held until a second one", name, gone, len(self._read))
            return Belief.LATER
        for key in self._read.keys() - listed.keys():
            del self._read[key]
        for key, item in listed.items():
            self._keep(key, item)
        self._settle()
        return Belief.TAKEN

    def differs(self, _: Resource, __: list[Item], read: int, seen: int) -> bool:  # noqa: ARG002 -- what a watch asks
        """They are few enough to be read whole."""
        return True

    def changed(self, _: Resource, events: list[tuple[str, Item]]) -> None:
        """Objects came, changed or went; one that lost the label goes, too."""
        for kind, item in events:
            if kind == "DELETED":
                self._read.pop(_key(item), None)
            elif item.name:
                self._keep(_key(item), item)
        self._settle()

    def _keep(self, key: str, item: Item) -> None:
        if isinstance(item, Telling):
            self._read[key] = item.read
        else:
            log.warning("%s %s is left as it was: %s", self._source.what, key, item.fault)

    def _settle(self) -> None:
        """Look at all objects again, say what is newly wrong or right, and tell of the members if they are others."""
        before, problems = self._members, self.problems
        self._members, self.problems = agree(self._read, self._taken, before or {}, self._source.what)
        for key, wrong in self.problems.items():
            if problems.get(key) != wrong:
                kept = f"member {self._members[key].name} stays as it was" if key in self._members else "no member"
                for each in wrong[:_TOLD]:
                    at = f"line {each.line}: " if each.line else ""
                    text = "%s %s: %s%.100s: %.300s (%s)"
                    log.warning(text, self._source.what, key, at, each.path, each.sentence, kept)
        for key in (problems.keys() - self.problems.keys()) & self._read.keys():
            log.info("%s %s: is right again", self._source.what, key)
        if before is None or before != self._members:
            self._told(tuple(sorted(self._members.values(), key=lambda each: each.name)))

    def alive(self) -> None:
        """The local member's own feed tells of life."""

    def readable(self, _: Resource) -> None:
        """The objects can be read."""
        if self.failure:
            log.info("%s in %s can be read again", self._source.resource.name, self._source.namespace)
            self.failure = ""

    def failed(self, _: Resource, reason: str) -> None:
        """The objects cannot be read now: the members stay as they are."""
        if reason != self.failure:
            self.failure = reason
            name, namespace = self._source.resource.name, self._source.namespace
            log.warning("%s in %s: %s: the members from there stay as they are", name, namespace, reason)

    def counted(self, what: str) -> None:
        """Nothing of it is a metric."""


def _key(item: Item) -> str:
    return f"{item.namespace}/{item.name}"
