"""Shared sockets: several processes watch one socket, and what one does not take another does."""

import asyncio
import socket

from fedns.servers.sockets import Shared


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
