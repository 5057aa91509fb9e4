"""From exec to the first right answer of a restart that has a snapshot of 10,000 services, while no member can be read.

All API servers are stopped, so every answer must carry EDE 3; then they come back, and the time is taken until a sample
of names is confirmed. Where the time goes is told by the moment at which the children were started, and by the CPU time
that each process had used when the first answer was right.
"""

import asyncio
import os
import random
from pathlib import Path
from statistics import median
from time import CLOCK_BOOTTIME, clock_gettime, monotonic
from typing import Any, Final

from bench.ground import process_cpu
from fedns.client import Ask, ClientError, ask
from fedns.lab.mischief import CONTROL, WORKER
from fedns.lab.processes import free_port, serving
from fedns.lab.simulator import Deployment
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import World

SERVICES: Final = 10_000
PODS: Final = 2
ROUNDS: Final = 5
SAMPLE: Final = 100
STALE: Final = 3
PAUSE_SECONDS: Final = 0.005
TRY_SECONDS: Final = 0.05
"""A question that came before there was a socket is lost: the next one follows so soon."""


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """Seconds from exec: to the first right answer, to a whole sample; from healing to a confirmed sample; and CPU."""
    kept = {"snapshot": {"path": str(directory / "snapshot"), "interval": "1s"}}
    async with World(directory, members=1, workers=2, port=free_port(), settings=kept) as world:
        await world.deploy()
        made = [
            Deployment(
                namespace="bench",
                name=f"s{at}",
                zones={"eu-west-a": PODS},
                pod_range=f"10.{at >> 8}.{at & 255}.0/24",
                headless=True,
            )
            for at in range(SERVICES)
        ]
        for first in range(0, SERVICES, 500):
            await world.clusters["eu1"].put([item for each in made[first : first + 500] for item in each.objects()])
        await world.serve()
        await _right(world, made[-1], marked=False)
        await _kept(directory / "snapshot", made[-1].name)
        await world.clusters["eu1"].fault("stop")
        runs = [await _restart(world, made) for _ in range(ROUNDS)]
        await world.clusters["eu1"].fault("heal")
        healed = monotonic()
        for each in random.Random(1).sample(made, SAMPLE):
            await _right(world, each, marked=False)
        size = (directory / "snapshot").stat().st_size / (1 << 20)
        return {
            **{key: _spread([each[key] for each in runs]) for key in runs[0]},
            "confirmed_after_healing_s": monotonic() - healed,
            "snapshot_mib": size,
        }


def _spread(found: list[float]) -> dict[str, float]:
    return {"median": median(found), "worst": max(found)}


async def _restart(world: World, made: list[Deployment]) -> dict[str, float]:
    await world.close_server()
    begun, born = monotonic(), clock_gettime(CLOCK_BOOTTIME)
    await world.exec()
    await _right(world, made[-1], marked=True)
    first = monotonic() - begun
    children = {"control": serving(world.server_pid, CONTROL), "worker": serving(world.server_pid, WORKER)}
    figures = {
        "first_right_s": first,
        "children_started_s": min(_started(pid) for of in children.values() for pid in of) - born,
        "cpu_supervisor_s": process_cpu(world.server_pid),
        **{f"cpu_{kind}_s": max(map(process_cpu, of)) for kind, of in children.items()},
    }
    for each in random.Random(1).sample(made, SAMPLE):
        await _right(world, each, marked=True)
    return figures | {"sample_marked_s": monotonic() - begun}


def _started(pid: int) -> float:
    """When a process was started, in seconds of CLOCK_BOOTTIME."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


async def _right(world: World, service: Deployment, *, marked: bool) -> None:
    """Ask until the answer is right; an answer that is right but not marked as it should be is a failure."""
    limit = monotonic() + 120
    while monotonic() < limit:
        name = f"{service.name}.bench.myfed.svc.example.com"
        question = Ask(name, "A", ("127.0.0.1", world.port), timeout=TRY_SECONDS, tries=1)
        try:
            reply = await ask(question)
        except ClientError:
            continue
        if sorted(addresses_of(reply)) == sorted(service.addresses()):
            if (STALE in extended_errors(reply)) == marked:
                return
            if marked:
                raise SystemExit(f"{service.name} is answered without a mark, and nothing has confirmed it")
        await asyncio.sleep(PAUSE_SECONDS)
    raise SystemExit(f"{service.name} was never answered as it should be")


async def _kept(path: Path, name: str) -> None:
    """Wait until the snapshot holds a service."""
    while not (path.exists() and name.encode() in path.read_bytes()):
        await asyncio.sleep(0.2)
