"""What is seen of the processes of a running fedns, look by look, and whether any of it grows."""

import contextlib
import os
import re
from pathlib import Path
from statistics import linear_regression
from typing import Final

import aiohttp

from fedns.lab.mischief import CONTROL, WORKER
from fedns.lab.processes import serving
from fedns.lab.world import World

WARM_PART: Final = 0.45
"""This part of a run is warm-up: the last processes begin, caches fill, allocators settle."""
GROWTH_PER_HOUR: Final = {"memory": 5.0, "files": 5.0, "tasks": 5.0}
"""MiB, descriptors, tasks: a slope counts as growth from here on, and only when the run has gained more than NOISE."""
NOISE: Final = {"memory": 8.0, "files": 8.0, "tasks": 8.0}
PAGE_SECONDS: Final = 1.0
_TASKS: Final = re.compile(r"^fedns_(control|worker)_tasks(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class Looks:
    """Seconds of each look, and then: MiB, file descriptors and tasks by kind of process.

    Of several workers the largest counts. A look at a moment when a process is being replaced is none.
    """

    def __init__(self) -> None:
        self.at: list[float] = []
        self.seen: dict[str, dict[str, list[float]]] = {
            "memory": {"supervisor": [], "control": [], "worker": []},
            "files": {"supervisor": [], "control": [], "worker": []},
            "tasks": {"control": [], "worker": []},
        }

    async def look(self, world: World, seconds: float) -> None:
        """Look at the processes as they are now."""
        pids = {
            "supervisor": [world.server_pid],
            "control": serving(world.server_pid, CONTROL),
            "worker": serving(world.server_pid, WORKER),
        }
        found: dict[str, dict[str, list[float]]] = {
            "memory": {kind: [memory(pid) for pid in of] for kind, of in pids.items()},
            "files": {kind: [files(pid) for pid in of] for kind, of in pids.items()},
            "tasks": await _tasks(world),
        }
        if not all(values and all(values) for by_kind in found.values() for values in by_kind.values()):
            return
        self.at.append(seconds)
        for what, by_kind in found.items():
            for kind, values in by_kind.items():
                self.seen[what][kind].append(max(values))

    def grown(self) -> list[str]:
        """What has grown, in words."""
        return [
            f"{what} of {kind}"
            for what, by_kind in self.seen.items()
            for kind, values in by_kind.items()
            if grew(what, self.at, values)
        ]


def memory(pid: int) -> float:
    """Resident MiB, 0 for a process that is gone."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)
    return 0.0


def files(pid: int) -> float:
    """Open file descriptors, 0 for a process that is gone."""
    with contextlib.suppress(OSError):
        return float(len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208 -- as many as there are, made into nothing
    return 0.0


async def _tasks(world: World) -> dict[str, list[float]]:
    """Tasks of the event loops, as the control process tells them; nothing while it does not answer."""
    found: dict[str, list[float]] = {"control": [], "worker": []}
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PAGE_SECONDS)) as session,
            session.get(f"http://127.0.0.1:{world.http_port}/metrics") as response,
        ):
            for kind, value in _TASKS.findall(await response.text()):
                found[kind].append(float(value))
    return found


def slope(at: list[float], values: list[float]) -> float:
    """How much a figure grows in an hour, after the warm-up."""
    first = int(len(at) * WARM_PART)
    if len(at) - first < 3:
        return 0.0
    return linear_regression(at[first:], values[first:]).slope * 3600


def grew(what: str, at: list[float], values: list[float]) -> bool:
    """Whether it grows faster than is allowed, and in this run by more than the noise."""
    hourly = slope(at, values)
    passed = (at[-1] - at[int(len(at) * WARM_PART)]) / 3600 if at else 0.0
    return hourly > GROWTH_PER_HOUR[what] and hourly * passed > NOISE[what]
