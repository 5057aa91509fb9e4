"""From a change in a real API server to the answer: an EndpointSlice is patched, and the answer asked until it follows.

The time runs from the moment the API server has acknowledged the change, as a client sees it.
"""

import asyncio
import http.client
import json
import socket
import ssl
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.ground import headless, ipv4, settled
from fedns.answers.records import name as wire_name
from fedns.lab.processes import free_port
from fedns.lab.real import ADMIN_TOKEN, Server
from fedns.lab.world import World

CHANGES: Final = 200
NAME: Final = "probe.bench.myfed.svc.example.com"
LOST_SECONDS: Final = 5.0


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """Percentiles of change to answer in milliseconds, over CHANGES changes on an otherwise idle server."""
    async with World(directory, members=1, workers=1, port=free_port(), real=True) as world:
        server = world.clusters["eu1"]
        assert isinstance(server, Server)
        await server.put([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}])
        await server.put(headless("bench", "probe", 1, 0))
        await world.serve()
        await settled(world, NAME, 1)
        return percentiles(await asyncio.to_thread(_changes, server, world.port))


def percentiles(times: list[float]) -> dict[str, float]:
    """p50, p99 and the longest, in milliseconds."""
    times = sorted(times)
    return {
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "max_ms": times[-1] * 1000,
        "changes": float(len(times)),
    }


def _changes(server: Server, port: int) -> list[float]:
    """Change and ask in a busy loop of this thread, so that no event loop of ours is in the way."""
    host, _, api_port = server.url.removeprefix("https://").partition(":")
    api = http.client.HTTPSConnection(host, int(api_port), context=ssl.create_default_context(cafile=str(server.ca)))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(0.5)
    client.connect(("127.0.0.1", port))
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0" + wire_name(NAME) + b"\0\1\0\1"
    times = []
    for number in range(1, CHANGES + 1):
        address = ipv4(number)
        body = json.dumps({"endpoints": [{"addresses": [address], "conditions": {"ready": True}}]})
        api.request(
            "PATCH",
            "/apis/discovery.k8s.io/v1/namespaces/bench/endpointslices/probe",
            body,
            {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/merge-patch+json"},
        )
        reply = api.getresponse()
        reply.read()
        assert reply.status == 200, reply.status
        started = perf_counter()
        while socket.inet_aton(address) not in _ask(client, query):
            if perf_counter() - started > LOST_SECONDS:
                raise SystemExit(f"change {number} did not show within {LOST_SECONDS:g} s")
        times.append(perf_counter() - started)
    return times


def _ask(client: socket.socket, query: bytes) -> bytes:
    client.send(query)
    try:
        return client.recv(2048)
    except TimeoutError:
        return b""
