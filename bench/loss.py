"""Queries lost when a process dies or hangs at 5,000 queries a second: a worker of two, the control process, both.

Then while one `fedns serve --takeover` after the other takes over.
"""

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any, Final

from bench.ground import settled
from fedns.lab.mischief import CONTROL, WORKER
from fedns.lab.processes import free_port, serving
from fedns.lab.world import SERVICE, World

RATE: Final = 5000
TAKEOVERS: Final = 3
CASES: Final = {
    "worker killed": ((WORKER,), signal.SIGKILL),
    "worker stopped": ((WORKER,), signal.SIGSTOP),
    "control killed": ((CONTROL,), signal.SIGKILL),
    "control stopped": ((CONTROL,), signal.SIGSTOP),
    "both killed": ((WORKER, CONTROL), signal.SIGKILL),
}


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """For each case: queries, how many were lost, the longest latency, and the seconds until the replacement ran."""
    results = {}
    async with World(directory, members=2, workers=2, port=free_port()) as world:
        await world.deploy()
        await world.serve()
        await settled(world, SERVICE, 2)
        queries = directory / "queries"
        queries.write_text(f"{SERVICE} A\n")
        for case, (modules, number) in CASES.items():
            load = asyncio.create_task(_load(world.port, queries, seconds + 3))
            await asyncio.sleep(2)
            before = {module: serving(world.server_pid, module) for module in modules}
            for of in before.values():
                os.kill(of[0], number)
            replaced = [await _replaced(world, module, of) for module, of in before.items()]
            results[case] = {**await load, "replaced_after_s": max(replaced)}
        load = asyncio.create_task(_load(world.port, queries, seconds + 10))
        await asyncio.sleep(2)
        took = [await world.succeed() for _ in range(TAKEOVERS)]
        results[f"{TAKEOVERS} takeovers"] = {**await load, "replaced_after_s": max(took)}
    return results


async def _replaced(world: World, module: str, before: list[int]) -> float:
    started = asyncio.get_running_loop().time()
    while True:
        now = serving(world.server_pid, module)
        if len(now) == len(before) and before[0] not in now:
            return asyncio.get_running_loop().time() - started
        await asyncio.sleep(0.02)


async def _load(port: int, queries: Path, seconds: int) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *("dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(queries)),
        *("-l", str(seconds), "-c", "16", "-Q", str(RATE), "-t", "2"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    return {
        "queries": float(re.findall(r"Queries completed:\s+(\d+)", output)[0]),
        "lost": float(re.findall(r"Queries lost:\s+(\d+)", output)[0]),
        "longest_ms": float(re.findall(r"max ([\d.]+)", output)[0]) * 1000,
    }
