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

from bench.asking import until_right
from bench.ground import headless, ipv4, process_cpu, settled
from bench.servers import coredns
from fedns.lab.processes import free_port, serving
from fedns.lab.world import World

NAMES: Final = 1000
ADDRESSES: Final = 3
ZONE: Final = "myfed.svc.example.com"
START_SECONDS: Final = 20.0


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Both servers, one after the other, twice each in turns; returns the better run of each, and the ratio."""
    if shutil.which("dnsperf") is None:
        raise SystemExit("dnsperf is missing: apt-get install dnsperf")
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
        zone = f"file {_zone(directory)}"
        async with coredns(directory, "example.com", zone, GOMAXPROCS="1") as core:
            await asyncio.to_thread(until_right, core.port, f"s0.bench.{ZONE}", _addresses(0), START_SECONDS)
            for _ in range(2):
                results["fedns"].append(await _load(worker, world.port, queries, seconds))
                results["coredns"].append(await _load(core.pid, core.port, queries, seconds))
    best = {name: max(runs, key=lambda run: run["per_cpu_second"]) for name, runs in results.items()}
    return {**best, "ratio": best["fedns"]["per_cpu_second"] / best["coredns"]["per_cpu_second"]}


def _addresses(at: int) -> list[str]:
    return [ipv4(at * ADDRESSES + each) for each in range(ADDRESSES)]


def _zone(directory: Path) -> Path:
    lines = ["$ORIGIN example.com.", "@ 5 IN SOA ns.dns hostmaster 1 7200 1800 86400 5", "@ 5 IN NS ns.dns"]
    lines += [f"s{at}.bench.myfed.svc 5 IN A {each}" for at in range(NAMES) for each in _addresses(at)]
    file = directory / "zone"
    file.write_text("\n".join(lines) + "\n")
    return file


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
