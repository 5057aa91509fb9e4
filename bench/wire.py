"""Queries per second of server CPU: one worker of fedns next to CoreDNS's `file` plugin, with the same records.

Each server has one core, dnsperf has the other; both are asked the same questions in the same run, so that the ratio
holds on any machine, though the absolute figures do not.
"""

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

from bench.ground import headless, ipv4, process_cpu, serving, settled
from fedns.lab.processes import end, free_port
from fedns.lab.world import World
from tests.real.build import cache

NAMES: Final = 1000
ADDRESSES: Final = 3
ZONE: Final = "myfed.svc.example.com"


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Both servers, one after the other, twice each in turns; returns the better run of each, and the ratio."""
    if shutil.which("dnsperf") is None:
        raise SystemExit("dnsperf is missing: apt-get install dnsperf")
    if not (cache() / "coredns").exists():
        raise SystemExit("CoreDNS is missing: python -m tests.real.build (needs Go)")
    queries = directory / "queries"
    directory.mkdir(parents=True, exist_ok=True)
    queries.write_text("".join(f"s{at}.bench.{ZONE} A\n" for at in range(NAMES)))
    results: dict[str, list[dict[str, float]]] = {"fedns": [], "coredns": []}
    async with World(directory / "lab", members=1, workers=1, port=free_port()) as world:
        objects = [each for at in range(NAMES) for each in headless("bench", f"s{at}", ADDRESSES, at * ADDRESSES)]
        await world.clusters["eu1"].put(objects)
        await world.serve()
        await settled(world, f"s{NAMES - 1}.bench.{ZONE}", ADDRESSES)
        (worker,) = serving(world.server_pid, "fedns.servers.worker")
        core = await _start_coredns(directory)
        try:
            for _ in range(2):
                results["fedns"].append(await _load(worker, world.port, queries, seconds))
                results["coredns"].append(await _load(core[0].pid, core[1], queries, seconds))
        finally:
            await end(core[0])
    best = {name: max(runs, key=lambda run: run["per_cpu_second"]) for name, runs in results.items()}
    return {**best, "ratio": best["fedns"]["per_cpu_second"] / best["coredns"]["per_cpu_second"]}


async def _start_coredns(directory: Path) -> tuple[asyncio.subprocess.Process, int]:
    port = free_port()
    lines = ["$ORIGIN example.com.", "@ 5 IN SOA ns.dns hostmaster 1 7200 1800 86400 5", "@ 5 IN NS ns.dns"]
    lines += [
        f"s{at}.bench.myfed.svc 5 IN A {ipv4(at * ADDRESSES + each)}"
        for at in range(NAMES)
        for each in range(ADDRESSES)
    ]
    (directory / "zone").write_text("\n".join(lines) + "\n")
    (directory / "Corefile").write_text(f"example.com:{port} {{\n bind 127.0.0.1\n file {directory / 'zone'}\n}}\n")
    process = await asyncio.create_subprocess_exec(
        str(cache() / "coredns"),
        "-conf",
        str(directory / "Corefile"),
        env={**os.environ, "GOMAXPROCS": "1"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    await asyncio.sleep(1)
    return process, port


async def _load(pid: int, port: int, queries: Path, seconds: int) -> dict[str, float]:
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[0]})
    before = process_cpu(pid)
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", str(cores[-1]), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(queries)),
        *("-l", str(seconds), "-c", "16", "-q", "256"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    used = process_cpu(pid) - before
    completed = float(re.findall(r"Queries completed:\s+(\d+)", output)[0])
    lost = float(re.findall(r"Queries lost:\s+(\d+)", output)[0])
    latency = float(re.findall(r"Average Latency \(s\):\s+([\d.]+)", output)[0])
    return {
        "per_cpu_second": completed / used,
        "queries": completed,
        "lost": lost,
        "cpu_seconds": used,
        "average_latency_ms": latency * 1000,
    }
