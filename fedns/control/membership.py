"""Who the members are: those that the configuration names, and those that Secrets of the local cluster describe.

Both become one `Settings`; a name that the configuration has is its own. It must not know why members are followed.
"""

import asyncio
import logging
from collections.abc import Callable

from msgspec import structs

from fedns.control.discovery import Discovery
from fedns.settings.schema import Member, Secrets, Settings

log = logging.getLogger(__name__)


class Membership:
    """The settings with all members; `changed` is called when Secrets have made them others."""

    def __init__(self, configured: Settings, changed: Callable[[], None]) -> None:
        self._configured = configured
        self._changed = changed
        self._described: tuple[Member, ...] = ()
        self._follows: tuple[Member, Secrets] | None = None
        self._discovery: Discovery | None = None
        self._task: asyncio.Task[None] | None = None
        self._told = asyncio.Event()

    @property
    def settings(self) -> Settings:
        """The configuration, with the members that were described last behind its own."""
        taken = set(self._names())
        described = []
        for member in self._described:
            names = {member.name, *(source.name for source in member.sources)}
            if not names & taken:
                described.append(member)
                taken |= names
        return structs.replace(self._configured, clusters=(*self._configured.clusters, *described))

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """What is wrong with the Secrets, in sentences, by Secret."""
        if self._discovery is None:
            return {}
        return {
            secret: tuple(f"{each.path}: {each.sentence}" for each in wrong)
            for secret, wrong in self._discovery.problems.items()
        }

    @property
    def told(self) -> bool:
        """Whether all members are known: where Secrets are followed, these have been read."""
        return self._follows is None or self._told.is_set()

    async def complete(self) -> None:
        """Wait until the Secrets have been read, where there are any to be read."""
        if self._follows is not None:
            await self._told.wait()

    async def configure(self, configured: Settings) -> None:
        """Another configuration, or the first; what Secrets describe stays until they are read again."""
        self._configured = configured
        local = next((each for each in configured.clusters if each.name == configured.local.cluster), None)
        where = configured.clusters_from.secrets
        follows = (local, where) if local is not None and where is not None else None
        if follows != self._follows:
            await self.close()
            self._follows = follows
            if follows is None:
                self._described = ()
            else:
                self._discovery = Discovery(*follows, self._tell, self._names())
                self._task = asyncio.create_task(self._discovery.run(), name="discovery of members")
        elif self._discovery is not None:
            self._discovery.reserve(self._names())

    async def close(self) -> None:
        """Follow no Secrets any more."""
        task, self._task, self._discovery = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    def _tell(self, members: tuple[Member, ...]) -> None:
        self._described = members
        self._told.set()
        self._changed()

    def _names(self) -> list[str]:
        """What the configuration calls its own."""
        return [name for each in self._configured.clusters for name in (each.name, *(s.name for s in each.sources))]
