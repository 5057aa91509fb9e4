"""fedns (one worker), CoreDNS (`file`), Knot and BIND with the same records, over UDP, TCP and TLS.

Knot 3.2 has no TLS for its clients.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from bench.asking import until_right
from bench.ground import headless, ipv4, settled
from bench.servers import Files, Running, bind, coredns, knot
from fedns.lab.credentials import Credentials
from fedns.lab.processes import free_port
from fedns.lab.world import World

NAMES: Final = 1000
ADDRESSES: Final = 3
ZONE: Final = "myfed.svc.example.com"
START_SECONDS: Final = 20.0


@asynccontextmanager
async def rivals(directory: Path) -> AsyncIterator[dict[str, Running]]:
    """All of them by name, once each answers."""
    directory.mkdir(parents=True, exist_ok=True)
    zone = _zone(directory)
    pair = str(Credentials(directory, "bench", tokens=False).chain)
    files = Files(pair, pair)
    async with AsyncExitStack() as stack:
        servers = {
            "fedns": await stack.enter_async_context(_fedns(directory, files)),
            "coredns": await stack.enter_async_context(
                coredns(directory, "example.com", f"file {zone}", files, GOMAXPROCS="1")
            ),
            "knot": await stack.enter_async_context(knot(directory / "knot", zone)),
            "bind": await stack.enter_async_context(bind(directory / "bind", zone, files)),
        }
        for server in servers.values():
            await asyncio.to_thread(until_right, server.port, f"s0.bench.{ZONE}", _addresses(0), START_SECONDS)
        yield servers


@asynccontextmanager
async def _fedns(directory: Path, files: Files) -> AsyncIterator[Running]:
    """With all services in one simulated member."""
    port, tls = free_port(), free_port()
    dns = {
        "listen": [f"127.0.0.1:{port}"],
        "workers": 1,
        "lameduck": "0s",
        "tls": {"listen": [f"127.0.0.1:{tls}"], "certFile": files.certificate, "keyFile": files.key},
    }
    async with World(directory / "lab", members=1, workers=1, port=port, settings={"dns": dns}) as world:
        objects = [each for at in range(NAMES) for each in headless("bench", f"s{at}", ADDRESSES, at * ADDRESSES)]
        await world.clusters["eu1"].put(objects)
        await world.serve()
        await settled(world, f"s{NAMES - 1}.bench.{ZONE}", ADDRESSES)
        yield Running(world.server_pid, port, tls)


def _addresses(at: int) -> list[str]:
    return [ipv4(at * ADDRESSES + each) for each in range(ADDRESSES)]


def _zone(directory: Path) -> Path:
    lines = ["$ORIGIN example.com.", "@ 5 IN SOA ns.dns hostmaster 1 7200 1800 86400 5", "@ 5 IN NS ns.dns"]
    lines += ["ns.dns 5 IN A 10.0.0.1"]
    lines += [f"s{at}.bench.myfed.svc 5 IN A {each}" for at in range(NAMES) for each in _addresses(at)]
    file = directory / "zone"
    file.write_text("\n".join(lines) + "\n")
    return file
