"""Queries per second of server CPU: one worker of fedns next to CoreDNS (`file`), Knot and BIND with the same records.

Each server has one core, dnsperf has the other; all are asked the same questions in the same run, so that ratios hold
on any machine, though the absolute figures do not.
"""

import asyncio
import os
import random
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from bench.asking import until_right
from bench.ground import headless, ipv4, process_cpu, settled
from bench.servers import Running, bind, coredns, knot
from fedns.lab.processes import free_port, serving
from fedns.lab.world import World

NAMES: Final = 1000
ADDRESSES: Final = 3
ZONE: Final = "myfed.svc.example.com"
START_SECONDS: Final = 20.0
COOKIE: Final = "10:0123456789abcdef"
MODES: Final[dict[str, tuple[str, ...]]] = {
    "plain": (),
    "cookie": ("-E", COOKIE),
    "random case, EDNS": ("-e",),
    "NXDOMAIN flood": (),
    "TCP": ("-m", "tcp"),
}
"""What dnsperf is told besides; the questions of each are in a file of its own."""
TURNS: Final = 2


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Every mode with every server in turns; the better run of each: queries per CPU second, and ratios to fedns."""
    if shutil.which("dnsperf") is None:
        raise SystemExit("dnsperf is missing: apt-get install dnsperf")
    directory.mkdir(parents=True, exist_ok=True)
    queries = _queries(directory)
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    async with AsyncExitStack() as stack:
        zone = _zone(directory)
        servers = {
            "fedns": await stack.enter_async_context(_worker(directory)),
            "coredns": await stack.enter_async_context(
                coredns(directory, "example.com", f"file {zone}", GOMAXPROCS="1")
            ),
            "knot": await stack.enter_async_context(knot(directory / "knot", zone)),
            "bind": await stack.enter_async_context(bind(directory / "bind", zone)),
        }
        for server in servers.values():
            await asyncio.to_thread(until_right, server.port, f"s0.bench.{ZONE}", _addresses(0), START_SECONDS)
        for mode, words in MODES.items():
            for _ in range(TURNS):
                for name, server in servers.items():
                    run = await _load(server, queries[mode], seconds, words)
                    runs.setdefault((mode, name), []).append(run)
    best = {key: max(each, key=lambda run: run["per_cpu_second"]) for key, each in runs.items()}
    figures: dict[str, Any] = {f"{mode}: {name}": run for (mode, name), run in best.items()}
    for mode in MODES:
        own = best[mode, "fedns"]["per_cpu_second"]
        figures[f"{mode}: fedns to"] = {
            name: own / best[mode, name]["per_cpu_second"] for name in ("coredns", "knot", "bind")
        }
    return figures


@asynccontextmanager
async def _worker(directory: Path) -> AsyncIterator[Running]:
    """The one worker of a fedns with all services."""
    async with World(directory / "lab", members=1, workers=1, port=free_port()) as world:
        objects = [each for at in range(NAMES) for each in headless("bench", f"s{at}", ADDRESSES, at * ADDRESSES)]
        await world.clusters["eu1"].put(objects)
        await world.serve()
        await settled(world, f"s{NAMES - 1}.bench.{ZONE}", ADDRESSES)
        (worker,) = serving(world.server_pid, "fedns.servers.worker")
        yield Running(worker, world.port)


def _queries(directory: Path) -> dict[str, Path]:
    """A file of questions for each mode, in an order that is the same on every run."""
    chance = random.Random(1)
    plain = [f"s{at}.bench.{ZONE}" for at in range(NAMES)]
    cased = ["".join(chance.choice((c.upper(), c.lower())) for c in name) for name in plain * 50]
    none = [f"x{chance.randrange(10**12)}.bench.{ZONE}" for _ in range(500_000)]
    asked = {"random case, EDNS": cased, "NXDOMAIN flood": none}
    paths = {}
    for at, mode in enumerate(MODES):
        paths[mode] = directory / f"queries-{at}"
        paths[mode].write_text("".join(f"{name} A\n" for name in asked.get(mode, plain)))
    return paths


def _addresses(at: int) -> list[str]:
    return [ipv4(at * ADDRESSES + each) for each in range(ADDRESSES)]


def _zone(directory: Path) -> Path:
    lines = ["$ORIGIN example.com.", "@ 5 IN SOA ns.dns hostmaster 1 7200 1800 86400 5", "@ 5 IN NS ns.dns"]
    lines += ["ns.dns 5 IN A 10.0.0.1"]
    lines += [f"s{at}.bench.myfed.svc 5 IN A {each}" for at in range(NAMES) for each in _addresses(at)]
    file = directory / "zone"
    file.write_text("\n".join(lines) + "\n")
    return file


async def _load(server: Running, queries: Path, seconds: int, words: tuple[str, ...]) -> dict[str, float]:
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[0]})
    before = process_cpu(server.pid)
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", str(cores[-1]), "dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(queries)),
        *("-l", str(seconds), "-c", "16", "-q", "256", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    used = process_cpu(server.pid) - before
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
