"""From starting the server to its first right answer, against a real API server that holds 2,000 services of ten."""

import asyncio
import os
import re
from pathlib import Path
from time import monotonic
from typing import Any, Final

from bench.ground import headless, serving, settled
from fedns.lab.processes import free_port
from fedns.lab.real import Server
from fedns.lab.world import World

SERVICES: Final = 2000
ENDPOINTS: Final = 10
AT_ONCE: Final = 50


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """Seconds from exec to the first right answer, and the memory of the processes after that, in MiB."""
    async with World(directory, members=1, workers=1, port=free_port(), real=True) as world:
        server = world.clusters["eu1"]
        assert isinstance(server, Server)
        await server.put([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}])
        for first in range(0, SERVICES, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, SERVICES))
            await asyncio.gather(
                *(server.put(headless("bench", f"s{at}", ENDPOINTS, at * ENDPOINTS)) for at in numbers)
            )
        started = monotonic()
        await world.serve()
        await settled(world, f"s{SERVICES - 1}.bench.myfed.svc.example.com", ENDPOINTS)
        seconds = monotonic() - started
        control, worker = (serving(world.server_pid, f"fedns.{each}") for each in ("control", "servers.worker"))
        return {
            "first_right_answer_s": seconds,
            "control_mib": sum(map(resident, control)),
            "worker_mib": sum(map(resident, worker)),
            "cores": float(len(os.sched_getaffinity(0))),
        }


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024
