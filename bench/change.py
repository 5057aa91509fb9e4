"""From a change in a real API server to the answer: an EndpointSlice is patched, and the answer asked until it follows.

The time runs from the moment the API server has acknowledged the change, as a client sees it. CoreDNS's `kubernetes`
plugin follows the same server in the same run. Once idle, and once under load: CHANGES_PER_SECOND changes of other
services and QUERIES_PER_SECOND questions about them, all on the same cores.
"""

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path
from time import monotonic
from typing import Any, Final

from bench.asking import Poll, percentiles, until_right
from bench.churn import Patches
from bench.ground import create, headless
from bench.servers import Running, coredns, fedns
from fedns.lab.processes import free_port
from fedns.lab.real import Server
from fedns.lab.world import World

CHANGES: Final = 200
SERVICES: Final = 200
ENDPOINTS: Final = 10
CHANGES_PER_SECOND: Final = 200
QUERIES_PER_SECOND: Final = 5000
START_SECONDS: Final = 30.0
APART: Final = 1 << 20
"""Addresses of the service that is looked at begin here, far from all others."""


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Percentiles in milliseconds, idle and under load of `seconds`; `ratio` is fedns to CoreDNS."""
    if shutil.which("dnsperf") is None:
        raise SystemExit("dnsperf is missing: apt-get install dnsperf")
    async with World(directory, members=1, workers=1, port=free_port(), real=("eu1",)) as world:
        server = world.clusters["eu1"]
        assert isinstance(server, Server)
        await create(
            server,
            [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}],
            headless("bench", "probe", 1, APART),
            *(headless("bench", f"s{at}", ENDPOINTS, at * ENDPOINTS) for at in range(SERVICES)),
        )
        plugin = f"kubernetes cluster.local {{\n  kubeconfig {directory / 'eu1.kubeconfig'} eu1\n }}"
        results = {}
        async with fedns(world.config, world.port) as running:
            found = await _both(server, running, "myfed.svc.example.com", directory, seconds)
            results.update({f"fedns {name}": figures for name, figures in found.items()})
        async with coredns(directory, "cluster.local", plugin) as running:
            found = await _both(server, running, "svc.cluster.local", directory, seconds)
            results.update({f"coredns {name}": figures for name, figures in found.items()})
    for name in ("idle", "loaded"):
        ours, theirs = results[f"fedns {name}"], results[f"coredns {name}"]
        results[f"ratio {name}"] = {key: ours[key] / theirs[key] for key in ("p50_ms", "p99_ms")}
    return results


async def _both(
    server: Server, running: Running, zone: str, directory: Path, seconds: int
) -> dict[str, dict[str, float]]:
    """First idle, then under load."""
    name, patches = f"probe.bench.{zone}", Patches(server.url, server.ca)
    await asyncio.to_thread(until_right, running.port, name, {patches.put("probe", APART)}, START_SECONDS)
    poll = Poll(running.port, name)
    idle = await asyncio.to_thread(_changes, patches, poll, CHANGES, START_SECONDS)
    queries = directory / "queries"
    queries.write_text("".join(f"s{at}.bench.{zone} A\n" for at in range(SERVICES)))
    loads = [
        asyncio.create_task(_output(f"{words} {seconds + 2}"))
        for words in (
            f"{sys.executable} -m bench.churn {server.url} {server.ca} {SERVICES} {CHANGES_PER_SECOND}",
            f"dnsperf -s 127.0.0.1 -p {running.port} -d {queries} -c 16 -Q {QUERIES_PER_SECOND} -l",
        )
    ]
    await asyncio.sleep(1)
    loaded = await asyncio.to_thread(_changes, patches, poll, seconds * 1000, float(seconds))
    churned, asked = await asyncio.gather(*loads)
    load = {
        **json.loads(churned),
        "queries_per_s": float(re.findall(r"Queries per second:\s+([\d.]+)", asked)[0]),
        "queries_lost": float(re.findall(r"Queries lost:\s+(\d+)", asked)[0]),
    }
    return {"idle": percentiles(idle), "loaded": {**percentiles(loaded), **load}}


def _changes(patches: Patches, poll: Poll, count: int, seconds: float) -> list[float]:
    """Change and ask in a busy loop of this thread, so that no event loop of ours is in the way."""
    times, limit = list[float](), monotonic() + seconds
    while len(times) < count and monotonic() < limit:
        times.append(poll.until(patches.put("probe", APART + 1 + len(times))))
    return times


async def _output(words: str) -> str:
    process = await asyncio.create_subprocess_exec(*words.split(), stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode()
