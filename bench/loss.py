"""Queries lost when a process dies or hangs at 5,000 queries a second: a worker of two, the control process, both.

Then while one `fedns serve --takeover` after the other takes over.
"""

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path
from typing import Any, Final

import aiohttp

from bench.ground import settled
from fedns.lab.mischief import CONTROL, WORKER
from fedns.lab.processes import free_port, serving
from fedns.lab.world import SERVICE, World
from fedns.slots import STEADY_SECONDS

RATE: Final = 5000
WORKERS: Final = 2
KILLS: Final = 3
"""Of each case, each under a load of its own."""
LOAD_SECONDS: Final = 4
"""So short that what is late because of one fault is seen in the 99th percentile, too."""
TAKEOVERS: Final = 100
TAKEOVERS_A_LOAD: Final = 20
LONGEST_SECONDS: Final = 600
"""A load during takeovers is ended when the last one is over."""
CASES: Final = {
    "worker killed": ((WORKER,), signal.SIGKILL),
    "worker stopped": ((WORKER,), signal.SIGSTOP),
    "control killed": ((CONTROL,), signal.SIGKILL),
    "control stopped": ((CONTROL,), signal.SIGSTOP),
    "both killed": ((WORKER, CONTROL), signal.SIGKILL),
    "both stopped": ((WORKER, CONTROL), signal.SIGSTOP),
}
WHOLE_SECONDS: Final = 120.0
_WHOLE: Final = {f"fedns_workers_connected {WORKERS:.1f}", "fedns_publish_lag_generations 0.0"}
Figures = dict[str, float]


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """For each case: queries, lost by the worst of its faults, the worst p99 and the longest latency, and how often.

    `replaced_after_s` is the longest time until the replacement ran.
    """
    results: dict[str, Any] = {}
    async with World(directory, members=2, workers=WORKERS, port=free_port()) as world:
        await world.deploy()
        await world.serve()
        await settled(world, SERVICE, 2)
        queries = directory / "queries"
        queries.write_text(f"{SERVICE} A\n")
        for case, (modules, number) in CASES.items():
            runs = [await _fault(world, queries, modules, number) for _ in range(KILLS)]
            results[case] = _worst(runs)
        takeovers = [await _takeovers(world, queries) for _ in range(TAKEOVERS // TAKEOVERS_A_LOAD)]
        results[f"{TAKEOVERS} takeovers"] = _worst(takeovers)
    return results


def _worst(runs: list[Figures]) -> Figures:
    """Queries of all runs together, and of every other figure the worst."""
    return {
        "runs": len(runs),
        **{
            key: sum(run[key] for run in runs) if key == "queries" else max(run[key] for run in runs) for key in runs[0]
        },
    }


async def _fault(world: World, queries: Path, modules: tuple[str, ...], number: signal.Signals) -> Figures:
    await _whole(world)
    load = await _load(world.port, queries, LOAD_SECONDS)
    await asyncio.sleep(1)
    before = {module: serving(world.server_pid, module) for module in modules}
    for of in before.values():
        os.kill(of[0], number)
    replaced = await asyncio.gather(*(_replaced(world, module, of) for module, of in before.items()))
    return {**await _told(load, queries), "replaced_after_s": max(replaced)}


async def _whole(world: World) -> None:
    """Wait until every process does its work, and has for so long that its end counts as the first one."""
    await asyncio.sleep(STEADY_SECONDS)
    async with asyncio.timeout(WHOLE_SECONDS):
        while not set(await _metrics(world)) >= _WHOLE:
            await asyncio.sleep(0.1)


async def _metrics(world: World) -> list[str]:
    """The lines of the metrics; none while the control process does not answer."""
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{world.http_port}/metrics") as response,
        ):
            return (await response.text()).splitlines()
    return []


async def _replaced(world: World, module: str, before: list[int]) -> float:
    started = asyncio.get_running_loop().time()
    while True:
        now = serving(world.server_pid, module)
        if len(now) == len(before) and before[0] not in now:
            return asyncio.get_running_loop().time() - started
        await asyncio.sleep(0.02)


async def _takeovers(world: World, queries: Path) -> Figures:
    await _whole(world)
    load = await _load(world.port, queries, LONGEST_SECONDS)
    await asyncio.sleep(1)
    took = [await world.succeed() for _ in range(TAKEOVERS_A_LOAD)]
    load.send_signal(signal.SIGINT)
    return {**await _told(load, queries), "replaced_after_s": max(took)}


async def _load(port: int, queries: Path, seconds: int) -> asyncio.subprocess.Process:
    """A load that tells the latency of each query, into a file: a pipe that nobody empties would hold it up."""
    with _output(queries).open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *("dnsperf", "-v", "-s", "127.0.0.1", "-p", str(port), "-d", str(queries)),
            *("-l", str(seconds), "-c", "16", "-q", "1000", "-Q", str(RATE), "-t", "2"),
            stdout=output,
            stderr=output,
        )


def _output(queries: Path) -> Path:
    return queries.with_suffix(".out")


async def _told(load: asyncio.subprocess.Process, queries: Path) -> Figures:
    await load.wait()
    output = _output(queries).read_text()
    times = sorted(map(float, re.findall(r"^> NOERROR .* ([\d.]+)$", output, re.MULTILINE)))
    return {
        "queries": float(re.findall(r"Queries completed:\s+(\d+)", output)[0]),
        "lost": float(re.findall(r"Queries lost:\s+(\d+)", output)[0]),
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "longest_ms": times[-1] * 1000,
    }
