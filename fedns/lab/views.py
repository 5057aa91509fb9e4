"""What one request sees of a store: all of it, or what a lying or lagging server would show.

`lag`: a replica that is some versions behind. `empty`, `short`: lists that lost objects. `swallow`: a log that lost
events. The store itself keeps the truth.
"""

from collections.abc import Callable

from fedns.lab.faults import Faults
from fedns.lab.kinds import Json, Kind
from fedns.lab.store import Change, Store


class View:
    """A store as one server shows it: `behind` by some versions, a `share` of its objects, losing what `lost` says."""

    def __init__(
        self, store: Store, *, behind: int = 0, share: float = 1.0, lost: Callable[[], bool] = lambda: False
    ) -> None:
        self._store = store
        self._behind = behind
        self._share = share
        self._lost = lost

    @property
    def version(self) -> int:
        """The newest version that this server knows."""
        return max(self._store.oldest, self._store.version - self._behind)

    @property
    def oldest(self) -> int:
        """The oldest version that it still knows."""
        return self._store.oldest

    def items(self, kind: Kind, namespace: str = "") -> list[Json]:
        """All objects of a type, or those of one namespace, in the order of their keys."""
        return self.items_at(kind, namespace, self.version)

    def items_at(self, kind: Kind, namespace: str, version: int) -> list[Json]:
        """The same as they were at an earlier version; 410 if that is too long ago."""
        items = self._store.items_at(kind, namespace, version)
        return items[: int(len(items) * self._share)]

    def since(self, version: int) -> list[Change]:
        """The changes after `version` that it knows and has not lost, oldest first; 410 if the log is too short."""
        newest = self.version
        return [each for each in self._store.since(version) if each.version <= newest and not self._lost()]

    async def news(self, version: int) -> None:
        """Wait until it knows of a change after `version`."""
        await self._store.news(version + self._behind)


def view(store: Store, faults: Faults, path: str, *, consistent: bool) -> View:
    """What a request for `path` sees. No replica may answer a `consistent` one from its own memory."""
    share = 0.0 if faults.find("empty", path) else 0.5 if faults.find("short", path) else 1.0

    def lost() -> bool:
        fault = faults.find("swallow", path)
        return fault is not None and faults.chance.random() < float(fault.value)

    return View(store, behind=0 if consistent else faults.lag(path), share=share, lost=lost)
