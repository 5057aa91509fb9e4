"""The probes of all data paths: one running task for each, started, replaced and stopped as the configuration says."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from fedns.clusters import datapath
from fedns.federation.health import Evidence, PathEvidence, PathGood, PathUnknown
from fedns.settings.schema import PathProbe, Settings


class Paths:
    """All probes, each telling `say` of its cluster; `counts` has their results by (cluster, result)."""

    def __init__(self, say: Callable[[str, Evidence], None]) -> None:
        self.probed: dict[str, PathProbe] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self._say = say
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def follow(self, settings: Settings) -> None:
        """Probe exactly the data paths of these settings; those that stay the same go on undisturbed."""
        wanted = {name: path for member in settings.clusters for name, path in member.data_paths.items()}
        for name in [name for name, path in self.probed.items() if wanted.get(name) != path]:
            await self._stop(name)
            self._say(name, PathUnknown())
        for name, path in wanted.items():
            if name not in self.probed:
                self.probed[name] = path
                self._tasks[name] = asyncio.create_task(datapath.probe(path, partial(self._heard, name)))

    async def close(self) -> None:
        """Stop them all."""
        for name in tuple(self.probed):
            await self._stop(name)

    async def _stop(self, name: str) -> None:
        del self.probed[name]
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.wait((task,))
        for result in ("success", "failure"):
            self.counts.pop((name, result), None)

    def _heard(self, cluster: str, evidence: PathEvidence) -> None:
        self.counts[cluster, "success" if isinstance(evidence, PathGood) else "failure"] += 1
        self._say(cluster, evidence)
