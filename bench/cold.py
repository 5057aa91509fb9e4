"""From starting a server to its first right answers, and its memory then; a real API server has 2,000 services of 100.

The headless services are asked over TCP, so that an answer is right only when it has all its addresses: first the one
that was made last, then a sample of the others.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, Final

from bench.asking import until_right
from bench.ground import create, headless, ipv4
from bench.servers import Running, coredns, fedns
from fedns.lab.processes import free_port
from fedns.lab.real import Server
from fedns.lab.world import World

SERVICES: Final = 2000
ENDPOINTS: Final = 100
SAMPLE: Final = 100
ROUNDS: Final = 3
LIMIT_SECONDS: Final = 60.0


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """Medians of ROUNDS starts of each server in turns; `ratio` is fedns to CoreDNS."""
    async with World(directory, members=1, workers=1, port=free_port(), real=("eu1",)) as world:
        server = world.clusters["eu1"]
        assert isinstance(server, Server)
        await create(
            server,
            [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}],
            *(headless("bench", f"s{at}", ENDPOINTS, at * ENDPOINTS) for at in range(SERVICES)),
        )
        plugin = f"kubernetes cluster.local {{\n  kubeconfig {directory / 'eu1.kubeconfig'} eu1\n }}"
        runs: dict[str, list[dict[str, float]]] = {"fedns": [], "coredns": []}
        for _ in range(ROUNDS):
            runs["fedns"].append(await _start(lambda: fedns(world.config, world.port), "myfed.svc.example.com"))
            runs["coredns"].append(
                await _start(lambda: coredns(directory, "cluster.local", plugin), "svc.cluster.local")
            )
    results = {name: {key: median(run[key] for run in found) for key in found[0]} for name, found in runs.items()}
    keys = ("last_s", "sample_s", "all_mib")
    return {**results, "ratio": {key: results["fedns"][key] / results["coredns"][key] for key in keys}}


async def _start(server: Callable[[], AbstractAsyncContextManager[Running]], zone: str) -> dict[str, float]:
    """Start one, ask until it is right, and look at its memory."""
    started = monotonic()
    async with server() as running:
        await asyncio.to_thread(_wait, running.port, zone, SERVICES - 1)
        last = monotonic() - started
        for at in random.Random(1).sample(range(SERVICES), SAMPLE):
            await asyncio.to_thread(_wait, running.port, zone, at)
        sample = monotonic() - started
        return {"last_s": last, "sample_s": sample, **running.memory()}


def _wait(port: int, zone: str, at: int) -> None:
    addresses = {ipv4(at * ENDPOINTS + each) for each in range(ENDPOINTS)}
    until_right(port, f"s{at}.bench.{zone}", addresses, LIMIT_SECONDS)
