"""Queries beside a run, by dnsperf, and what this machine does besides."""

import asyncio
import re
import shutil
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Final

from msgspec import Struct, field

LOAD_SECONDS: Final = 20
CAPACITY_SECONDS: Final = 5
RATES: Final = (500, 20_000)
"""Half of what can be answered here, but no less and no more: queries a second."""
MODES: Final = ("udp", "udp", "udp", "tcp")
QUIET: Final = 0.15
"""A machine of which others take more than this part is not quiet: its latencies say nothing of fedns."""
IDLE_SECONDS: Final = 2.0


class Load(Struct, frozen=True):
    """One load: seconds since the beginning, its transport, queries and those lost, the mean latency in ms."""

    at: float
    mode: str
    queries: int
    lost: int
    mean_ms: float


class Loads(Struct):
    """Load after load, three over UDP and one over TCP."""

    port: int
    queries: Path
    done: list[Load] = field(default_factory=list)

    async def capacity(self) -> float:
        """Queries a second over UDP that are answered when as many are asked as can be."""
        load = await self._run("udp", CAPACITY_SECONDS, None, 0.0)
        return load.queries / CAPACITY_SECONDS

    async def run(self, rate: int) -> None:
        """Ask so many a second, until cancelled."""
        began = monotonic()
        while True:
            for mode in MODES:
                self.done.append(await self._run(mode, LOAD_SECONDS, rate, monotonic() - began))

    def drift(self) -> float | None:
        """By which part the latency over UDP was higher in the last third than in the first one."""
        times = [each.mean_ms for each in self.done if each.mode == "udp"]
        third = len(times) // 3
        return median(times[-third:]) / median(times[:third]) - 1 if third else None

    async def _run(self, mode: str, seconds: int, rate: int | None, at: float) -> Load:
        process = await asyncio.create_subprocess_exec(
            *("dnsperf", "-s", "127.0.0.1", "-p", str(self.port), "-d", str(self.queries), "-m", mode),
            *("-l", str(seconds), "-c", "8", "-t", "2", *(("-Q", str(rate)) if rate else ())),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output = (await process.communicate())[0].decode()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise

        def told(pattern: str) -> float:
            found = re.search(pattern + r":\s+([\d.]+)", output)
            return float(found.group(1)) if found else 0.0

        lost, mean = told("Queries lost"), told(r"Average Latency \(s\)") * 1000
        return Load(at, mode, int(told("Queries completed")), int(lost), mean)


def half(capacity: float) -> int:
    """Half of it, within bounds."""
    least, most = RATES
    return max(least, min(most, int(capacity / 2)))


def possible() -> bool:
    """Whether there can be a load."""
    return shutil.which("dnsperf") is not None


async def busy() -> float:
    """Which part of all processors is in use now, seen over a moment."""
    before = _times()
    await asyncio.sleep(IDLE_SECONDS)
    idle, every = (now - then for now, then in zip(_times(), before, strict=True))
    return 1 - idle / every if every else 0.0


def _times() -> tuple[int, int]:
    """Ticks of all processors: idle, and in all."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
