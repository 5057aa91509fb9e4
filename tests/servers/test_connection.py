"""One stream: frames in any split, pipelined, bounded in size and time."""

import asyncio
import socket
from collections.abc import AsyncIterator

import dns.edns
import dns.message
import pytest
import pytest_asyncio

from fedns.answers import counters
from fedns.servers import connection as module
from fedns.servers.connection import KEEPALIVE_SECONDS, MAX_QUERY_BYTES, MAX_WAITING_BYTES
from fedns.servers.stream import StreamDoor
from tests.answers.replicas import WEB, addresses
from tests.servers.streams import QUERIES, connect, ended, framed, opened, read


@pytest_asyncio.fixture
async def listener(sockets: dict[int, socket.socket]) -> socket.socket:
    """The listening socket."""
    return sockets[socket.SOCK_STREAM]


@pytest_asyncio.fixture
async def door(listener: socket.socket) -> AsyncIterator[StreamDoor]:
    """An open door."""
    async with opened(listener) as door:
        yield door


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_pipelined_queries_in_any_split_are_answered_in_order(
    door: StreamDoor, listener: socket.socket, size: int
) -> None:
    """However the stream is cut, each query has its reply."""
    reader, writer = await connect(listener)
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
async def test_what_is_no_query_ends_the_connection(door: StreamDoor, listener: socket.socket, sent: bytes) -> None:
    """A stream out of step cannot be set right: it is closed at once."""
    reader, writer = await connect(listener)
    writer.write(sent)
    assert await ended(reader)
    assert not door.connections
    writer.close()


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


async def test_who_asks_for_keepalive_may_be_idle_for_longer(door: StreamDoor, listener: socket.socket) -> None:
    """RFC 7828: what is promised is kept; others have less time."""
    reader, writer = await connect(listener)
    writer.write(framed(QUERIES[0]))
    await read(reader)
    (connection,) = door.connections
    before = connection.deadline
    option = dns.edns.GenericOption(dns.edns.OptionType.make(11), b"")
    writer.write(framed(dns.message.make_query(WEB, "A", use_edns=0, options=[option]).to_wire()))
    await read(reader)
    assert connection.deadline - before >= KEEPALIVE_SECONDS - module.IDLE_SECONDS
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
