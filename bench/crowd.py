"""Well-behaved clients among 2,000 slow ones over TCP and TLS: how many of them are answered.

The slow ones, from 254 addresses, say nothing, stop in the handshake, send a byte now and then, or ask 100,000
questions whose replies they do not read; whoever is thrown out comes back. The good ones open a connection for each
question.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import randrange
from typing import Any, Final

import dns.message

from bench.ground import settled
from fedns.lab.processes import free_port
from fedns.lab.world import SERVICE, World
from tests.settings.certificates import write_pair

SILENT: Final = 900
HALF_SHAKEN: Final = 500
SHAKEN: Final = 500
TRICKLING: Final = 100
FLOODS: Final = 2
GOOD: Final = 20
"""Good clients at a time, half over TCP and half over TLS."""
PATIENCE_SECONDS: Final = 5.0
QUERY: Final = dns.message.make_query(SERVICE, "A", id=7).to_wire()
FRAME: Final = len(QUERY).to_bytes(2) + QUERY
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Questions of good clients, how many were answered, and the share, by transport."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate, key = write_pair(directory, "crowd")
    port, tls = free_port(), free_port()
    doors = {
        "listen": [f"127.0.0.1:{port}"],
        "workers": 2,
        "lameduck": "0s",
        "tls": {"listen": [f"127.0.0.1:{tls}"], "certFile": str(certificate), "keyFile": str(key)},
    }
    context = ssl.create_default_context(cafile=str(certificate))
    counts: Counter[str] = Counter()
    async with World(directory / "lab", members=1, workers=2, port=port, settings={"dns": doors}) as world:
        await world.deploy()
        await world.serve()
        await settled(world, SERVICE, 2)
        crowd = [
            *(_again(_silent, port, None) for _ in range(SILENT)),
            *(_again(_silent, tls, None) for _ in range(HALF_SHAKEN)),
            *(_again(_silent, tls, context) for _ in range(SHAKEN)),
            *(_again(_trickle, port, None) for _ in range(TRICKLING)),
            *(_again(_flood, port, None) for _ in range(FLOODS)),
        ]
        tasks = [asyncio.create_task(each) for each in crowd]
        await asyncio.sleep(2)
        good = [
            asyncio.create_task(_good(counts, *(("TCP", port, None) if at % 2 else ("TLS", tls, context))))
            for at in range(GOOD)
        ]
        await asyncio.sleep(seconds)
        for task in (*tasks, *good):
            task.cancel()
        await asyncio.wait([*tasks, *good])
    return {
        kind: {
            "asked": counts[f"{kind} asked"],
            "answered": counts[f"{kind} answered"],
            "share": counts[f"{kind} answered"] / counts[f"{kind} asked"],
        }
        for kind in ("TCP", "TLS")
    }


async def _again(what: Callable[[Streams], Awaitable[None]], port: int, context: ssl.SSLContext | None) -> None:
    """Be one of the crowd, for ever, from one of many addresses."""
    source = f"127.1.0.{randrange(1, 255)}"
    while True:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(60):
                streams = await asyncio.open_connection("127.0.0.1", port, ssl=context, local_addr=(source, 0))
            try:
                await what(streams)
            finally:
                streams[1].transport.abort()
        await asyncio.sleep(0.1)


async def _silent(streams: Streams) -> None:
    await streams[0].read()


async def _trickle(streams: Streams) -> None:
    for byte in FRAME * 100:
        streams[1].write(bytes((byte,)))
        await streams[1].drain()
        await asyncio.sleep(0.5)


async def _flood(streams: Streams) -> None:
    streams[1].write(FRAME * 100_000)
    await streams[1].drain()


async def _good(counts: Counter[str], kind: str, port: int, context: ssl.SSLContext | None) -> None:
    while True:
        counts[f"{kind} asked"] += 1
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
                writer.write(FRAME)
                reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            counts[f"{kind} asked"] -= 1
            raise
        else:
            counts[f"{kind} answered"] += bool(dns.message.from_wire(reply).answer)
        await asyncio.sleep(0.02)
