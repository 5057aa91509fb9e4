"""A member outside this process that only the lab changes: what it really holds is written down here, too.

So the truth model knows a real API server as well as it knows one that is embedded. The truth is written down first:
nothing is ever told that it does not have yet. A member that is frozen, dead or cut off is not changed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fedns.lab.members import Cluster
from fedns.lab.network import Cuts
from fedns.lab.store import Store


class Mirror:
    """One such member with its `store`; `revive` starts it again after `stop`, None where a heal does that."""

    def __init__(self, cluster: Cluster, cuts: Cuts, revive: Callable[[], Awaitable[Cluster]] | None = None) -> None:
        self.store = Store()
        self._cluster = cluster
        self._cuts = cuts
        self._revive = revive
        self._still = False
        self._dead = False
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int:
        """The API server's process."""
        return self._cluster.pid

    @property
    def url(self) -> str:
        """The API server's address."""
        return self._cluster.url

    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig with one context, named like the member."""
        return self._cluster.kubeconfig()

    async def put(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create or change those that differ from what it holds; nothing while it cannot answer."""
        async with self._lock:
            if not self._still and (changed := [each for each in objects if self._applied(each)]):
                await self._cluster.put(changed)

    async def remove(self, objects: Sequence[dict[str, Any]]) -> None:
        """Delete objects, those that exist; nothing while it cannot answer."""
        async with self._lock:
            if not self._still and (gone := [each for each in objects if self.store.remove(each)]):
                await self._cluster.remove(gone)

    async def fault(self, text: str) -> None:
        """Break it, `cut` it off, or `heal` all: after the change that is on its way, and before the next one."""
        port = int(self.url.rpartition(":")[2])
        async with self._lock:
            if text == "cut":
                await self._cuts.cut(port)
            elif text == "heal":
                await self._cuts.mend(port)
                await self._heal()
            else:
                await self._cluster.fault(text)
            self._dead = text == "stop" or (self._dead and text != "heal")
            self._still = text != "heal" and (self._still or text in {"freeze", "cut"} or self._dead)

    async def stop(self) -> None:
        """End it for good."""
        await self._cluster.stop()

    async def _heal(self) -> None:
        if self._dead and self._revive is not None:
            self._cluster = await self._revive()
        else:
            await self._cluster.fault("heal")

    def _applied(self, item: dict[str, Any]) -> bool:
        """Write an object down; whether that is news."""
        before = self.store.writes
        self.store.apply(item)
        return self.store.writes > before
