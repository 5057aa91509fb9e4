"""Single packets do what batches do: the tests of both are in test_batch.py and test_udp.py. Here: what is told."""

import socket

from fedns.servers.plain import Plain


def test_the_interface_is_forgotten_but_for_link_local_addresses() -> None:
    """The routes decide where a reply leaves; a link-local address means nothing without its interface."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six,
    ):
        assert Plain(four)._elsewhere(b"\1\0\0\0" + b"asked" + b"seen") == bytes(4) + b"asked" + b"seen"
        local, other = b"\xfe\x80" + bytes(14), b"\x20\1" + bytes(14)
        assert Plain(six)._elsewhere(local + b"\1\0\0\0") == local + b"\1\0\0\0"
        assert Plain(six)._elsewhere(other + b"\1\0\0\0") == other + bytes(4)
