"""One client's connection: every wait has its deadline, and what waits is bounded."""

import asyncio
import socket

import pytest

from fedns.servers import peer as module
from fedns.servers.peer import MAX_WAITING_BYTES
from fedns.servers.stream import StreamDoor
from tests.servers.streams import QUERIES, connect, ended, framed, read


async def test_a_trickled_frame_keeps_its_first_deadline(door: StreamDoor, listener: socket.socket) -> None:
    """One byte more earns no more time."""
    reader, writer = await connect(listener)
    writer.write(framed(QUERIES[0]) + b"\0")
    await read(reader)
    (connection,) = door.connections
    deadline = connection.deadline
    connection.data_received(b"\1")
    assert connection.deadline <= deadline
    writer.close()


async def test_a_client_that_does_not_read_is_not_read(door: StreamDoor, listener: socket.socket) -> None:
    """Replies that pile up stop the reading of queries; when they are taken, all are answered."""
    reader, writer = await connect(listener)
    writer.write(framed(QUERIES[0]))
    await read(reader)
    (connection,) = door.connections
    assert connection._transport is not None
    connection.pause_writing()
    connection.data_received(framed(*QUERIES[1:5]))
    assert not connection._transport.is_reading()
    connection.resume_writing()
    assert [(await read(reader)).id for _ in range(4)] == [1, 2, 3, 4]
    writer.close()


async def test_a_pipelined_flood_is_bounded_and_others_are_answered(
    door: StreamDoor, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100,000 queries whose replies nobody reads: little is held, others are served, and then it is ended."""
    monkeypatch.setattr(module, "WRITE_STALL_SECONDS", 1.0)
    flooding, writer = await connect(listener)
    flood = asyncio.get_running_loop().create_task(_pour(writer, framed(*QUERIES) * 500))
    async with asyncio.timeout(15):
        while not any(each._writable is False for each in door.connections):
            await asyncio.sleep(0.01)
    (stuck,) = door.connections
    for number in range(20):
        reader, good = await connect(listener)
        good.write(framed(QUERIES[number]))
        assert (await read(reader)).id == number
        assert len(stuck._buffer) <= MAX_WAITING_BYTES + 256 * 1024
        good.close()
    async with asyncio.timeout(15):
        while stuck in door.connections:
            await asyncio.sleep(0.01)
    assert await ended(flooding)
    flood.cancel()
    await asyncio.wait([flood])
    writer.close()


async def _pour(writer: asyncio.StreamWriter, stream: bytes) -> None:
    try:
        writer.write(stream)
        await writer.drain()
    except ConnectionError:
        return
