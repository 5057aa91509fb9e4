"""UDP packets one system call at a time, with what every system has: the same as `Batch` does where that cannot be had.

The address that was asked comes with each packet and goes back with the reply, so that the reply leaves from there.
"""

import socket
from collections.abc import Sequence
from typing import Any, Final

from fedns.servers.batch import PACKET_BYTES, SIZE, Key
from fedns.servers.sockets import Control, asked, way_back

_CONTROL_BYTES: Final = 64


class Plain:
    """`receive`, then `send` with a reply for each packet: as with a `Batch`, and as many at once."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._v6 = sock.family == socket.AF_INET6
        self.port: int = sock.getsockname()[1]
        self._own = socket.inet_pton(sock.family, sock.getsockname()[0].partition("%")[0])
        self._packets: list[bytes] = []
        self._senders: list[tuple[Control, Any]] = []

    def receive(self) -> tuple[Sequence[bytes], Sequence[Key]]:
        """The packets that are there, at most SIZE, without their ids, and who sent each.

        Raises OSError when the socket has an error.
        """
        packets = self._packets = []
        keys: list[Key] = []
        self._senders.clear()
        while len(packets) < SIZE:
            try:
                packet, control, _, sender = self._sock.recvmsg(PACKET_BYTES, _CONTROL_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            packets.append(packet)
            keys.append(socket.inet_pton(self._sock.family, sender[0].partition("%")[0]) if sender[1] else None)
            self._senders.append((control, sender))
        return [packet[2:] for packet in packets], keys

    def packet(self, at: int) -> bytes:
        """A whole packet."""
        return self._packets[at]

    def ends(self, at: int) -> tuple[int, bytes]:
        """Of packet number `at`: its sender's port, and the packed address that it was sent to."""
        control, sender = self._senders[at]
        return sender[1], asked(control) or self._own

    def send(self, replies: Sequence[bytes]) -> tuple[int, int]:
        """Send a reply, without its id, for each packet received, where there is one.

        Returns how many found no room in the socket's buffer, and how many failed otherwise.
        """
        full = failed = 0
        for packet, reply, (control, sender) in zip(self._packets, replies, self._senders, strict=True):
            if reply:
                back = way_back(control, v6=self._v6)
                try:
                    self._sock.sendmsg((packet[:2], reply), back, socket.MSG_DONTWAIT, sender)
                except BlockingIOError:
                    full += 1
                except OSError:
                    failed += 1
        return full, failed
