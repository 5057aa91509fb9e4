"""Who the members are: those that the configuration names, and those that objects of the local cluster describe.

Both become one `Settings`; a name that the configuration has is its own, and one that a Secret has is no
ClusterProfile's. It must not know why members are followed.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial

from msgspec import structs

from fedns.control import by_profile, by_secret
from fedns.control.described import Source, names
from fedns.control.discovery import Discovery
from fedns.settings.schema import ClustersFrom, Member, Settings

log = logging.getLogger(__name__)


class _Followed:
    """One kind of object that describes members: who was described last, and what follows it, if anything does."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.members: tuple[Member, ...] = ()
        self.told = asyncio.Event()
        self.follows: tuple[Member, object] | None = None
        self.discovery: Discovery | None = None
        self.task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Follow nothing any more."""
        task, self.task, self.discovery = self.task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))


class Membership:
    """The settings with all members; `changed` is called when what describes them has made them others."""

    def __init__(self, configured: Settings, changed: Callable[[], None]) -> None:
        self._configured = configured
        self._changed = changed
        self._kinds = (_Followed("secret"), _Followed("cluster profile"))

    @property
    def settings(self) -> Settings:
        """The configuration, with the members that were described last behind its own."""
        taken = {name for each in self._configured.clusters for name in names(each)}
        described = []
        for member in (member for each in self._kinds for member in each.members):
            if not taken.intersection(names(member)):
                described.append(member)
                taken.update(names(member))
        return structs.replace(self._configured, clusters=(*self._configured.clusters, *described))

    @property
    def problems(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """What is wrong with the objects, in sentences: by what they are, then by object (NAMESPACE/NAME)."""
        return {each.what: dict(_sentences(each.discovery)) for each in self._kinds}

    @property
    def told(self) -> bool:
        """Whether all members are known: what is followed has been read."""
        return all(each.follows is None or each.told.is_set() for each in self._kinds)

    async def configure(self, configured: Settings) -> None:
        """Another configuration, or the first; what was described stays until it is read again."""
        self._configured = configured
        local = next((each for each in configured.clusters if each.name == configured.local.cluster), None)
        for each, (where, source) in zip(self._kinds, _sources(configured.clusters_from), strict=True):
            follows = (local, where) if local is not None and source is not None else None
            if follows == each.follows:
                continue
            await each.close()
            each.follows = follows
            if local is None or source is None:
                each.members = ()
            else:
                each.discovery = Discovery(local, source, partial(self._tell, each), self._taken(each))
                each.task = asyncio.create_task(each.discovery.run(), name=f"discovery of members by {each.what}")
        self._reserve()

    async def close(self) -> None:
        """Follow nothing any more."""
        for each in self._kinds:
            await each.close()

    def _tell(self, kind: _Followed, members: tuple[Member, ...]) -> None:
        kind.members = members
        kind.told.set()
        self._reserve()
        self._changed()

    def _reserve(self) -> None:
        """Who comes first has the names."""
        for each in self._kinds:
            if each.discovery is not None:
                each.discovery.reserve(self._taken(each))

    def _taken(self, kind: _Followed) -> dict[str, str]:
        """By whom a name is taken, for objects of this kind."""
        before = self._kinds[: self._kinds.index(kind)]
        found = {name: f"a {each.what}" for each in before for made in each.members for name in names(made)}
        own = (name for each in self._configured.clusters for name in names(each))
        return found | dict.fromkeys(own, "the configuration file")


def _sources(where: ClustersFrom) -> tuple[tuple[object, Source | None], ...]:
    """Every kind: where its objects are, and how they are read."""
    secrets, profiles = where.secrets, where.cluster_profiles
    return (secrets, by_secret.source(secrets) if secrets else None), (
        profiles,
        by_profile.source(profiles) if profiles else None,
    )


def _sentences(discovery: Discovery | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, wrong in (discovery.problems if discovery else {}).items():
        yield key, tuple(f"{each.path}: {each.sentence}" for each in wrong)
