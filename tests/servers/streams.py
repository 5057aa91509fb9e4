"""Clients of streams, and doors for them."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import dns.message

from fedns.answers.replica import Replica
from fedns.servers.stream import StreamDoor
from fedns.servers.tls import Certificate
from tests.answers.replicas import WEB, replica

QUERIES = [dns.message.make_query(WEB, "A", id=number).to_wire() for number in range(200)]
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def framed(*packets: bytes) -> bytes:
    """Packets as they travel over TCP."""
    return b"".join(len(each).to_bytes(2) + each for each in packets)


@asynccontextmanager
async def opened(
    listener: socket.socket, certificate: Certificate | None = None, held: Replica | None = None, **how: Any
) -> AsyncIterator[StreamDoor]:
    """An open door, swept as a worker does it."""
    door = StreamDoor([listener], held or replica(), certificate, **how)
    loop = asyncio.get_running_loop()
    door.start(loop)

    async def sweep() -> None:
        while True:
            door.sweep(monotonic())
            await asyncio.sleep(0.05)

    task = loop.create_task(sweep())
    try:
        yield door
    finally:
        task.cancel()
        door.stop(loop)
        async with asyncio.timeout(10):
            while door.connections or door._accepting:
                await asyncio.sleep(0.01)


async def connect(listener: socket.socket, context: ssl.SSLContext | None = None) -> Client:
    """A client."""
    host, port = listener.getsockname()[:2]
    return await asyncio.open_connection(host, port, ssl=context)


async def read(reader: asyncio.StreamReader) -> dns.message.Message:
    """One reply."""
    async with asyncio.timeout(10):
        size = int.from_bytes(await reader.readexactly(2))
        return dns.message.from_wire(await reader.readexactly(size))


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server ends the connection; what it still sends is passed over."""
    async with asyncio.timeout(15):
        try:
            while await reader.read(65_536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
    return True
