"""Sockets that several processes read: each waits for them in an epoll of its own, one wake-up a packet.

A dead or hung process then costs only what is in its hands; the others take the rest.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Final

EPOLLEXCLUSIVE: Final = getattr(select, "EPOLLEXCLUSIVE", 1 << 28)


class Shared:
    """Watches inherited sockets on behalf of this process's event loop."""

    def __init__(self, sockets: list[socket.socket], drain: Callable[[socket.socket], None]) -> None:
        self._by_fd = {each.fileno(): each for each in sockets}
        self._drain = drain
        self._epoll = select.epoll()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read."""
        for fd in self._by_fd:
            self._epoll.register(fd, select.EPOLLIN | EPOLLEXCLUSIVE)
        loop.add_reader(self._epoll.fileno(), self._wake)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read no more; what is queued is left to the other processes."""
        loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _wake(self) -> None:
        for fd, _events in self._epoll.poll(0):
            self._drain(self._by_fd[fd])
