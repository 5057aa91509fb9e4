"""Shared sockets: several processes watch one socket, and what one does not take another does."""

import asyncio
import socket

from fedns.servers.sockets import Shared, overflows, way_back


async def test_one_of_two_watchers_takes_each_packet(sockets: dict[int, socket.socket]) -> None:
    """Two epolls on one socket: every packet is seen once; after one has stopped, the other sees all."""
    server = sockets[socket.SOCK_DGRAM]
    loop = asyncio.get_running_loop()
    seen: list[bytes] = []
    news = asyncio.Event()

    def drain(sock: socket.socket) -> None:
        try:
            seen.append(sock.recv(100))
            news.set()
        except BlockingIOError:
            pass

    first, second = Shared([server], drain), Shared([server], drain)
    first.start(loop)
    second.start(loop)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for number in range(4):
            news.clear()
            client.sendto(b"%d" % number, server.getsockname())
            await asyncio.wait_for(news.wait(), 5)
            if number == 1:
                first.stop(loop)
    second.stop(loop)
    assert seen == [b"0", b"1", b"2", b"3"]


def test_the_interface_is_forgotten_but_for_link_local_addresses() -> None:
    """The routes decide where a reply leaves; a link-local address means nothing without its interface."""
    four = [(0, 8, b"\1\0\0\0" + b"asked" + b"seen")]
    assert way_back(four, v6=False) == [(0, 8, bytes(4) + b"asked" + b"seen")]
    local, other = b"\xfe\x80" + bytes(14), b"\x20\1" + bytes(14)
    assert way_back([(41, 50, local + b"\1\0\0\0")], v6=True) == [(41, 50, local + b"\1\0\0\0")]
    assert way_back([(41, 50, other + b"\1\0\0\0")], v6=True) == [(41, 50, other + bytes(4))]


def test_what_has_no_buffer_overflows_nothing() -> None:
    """A system that does not tell is one that has nothing to tell; `test_udp` shows one that has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
        assert overflows(each) == 0
