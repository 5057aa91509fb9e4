"""Listening: sockets of both kinds at one address, and a sentence where they cannot be had."""

import socket

import pytest

from fedns.listening import open_sockets
from fedns.settings.schema import Address


def test_an_address_in_use_is_named() -> None:
    """The error says which address cannot be had."""
    (first, second) = open_sockets((Address("127.0.0.1", 0),))
    assert first.type == socket.SOCK_STREAM
    with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1 port"):
        open_sockets((Address("127.0.0.1", first.getsockname()[1]),))
    first.close()
    second.close()
