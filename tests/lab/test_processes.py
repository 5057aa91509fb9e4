"""Processes: they end when asked, and when they do not listen."""

import asyncio
import signal
import socket
import sys

import pytest

from fedns.lab import processes
from fedns.lab.processes import end, free_port


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("print(flush=True); input()", -signal.SIGTERM),
        ("import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); input()", -signal.SIGKILL),
        ("print(flush=True)", 0),
    ],
    ids=["listens", "does not listen", "has ended"],
)
async def test_a_process_is_ended(monkeypatch: pytest.MonkeyPatch, program: str, code: int) -> None:
    """Asked first, killed after the bound; one that has gone is no trouble."""
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    if code == 0:
        await process.wait()
    await end(process)
    assert process.returncode == code


def test_a_free_port_can_be_bound() -> None:
    """Nobody has it."""
    with socket.socket() as each:
        each.bind(("127.0.0.1", free_port()))
