"""DNS over TCP: frames in any split, pipelined."""

import asyncio
import socket

import dns.edns
import dns.message
import pytest

from fedns.answers import counters
from fedns.servers import peer as module
from fedns.servers.connection import KEEPALIVE_SECONDS
from fedns.servers.peer import MAX_QUERY_BYTES
from fedns.servers.stream import StreamDoor
from tests.answers.replicas import WEB, addresses
from tests.servers.streams import QUERIES, connect, ended, framed, read


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
