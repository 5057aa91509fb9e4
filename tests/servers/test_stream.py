"""Streams: frames in any split, pipelined, bounded in size, time and number."""

import asyncio
import socket
from collections.abc import AsyncIterator

import dns.message
import pytest

from fedns.answers import counters
from fedns.servers import stream as module
from fedns.servers.stream import MAX_QUERY_BYTES, StreamDoor
from tests.answers.replicas import WEB, addresses, replica

QUERIES = [dns.message.make_query(WEB, "A", id=number).to_wire() for number in range(200)]


def framed(*packets: bytes) -> bytes:
    """Packets as they travel over TCP."""
    return b"".join(len(each).to_bytes(2) + each for each in packets)


@pytest.fixture
async def door(sockets: dict[int, socket.socket]) -> AsyncIterator[StreamDoor]:
    """An open door."""
    door = StreamDoor([sockets[socket.SOCK_STREAM]], replica())
    loop = asyncio.get_running_loop()
    door.start(loop)
    yield door
    door.stop(loop)
    await asyncio.sleep(0)


async def connect(sockets: dict[int, socket.socket]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client."""
    return await asyncio.open_connection(*sockets[socket.SOCK_STREAM].getsockname())


async def read(reader: asyncio.StreamReader) -> dns.message.Message:
    """One reply."""
    async with asyncio.timeout(5):
        size = int.from_bytes(await reader.readexactly(2))
        return dns.message.from_wire(await reader.readexactly(size))


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_pipelined_queries_in_any_split_are_answered_in_order(
    door: StreamDoor, sockets: dict[int, socket.socket], size: int
) -> None:
    """However the stream is cut, each query has its reply."""
    reader, writer = await connect(sockets)
    count = 3 if size == 1 else len(QUERIES)
    stream = framed(*QUERIES[:count])
    for at in range(0, len(stream), size):
        writer.write(stream[at : at + size])
        if size < 10:
            await asyncio.sleep(0)
    for number in range(count):
        reply = await read(reader)
        assert reply.id == number
        assert len(addresses(reply)) == 3
    assert sum(counters.durations(door.replica.counts, "tcp")[0]) == count
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [framed(b"x" * (MAX_QUERY_BYTES + 1)), framed(QUERIES[0][:8])],
    ids=["a frame over the bound", "a frame that is no query"],
)
async def test_what_is_no_query_ends_the_connection(
    door: StreamDoor, sockets: dict[int, socket.socket], sent: bytes
) -> None:
    """A stream out of step cannot be set right: it is closed at once."""
    reader, writer = await connect(sockets)
    writer.write(sent)
    async with asyncio.timeout(5):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    assert not door.connections
    writer.close()


async def test_slow_connections_are_swept_and_counted(door: StreamDoor, sockets: dict[int, socket.socket]) -> None:
    """A client that says nothing, or trickles, is closed when its deadline has passed; a good one stays."""
    _, silent = await connect(sockets)
    reader, good = await connect(sockets)
    good.write(framed(QUERIES[0]))
    await read(reader)
    limit = max(each.deadline for each in door.connections)
    door.sweep(limit - 1)
    await asyncio.sleep(0)
    good.write(framed(QUERIES[1]))
    assert (await read(reader)).id == 1
    assert door.replica.counts[module._SLOW] == 1
    door.sweep(0)
    assert door.replica.counts[counters.CONNECTIONS] == 1
    silent.close()
    good.close()


async def test_a_trickled_frame_keeps_its_first_deadline(door: StreamDoor, sockets: dict[int, socket.socket]) -> None:
    """One byte more earns no more time."""
    reader, writer = await connect(sockets)
    writer.write(framed(QUERIES[0]) + b"\0")
    await read(reader)
    (connection,) = door.connections
    deadline = connection.deadline
    connection.data_received(b"\1")
    assert connection.deadline <= deadline
    writer.close()


async def test_the_longest_idle_gives_way_to_a_newcomer(
    monkeypatch: pytest.MonkeyPatch, door: StreamDoor, sockets: dict[int, socket.socket]
) -> None:
    """At the bound, the connection whose deadline is nearest is closed for the next client."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 1)
    old, old_writer = await connect(sockets)
    async with asyncio.timeout(5):
        while not door.connections:
            await asyncio.sleep(0)
    reader, writer = await connect(sockets)
    writer.write(framed(QUERIES[0]))
    assert (await read(reader)).id == 0
    async with asyncio.timeout(5):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await old.readexactly(1)
    assert door.replica.counts[module._TOO_MANY] == 1
    old_writer.close()
    writer.close()


async def test_a_client_that_does_not_read_is_not_read(door: StreamDoor, sockets: dict[int, socket.socket]) -> None:
    """Replies that pile up stop the reading of queries; when they are taken, all are answered."""
    reader, writer = await connect(sockets)
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
