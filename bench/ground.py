"""What the benchmarks share: objects of a given size, processes and their CPU time, waiting for an answer."""

import asyncio
import os
from pathlib import Path
from time import monotonic
from typing import Any, Final

from fedns.lab.real import Server, object_path
from fedns.lab.world import World

SETTLE_SECONDS: Final = 120.0
AT_ONCE: Final = 8
ZONES: Final = ("bench-a", "bench-b", "bench-c")
"""Zones of the endpoints; no client of the lab is in one of them, so that each answer has all addresses."""


def ipv4(number: int) -> str:
    """The address of endpoint `number`, in 10.128.0.0/9."""
    return f"10.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def endpoint(number: int, name: str) -> dict[str, Any]:
    """A ready endpoint of a service as kube-controller-manager writes it."""
    zone = ZONES[number % len(ZONES)]
    return {
        "addresses": [ipv4(number)],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": f"node-{number % 100}.{zone}",
        "targetRef": {"kind": "Pod", "namespace": "bench", "name": f"{name}-{number:08x}"},
        "zone": zone,
    }


def headless(namespace: str, name: str, count: int, first: int) -> list[dict[str, Any]]:
    """A headless Service, its one EndpointSlice with `count` ready endpoints, and its ServiceExport."""
    metadata = {"namespace": namespace, "name": name}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [endpoint(number, name) for number in range(first, first + count)],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        },
        {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceExport", "metadata": metadata},
    ]


async def create(server: Server, first: list[dict[str, Any]], *rest: list[dict[str, Any]]) -> None:
    """Create objects: the first list before all others, of which several go at once, each in its order."""
    places = asyncio.Semaphore(AT_ONCE)
    async with server.session() as session:

        async def make(objects: list[dict[str, Any]]) -> None:
            async with places:
                for each in objects:
                    path = object_path(each).rpartition("/")[0]
                    async with session.post(server.url + path, json=each) as response:
                        if response.status != 201:
                            raise RuntimeError(f"{path}: {(await response.text()).strip()}")

        await make(first)
        await asyncio.gather(*map(make, rest))


def process_cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def settled(world: World, name: str, count: int) -> float:
    """Wait until a name has so many addresses; returns the seconds it took."""
    started = monotonic()
    while monotonic() - started < SETTLE_SECONDS:
        reply = await world.ask(name)
        if reply is not None and len(reply.message.rr) == count:
            return monotonic() - started
        await asyncio.sleep(0.01)
    raise SystemExit(f"{name} did not get {count} addresses within {SETTLE_SECONDS:g} s")
