"""Processes: they end when asked, and when they do not listen."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

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


async def test_a_child_ends_with_its_parent() -> None:
    """Even a parent that is killed leaves no server behind."""
    program = (
        "import asyncio, sys; from fedns.lab.processes import die_with_parent\n"
        "async def main():\n"
        "    child = await asyncio.create_subprocess_exec('sleep', '60', preexec_fn=die_with_parent)\n"
        "    print(child.pid, flush=True); await child.wait()\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    status = Path(f"/proc/{child}/stat")
    async with asyncio.timeout(5):
        while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
            await asyncio.sleep(0.01)


def test_a_free_port_can_be_bound() -> None:
    """Nobody has it."""
    with socket.socket() as each:
        each.bind(("127.0.0.1", free_port()))
