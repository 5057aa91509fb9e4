"""A running lab for tests: members, server, and a steady asker that notices every lost or wrong answer."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from fedns.lab.processes import free_port
from fedns.lab.world import World


@asynccontextmanager
async def running(directory: Path, *, members: int = 3, workers: int = 2, **more: Any) -> AsyncIterator[World]:
    """A world with its deployments, whose server answers; members go stale after two seconds. `more`: see `World`."""
    async with World(directory, members=members, workers=workers, port=free_port(), freshness="fast", **more) as world:
        await world.deploy()
        await world.serve()
        yield world


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float = 15.0) -> float:
    """Wait for a condition; returns how long it took. Raises TimeoutError after `seconds`."""
    started = monotonic()
    async with asyncio.timeout(seconds):
        while True:
            result = condition()
            if result if isinstance(result, bool) else await result:
                return monotonic() - started
            await asyncio.sleep(0.02)


def run(*words: str, **environment: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def has(program: str) -> bool:
    """Whether a program is installed."""
    return shutil.which(program) is not None
