"""Answers of ten addresses: one worker of fedns next to CoreDNS's `kubernetes` plugin, on one real API server.

Each has one core and dnsperf the other; the goal is five times as many queries per second of its CPU.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

from bench.asking import until_right
from bench.beside import ENDPOINTS, START_SECONDS, ZONES, follower, member
from bench.ground import ipv4
from bench.perf import length, needed
from bench.queries import TURNS, Mode, compared, load

GOAL: Final = 5.0


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """The better of two runs of each: queries per CPU second of what answers, and the ratio."""
    needed()
    best: dict[str, dict[str, float]] = {}
    wanted = {ipv4(at) for at in range(ENDPOINTS)}
    async with member(directory) as (world, _):
        for name, zone in ZONES.items():
            async with follower(world, name, one_core=True) as (running, questions):
                await asyncio.to_thread(until_right, running.port, f"s0.bench.{zone}", wanted, START_SECONDS)
                runs = [await load(running, questions, length(seconds), Mode()) for _ in range(TURNS)]
            best[name] = max(runs, key=lambda run: run["per_cpu_second"])
    return {**compared("10 addresses", best), "goal": GOAL}
