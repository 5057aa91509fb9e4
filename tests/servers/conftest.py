"""Sockets as the supervisor opens them, on free ports, and a door for TCP."""

import socket
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from fedns.lab.processes import free_port
from fedns.listening import open_sockets
from fedns.servers.stream import StreamDoor
from fedns.settings.schema import Address
from tests.servers.streams import opened


@pytest.fixture
def sockets() -> Iterator[dict[int, socket.socket]]:
    """A TCP and a UDP socket on 127.0.0.1, by kind."""
    made = open_sockets((Address("127.0.0.1", free_port()),))
    yield {each.type: each for each in made}
    for each in made:
        each.close()


@pytest_asyncio.fixture
async def listener(sockets: dict[int, socket.socket]) -> socket.socket:
    """The listening socket."""
    return sockets[socket.SOCK_STREAM]


@pytest_asyncio.fixture
async def door(listener: socket.socket) -> AsyncIterator[StreamDoor]:
    """An open door for TCP."""
    async with opened(listener) as door:
        yield door
