"""The servers that are measured, as processes: `fedns serve` for a lab's world, others with a zone."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.ground import process_cpu
from fedns.lab.processes import die_with_parent, end, free_port, serving
from tests.real.build import cache

CONTROL: Final = "fedns.control"
WORKER: Final = "fedns.servers.worker"
NEEDED: Final = "CoreDNS is missing: python -m tests.real.build (needs Go)"


class Files(NamedTuple):
    """A certificate and its key, by their paths."""

    certificate: str
    key: str


class Running:
    """A server's process and its ports, for UDP and TCP, and for TLS (0: none); `memory` is resident, in MiB."""

    def __init__(self, pid: int, port: int, tls: int = 0) -> None:
        self.pid = pid
        self.port = port
        self.tls = tls

    def answering(self) -> list[int]:
        """The processes that answer: workers of fedns, others as a whole."""
        return serving(self.pid, WORKER) or [self.pid]

    def cpu(self) -> float:
        """Seconds of CPU that they have used."""
        return sum(map(process_cpu, self.answering()))

    def bind(self, core: int) -> None:
        """Let them have this core alone."""
        for pid in self.answering():
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {core})

    def memory(self) -> dict[str, float]:
        """By process: `all` of CoreDNS; control, worker and supervisor of fedns, `all` being the first two."""
        control, workers = (serving(self.pid, name) for name in (CONTROL, WORKER))
        if not control:
            return {"all_mib": resident(self.pid)}
        held = {"control_mib": sum(map(resident, control)), "worker_mib": sum(map(resident, workers))}
        return {"all_mib": sum(held.values()), **held, "supervisor_mib": resident(self.pid)}


@asynccontextmanager
async def fedns(config: Path, port: int) -> AsyncIterator[Running]:
    """`fedns serve` from exec; it may not answer yet."""
    async with _process(config.parent / "fedns.log", sys.executable, "-m", "fedns", "serve", "--config", config) as pid:
        yield Running(pid, port)


@asynccontextmanager
async def coredns(
    directory: Path, zone: str, plugin: str, files: Files | None = None, **environment: str
) -> AsyncIterator[Running]:
    """CoreDNS from exec, with one plugin for one zone; with a certificate over TLS, too."""
    binary = cache() / "coredns"
    if not binary.exists():
        raise SystemExit(NEEDED)
    port, tls = free_port(), free_port() if files else 0
    corefile = directory / "Corefile"
    blocks = [f"{zone}:{port} {{\n bind 127.0.0.1\n {plugin}\n}}\n"]
    if files:
        secure = f"tls {files.certificate} {files.key}"
        blocks.append(f"tls://{zone}:{tls} {{\n bind 127.0.0.1\n {secure}\n {plugin}\n}}\n")
    corefile.write_text("".join(blocks))
    async with _process(directory / "coredns.log", binary, "-conf", corefile, **environment) as pid:
        yield Running(pid, port, tls)


@asynccontextmanager
async def knot(directory: Path, zone: Path) -> AsyncIterator[Running]:
    """Knot with one UDP worker, for example.com; it rotates its answers as fedns does."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "knot.conf"
    config.write_text(
        f"server:\n    rundir: {directory}\n    listen: 127.0.0.1@{port}\n    answer-rotation: on\n"
        "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {directory}\n"
        f"zone:\n  - domain: example.com\n    file: {zone}\n    zonefile-sync: -1\n    journal-content: none\n"
    )
    async with _process(directory / "knot.log", needed("knotd", "knot"), "-c", config) as pid:
        yield Running(pid, port)


@asynccontextmanager
async def bind(directory: Path, zone: Path, files: Files) -> AsyncIterator[Running]:
    """BIND with one thread, for example.com."""
    port, tls = free_port(), free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "named.conf"
    config.write_text(
        f'tls own {{ cert-file "{files.certificate}"; key-file "{files.key}"; }};\n'
        f'options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};'
        f" listen-on port {tls} tls own {{ 127.0.0.1; }};"
        f' recursion no; pid-file "{directory}/pid"; session-keyfile "{directory}/key";'
        " rrset-order { order cyclic; }; };\n"
        f'controls {{ }};\nzone "example.com" {{ type primary; file "{zone}"; }};\n'
    )
    async with _process(directory / "named.log", needed("named", "bind9"), "-f", "-n", "1", "-c", config) as pid:
        yield Running(pid, port, tls)


def needed(program: str, package: str) -> str:
    """The path of a program; ends the run where it is missing."""
    found = shutil.which(program)
    if found is None:
        raise SystemExit(f"{program} is missing: apt-get install {package}")
    return found


@asynccontextmanager
async def _process(log: Path, *words: str | Path, **environment: str) -> AsyncIterator[int]:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *words,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield process.pid
    finally:
        await end(process)


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024
