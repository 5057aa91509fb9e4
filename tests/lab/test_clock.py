"""Clock: a process that was started with it reads another time of day, and no other process does."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from fedns.lab.clock import Clock, library

READ = "import time\nfor _ in iter(input, ''): print(int(time.time()), int(time.monotonic()), flush=True)\n"


async def test_the_time_of_day_is_set_under_a_process(tmp_path: Path) -> None:
    """An hour forward, half an hour back, and right again; its monotonic clock is everybody's."""
    faketime = library()
    if faketime is None:
        pytest.skip("libfaketime is not installed (Debian: libfaketime)")
    clock = Clock(tmp_path / "clock", faketime)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", READ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **clock.environment},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for seconds in (0, 3600, -1800, 0):
            clock.set(seconds)
            async with asyncio.timeout(15):
                while True:
                    process.stdin.write(b"now\n")
                    wall, monotonic = map(int, (await process.stdout.readline()).split())
                    assert abs(monotonic - time.monotonic()) < 60
                    if abs(wall - seconds - time.time()) < 60:
                        break
                    await asyncio.sleep(0.05)
    finally:
        process.kill()
        await process.wait()


def test_it_is_found_where_debian_puts_it(tmp_path: Path) -> None:
    """For every machine's own triple; None where there is none."""
    assert library(tmp_path) is None
    file = tmp_path / "x86_64-linux-gnu" / "faketime" / "libfaketime.so.1"
    file.parent.mkdir(parents=True)
    file.touch()
    assert library(tmp_path) == file
