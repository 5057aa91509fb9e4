"""A stream is read by bunches, at the pace that its member is given."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fedns.clusters.backoff import Rate
from fedns.clusters.connect import Timeouts, connect
from fedns.clusters.events import GarbledError
from fedns.clusters.session import SLICE, Session
from tests.clusters.scripted import Scripted, member, stream


async def read(script: Scripted, folder: Path, take: Callable[[bytes], None], rate: Rate) -> tuple[Session, list[int]]:
    """What a session did, and after how many lines it let others run."""
    connection = await connect(member(script.url, folder))
    taken, flushed = 0, []

    def count(line: bytes) -> None:
        nonlocal taken
        taken += 1
        take(line)

    def flush() -> int:
        nonlocal taken
        flushed.append(taken)
        told, taken = taken, 0
        return told

    try:
        async with asyncio.timeout(10) as limit, connection.get("/api/v1/services", [], Timeouts(None)) as reply:
            due = asyncio.get_running_loop().time() + 5
            session = Session(count, flush, rate, limit, due=due, grace=1.0)
            await session.run(reply, lambda _: None)
    finally:
        await connection.close()
    return session, flushed


async def test_the_loop_gets_its_turn(script: Scripted, tmp_path: Path) -> None:
    """Lines that take long are told in bunches of a slice of time, not all at once."""
    script.say("list services", stream(b"x\n" * 50))

    def slow(_: bytes) -> None:
        end = asyncio.get_running_loop().time() + SLICE / 2
        while asyncio.get_running_loop().time() < end:
            pass

    _, flushed = await read(script, tmp_path, slow, Rate(1e6, asyncio.get_running_loop().time))
    assert sum(flushed) == 50
    assert max(flushed) < 10


async def test_too_many_events_wait_and_none_is_lost(script: Scripted, tmp_path: Path) -> None:
    """Beyond two seconds' worth reading waits; every line comes all the same."""
    script.say("list services", stream(b"x\n" * 300))
    lines: list[bytes] = []
    rate = Rate(100.0, asyncio.get_running_loop().time)
    session, _ = await read(script, tmp_path, lines.append, rate)
    assert len(lines) == 300
    assert session.throttled
    assert rate.throttled is not None


async def test_what_came_before_a_fault_counts(script: Scripted, tmp_path: Path) -> None:
    """A stream that is cut in a line has told the lines before it."""
    script.say("list services", stream(b"a\nb\nc"))
    lines: list[bytes] = []
    with pytest.raises(GarbledError, match="cut"):
        await read(script, tmp_path, lines.append, Rate(100.0, asyncio.get_running_loop().time))
    assert lines == [b"a", b"b"]
