"""How late the latest answers are: 10,000 queries a second, while 200 services a second change.

fedns and CoreDNS's `kubernetes` plugin follow the same real API server in turns, twice each; changes, questions and
whoever answers share the machine. The goal is at most half of CoreDNS's p99 and p99.9.
"""

import asyncio
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any, Final

from bench.beside import SERVICES, ZONES, follower, member
from bench.perf import needed, perf, tail
from fedns.lab.real import Server

RATE: Final = 10_000
CHANGES_PER_SECOND: Final = 200
TURNS: Final = 2
GOAL: Final = 0.5
OUTSTANDING: Final = "20000"
"""Questions without an answer do not hold the next ones up: so many wait for none."""


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Percentiles over the answers of both turns, half of `seconds` each, in milliseconds; `ratio` is to CoreDNS."""
    needed()
    times: dict[str, list[float]] = {name: [] for name in ZONES}
    loads: dict[str, list[dict[str, float]]] = {name: [] for name in ZONES}
    half = max(1, seconds // TURNS)
    async with member(directory) as (world, server):
        for _, name in product(range(TURNS), ZONES):
            async with follower(world, name) as (running, questions):
                # The first answer to each question is made now: a server that has just begun is not what is measured.
                await perf(running.port, questions, 1, "-Q", str(RATE))
                changes = asyncio.create_task(_changes(server, half + 1))
                told = await perf(
                    running.port, questions, half, *("-c", "16", "-q", OUTSTANDING, "-Q", str(RATE)), each=True
                )
                times[name] += told.times
                loads[name].append({**await changes, "queries_per_s": told.completed / told.seconds, "lost": told.lost})
    figures = {name: {**tail(sorted(times[name])), **_all(loads[name])} for name in ZONES}
    ours, theirs = figures["fedns"], figures["coredns"]
    ratio = {name: ours[name] / theirs[name] for name in ("p50_ms", "p99_ms", "p999_ms")}
    return {**figures, "ratio": ratio, "goal": GOAL}


def _all(loads: list[dict[str, float]]) -> dict[str, float]:
    """The slowest rates of all turns, the latest change, and the queries lost in all of them."""
    least, most = ({name: choose(load[name] for load in loads) for name in loads[0]} for choose in (min, max))
    lost = sum(load["lost"] for load in loads)
    return {**least, "changes_late_s": most["changes_late_s"], "lost": lost}


async def _changes(server: Server, seconds: int) -> dict[str, float]:
    """Changes at their rate, and what became of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.churn", server.url, str(server.ca)),
        *map(str, (SERVICES, CHANGES_PER_SECOND, seconds)),
        stdout=asyncio.subprocess.PIPE,
    )
    output = (await process.communicate())[0]
    if process.returncode:
        raise SystemExit(f"bench.churn ended with {process.returncode}")
    figures: dict[str, float] = json.loads(output)
    return figures
