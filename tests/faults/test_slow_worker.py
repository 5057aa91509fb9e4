"""A worker that stands still while much changes: nothing that it says afterwards is older than it may be."""

import asyncio
import os
import signal
from pathlib import Path
from time import monotonic

from fedns.lab.checker import Checker
from fedns.lab.mischief import WORKER
from fedns.lab.oracle import Kind
from fedns.lab.processes import serving
from tests.lab.worlds import running, until

STILL_SECONDS = 0.7
"""Shorter than it takes to be replaced as one that hangs; on a busy machine it is, which must be as good."""
LIMIT = 20.0
CHANGES = 100


async def test_a_worker_that_stands_still(tmp_path: Path) -> None:
    """Stopped over a hundred changes and let go, again and again: no wrong answer, and the newest state in the end."""
    async with running(tmp_path, members=2, embedded=True) as world:
        name = world.plan[0].name
        pods = world.deployments[name]
        zone = min(pods.zones)
        async with world.checker(limit=LIMIT) as checker:
            for turn in range(4):
                stopped = serving(world.server_pid, WORKER)[turn % 2]
                os.kill(stopped, signal.SIGSTOP)
                try:
                    for at in range(CHANGES):
                        pods.scale(zone, 1 + (at + turn) % 4)
                        for item in pods.objects():
                            world.stores[name].apply(item)
                        checker.oracle.look(monotonic())
                        await asyncio.sleep(STILL_SECONDS / CHANGES)
                finally:
                    _go_on(stopped)
                await until(lambda: _right(checker), 30.0)
        assert checker.counts[Kind.CORRECT]
        assert not checker.wrong, [(each.key, each.verdict) for each in checker.wrong[:5]]


def _go_on(pid: int) -> None:
    """It may have been replaced meanwhile."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return


async def _right(checker: Checker) -> bool:
    """Whether a round of questions, enough for both workers, has the present state and nothing else."""
    before = checker.counts.copy()
    for _ in range(8):
        await checker.round()
    found = checker.counts - before
    return found.keys() == {Kind.CORRECT}
