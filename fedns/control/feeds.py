"""The feeds of all members: one running task for each, started, replaced and stopped as the configuration says."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from fedns.clusters.member import MemberFeed
from fedns.clusters.streams import Stream
from fedns.clusters.terms import Sink
from fedns.federation.health import Timers
from fedns.federation.objects import ServiceKey
from fedns.settings.schema import Member, Settings

LISTS_AT_ONCE: Final = 8
"""Whole lists read at the same time over all members: each may need many megabytes while it is decoded."""

log = logging.getLogger(__name__)


class Feed(Protocol):
    """What is asked of one member's feed, beside that it runs."""

    counts: Counter[str]

    @property
    def refused(self) -> Counter[str]:
        """What was left out of the objects read, by reason."""

    @property
    def rejected(self) -> Mapping[ServiceKey, str]:
        """What was to be exported and is not, with the reason."""

    def streams(self) -> list[Stream]:
        """Every watched resource."""

    def problems(self) -> list[str]:
        """What is wrong now, in sentences."""


class Feeds:
    """All feeds, each telling `sink`."""

    def __init__(self, sink: Sink) -> None:
        self.running: dict[str, MemberFeed] = {}
        self._sink = sink
        self._lists = asyncio.Semaphore(LISTS_AT_ONCE)
        self._tasks: dict[str, tuple[Member, Timers, asyncio.Task[None]]] = {}

    async def follow(self, settings: Settings) -> None:
        """Follow exactly the members of these settings; those that stay the same go on undisturbed."""
        wanted = {member.name: member for member in settings.clusters}
        for name, (member, timers, _) in tuple(self._tasks.items()):
            if (wanted.get(name), settings.freshness) != (member, timers):
                await self._stop(name)
        for name, member in wanted.items():
            if name not in self._tasks:
                self._start(member, settings.freshness)

    async def close(self) -> None:
        """Stop them all."""
        for name in tuple(self._tasks):
            await self._stop(name)

    def _start(self, member: Member, timers: Timers) -> None:
        feed = MemberFeed(member, timers, self._sink, lists=self._lists)
        task = asyncio.create_task(feed.run(), name=f"feed of {member.name}")
        task.add_done_callback(_report)
        self.running[member.name] = feed
        self._tasks[member.name] = (member, timers, task)

    async def _stop(self, name: str) -> None:
        _, _, task = self._tasks.pop(name)
        del self.running[name]
        task.cancel()
        await asyncio.wait((task,))


def _report(task: asyncio.Task[None]) -> None:
    """A feed never ends by itself; should one, its member turns stale, and this line says why."""
    if not task.cancelled():
        log.critical("%s has ended", task.get_name(), exc_info=task.exception())
