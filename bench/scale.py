"""A million endpoints: CLUSTERS clusters with SERVICES services of ENDPOINTS each, from start to all synced.

What the control process and one worker take for it is compared with what they take for as many empty clusters.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from bench.asking import until_right
from bench.ground import process_cpu
from bench.servers import CONTROL, WORKER, fedns, resident
from fedns.lab import kubeconfig
from fedns.lab.processes import end, free_port, serving
from fedns.settings.build import LISTENERS

CLUSTERS: Final = 50
SERVICES: Final = 2000
ENDPOINTS: Final = 10
LIMIT_SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 3.0
"""Time for the processes to give back what only the start needed."""


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """CPU seconds and wall-clock seconds until every cluster is answered for, and bytes held for one endpoint."""
    empty = await _follow(directory / "empty", 0)
    full = await _follow(directory / "full", SERVICES)
    endpoints = CLUSTERS * SERVICES * ENDPOINTS
    held = {
        f"{name}_bytes": (full[f"{name}_mib"] - empty[f"{name}_mib"]) * (1 << 20) / endpoints
        for name in ("control", "worker")
    }
    return {"empty": empty, "full": full, "each endpoint": held}


async def _follow(directory: Path, services: int) -> dict[str, float]:
    directory.mkdir(parents=True)
    async with _fleet(services) as ports:
        port = free_port()
        config = _configure(directory, ports, port)
        started = monotonic()
        async with fedns(config, port) as running:
            await asyncio.to_thread(_wait, port, services)
            took = monotonic() - started
            (control,), (worker,) = (serving(running.pid, name) for name in (CONTROL, WORKER))
            spent = {"control_cpu_s": process_cpu(control), "worker_cpu_s": process_cpu(worker)}
            await asyncio.sleep(SETTLE_SECONDS)
            memory = {"control_mib": resident(control), "worker_mib": resident(worker)}
            return {**spent, "synced_s": took, **memory, "supervisor_mib": resident(running.pid)}


def _wait(port: int, services: int) -> None:
    """Until the last service of every cluster is answered rightly; of empty ones, until a name is known not to be."""
    if not services:
        until_right(port, "none.bench.myfed.svc.example.com", (), LIMIT_SECONDS)
    for number in range(CLUSTERS if services else 0):
        first = (services - 1) * ENDPOINTS
        addresses = [f"10.{number}.{at >> 8}.{at & 255}" for at in range(first, first + ENDPOINTS)]
        until_right(port, f"c{number}.s{services - 1}.bench.myfed.svc.example.com", addresses, LIMIT_SECONDS)


@asynccontextmanager
async def _fleet(services: int) -> AsyncIterator[list[int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.fleet", str(CLUSTERS), str(services), str(ENDPOINTS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())
    finally:
        await end(process)


def _configure(directory: Path, ports: list[int], port: int) -> Path:
    clusters = {f"c{number}": f"http://127.0.0.1:{each}" for number, each in enumerate(ports)}
    contexts = kubeconfig.write(directory / "kubeconfig", clusters)
    status = {"listen": f"127.0.0.1:{free_port()}"}
    settings = {
        "apiVersion": "fedns.io/v1alpha1",
        "kind": "FednsConfig",
        "dns": {"listen": [f"127.0.0.1:{port}"], "workers": 1, "lameduck": "0s"},
        **dict.fromkeys(LISTENERS, status),
        "zones": {"federation": {"name": "example.com", "federation": "myfed"}},
        "clusters": [
            {"name": name, "region": "eu-west", "kubeconfig": {"path": str(contexts), "context": name}}
            for name in clusters
        ],
    }
    config = directory / "fedns.json"
    config.write_text(json.dumps(settings))
    return config
