"""Sockets that several processes read: each waits for them in an epoll of its own, one wake-up a packet.

A dead or hung process then costs only what is in its hands; the others take the rest.
"""

import asyncio
import select
import socket
import sys
from collections.abc import Callable
from typing import Final

from fedns.settings.child import IP_PKTINFO

_INTERFACE_BYTES: Final = 4
LINK_LOCAL: Final = b"\xfe\x80"
_SO_MEMINFO: Final = 55
_MEMINFO_WORDS: Final = 9
"""Of which the last one counts drops; both are Linux's."""
EPOLLEXCLUSIVE: Final = getattr(select, "EPOLLEXCLUSIVE", 1 << 28)


Control = list[tuple[int, int, bytes]]
"""Control messages as `recvmsg` gives and `sendmsg` takes them."""


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


def way_back(control: Control, *, v6: bool) -> Control:
    """Control messages of a reply, from those of its query: it leaves from the address that was asked.

    The routes decide through which interface; a link-local address alone needs its own.
    """
    return [(level, kind, _elsewhere(told, v6=v6)) for level, kind, told in control]


def _elsewhere(told: bytes, *, v6: bool) -> bytes:
    if not v6:
        return bytes(_INTERFACE_BYTES) + told[_INTERFACE_BYTES:]
    return told if told.startswith(LINK_LOCAL) else told[:16] + bytes(_INTERFACE_BYTES)


def asked(control: Control) -> bytes:
    """The packed address that a packet was sent to, from its control messages; empty where they do not tell."""
    for level, kind, told in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return told[8:12]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return told[:16]
    return b""


def overflows(sock: socket.socket) -> int:
    """Packets that found no room in the receive buffer of a UDP socket, since it was opened, by all processes."""
    try:
        words = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO_WORDS * 4)
    except OSError:
        return 0
    return int.from_bytes(words[-4:], sys.byteorder)
