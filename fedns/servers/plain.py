"""UDP packets one system call at a time, with what every system has: the same as `Batch` does where that cannot be had.

The address that was asked comes with each packet and goes back with the reply, so that the reply leaves from there.
"""

import socket
from typing import Any, Final

from fedns.servers.batch import PACKET_BYTES, SIZE, Ask
from fedns.servers.sockets import Control, asked, way_back

_CONTROL_BYTES: Final = 64


class Plain:
    """`receive`, then `answer`, then `send`: as with a `Batch`, and as many at once."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._v6 = sock.family == socket.AF_INET6
        self.port: int = sock.getsockname()[1]
        self._own = socket.inet_pton(sock.family, sock.getsockname()[0].partition("%")[0])
        self._received: list[tuple[bytes, Control, Any]] = []
        self._queued: list[tuple[bytes, Control, Any]] = []

    def receive(self) -> int:
        """Take what is there, at most SIZE packets; 0 when nothing is. Raises OSError for anything else."""
        self._received.clear()
        self._queued.clear()
        while len(self._received) < SIZE:
            try:
                packet, control, _, sender = self._sock.recvmsg(PACKET_BYTES, _CONTROL_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            self._received.append((packet, control, sender))
        return len(self._received)

    def answer(self, count: int, ask: Ask) -> int:
        """Ask about each packet received, with a key of its sender, and queue the replies; returns how many."""
        for packet, control, sender in self._received[:count]:
            key = socket.inet_pton(self._sock.family, sender[0].partition("%")[0]) if sender[1] else None
            if reply := ask(packet, key):
                self._queued.append((reply, way_back(control, v6=self._v6), sender))
        return len(self._queued)

    def ends(self, at: int) -> tuple[int, bytes]:
        """Of packet number `at`: its sender's port, and the packed address that it was sent to."""
        _, control, sender = self._received[at]
        return sender[1], asked(control) or self._own

    def send(self) -> tuple[int, int]:
        """Send what is queued; returns how many found no room in the socket's buffer, and how many failed otherwise."""
        full = failed = 0
        for body, control, sender in self._queued:
            try:
                self._sock.sendmsg((body,), control, socket.MSG_DONTWAIT, sender)
            except BlockingIOError:
                full += 1
            except OSError:
                failed += 1
        return full, failed
