"""Child processes and ports, as the lab needs them."""

import asyncio
import contextlib
import ctypes
import signal
import socket
from pathlib import Path
from typing import Final

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Run in a child before its exec: it is asked to end when the lab is gone, however that came about."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process: asked first, killed when it takes too long."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def serving(parent: int, module: str) -> list[int]:
    """The children of the supervisor that run a module."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            fields = (each / "stat").read_text().rpartition(")")[2].split()
            command = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and module.encode() in command:
            found.append(int(each.name))
    return sorted(found)


def free_port() -> int:
    """A port of 127.0.0.1 that is free now, for TCP and for UDP: a server of DNS wants both."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as packets:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            with contextlib.suppress(OSError):
                packets.bind(("127.0.0.1", port))
                return port
