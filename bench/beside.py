"""fedns and CoreDNS's `kubernetes` plugin in turns, each following the same real API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench.asking import until_right
from bench.ground import create, headless, ipv4
from bench.servers import Running, coredns, fedns
from fedns.lab.processes import free_port
from fedns.lab.real import Server
from fedns.lab.world import World

SERVICES: Final = 200
ENDPOINTS: Final = 10
ZONES: Final = {"fedns": "myfed.svc.example.com", "coredns": "svc.cluster.local"}
START_SECONDS: Final = 30.0
STILL: Final = SERVICES * ENDPOINTS
"""The address of the service `still`, which no change concerns: it says that a server has all."""


@asynccontextmanager
async def member(directory: Path) -> AsyncIterator[tuple[World, Server]]:
    """A member with a real API server: 200 headless services of 10 endpoints, s0, s1 and so on."""
    async with World(directory, members=1, workers=1, port=free_port(), real=("eu1",)) as world:
        server = world.clusters["eu1"]
        assert isinstance(server, Server)
        await create(
            server,
            [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}],
            *(headless("bench", f"s{at}", ENDPOINTS, at * ENDPOINTS) for at in range(SERVICES)),
            headless("bench", "still", 1, STILL),
        )
        yield world, server


@asynccontextmanager
async def follower(world: World, name: str, *, one_core: bool = False) -> AsyncIterator[tuple[Running, Path]]:
    """One of the two, started anew, once it knows the member; and a file of questions about all services.

    With `one_core`, CoreDNS is told that it has but one, as it would be in a container.
    """
    zone, directory = ZONES[name], world.directory
    questions = directory / f"queries-{name}"
    questions.write_text("".join(f"s{at}.bench.{zone} A\n" for at in range(SERVICES)))
    plugin = f"kubernetes cluster.local {{\n  kubeconfig {directory / 'eu1.kubeconfig'} eu1\n }}"
    started = (
        fedns(world.config, world.port)
        if name == "fedns"
        else coredns(directory, "cluster.local", plugin, GOMAXPROCS="1" if one_core else "")
    )
    async with started as running:
        await asyncio.to_thread(until_right, running.port, f"still.bench.{zone}", {ipv4(STILL)}, START_SECONDS)
        yield running, questions
