"""Sockets as the supervisor opens them, on free ports."""

import socket
from collections.abc import Iterator

import pytest

from fedns.lab.processes import free_port
from fedns.listening import open_sockets
from fedns.settings.schema import Address


@pytest.fixture
def sockets() -> Iterator[dict[int, socket.socket]]:
    """A TCP and a UDP socket on 127.0.0.1, by kind."""
    opened = open_sockets((Address("127.0.0.1", free_port()),))
    yield {each.type: each for each in opened}
    for each in opened:
        each.close()
