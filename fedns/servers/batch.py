"""Up to 32 UDP packets for one system call each way: recvmmsg and sendmmsg on memory that is laid out once.

One block a side holds packets and the kernel's headers; sender names and control messages are shared by both, so that
the reply to packet n is message n of the other side, and goes to the name that packet n came from. On a socket of one
address nothing else is to be said. On a wildcard socket each packet's control message tells the address that was
asked, and goes back with the reply, so that the reply leaves from there (RFC 2181 section 4.1).

The header arrays are seen as words, so that lengths and addresses are plain integers.
"""

import ctypes
import errno
import socket
import sys
from collections.abc import Callable
from typing import Final

from fedns.servers.sockets import LINK_LOCAL

SIZE: Final = 32
"""Packets in one batch: most of the gain, and a stopped process has no more than this in its hands."""
PACKET_BYTES: Final = 4096
REPLY_BYTES: Final = 2048
"""More than any UDP reply."""
_NAME_BYTES: Final = 32
_CONTROL_BYTES: Final = 64
_HEADER_WORDS: Final = 8
_NAME, _NAME_SIZE, _IOVEC, _IOVECS, _CONTROL, _CONTROL_SIZE, _FLAGS, _SIZE = range(_HEADER_WORDS)
"""Words of struct mmsghdr on a 64-bit Linux."""
WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104 -- to know them
_NO_INTERFACE: Final = bytes(4)
_CMSG_HEADER: Final = 16

Ask = Callable[[bytes, int | bytes | None], bytes]
"""From a packet and a key of its sender to the reply, empty for none.

The key is the packed address, or for IPv4 the number that its bytes are to this machine; None for port 0, which cannot
be answered.
"""

_libc = ctypes.CDLL(None, use_errno=True)
AVAILABLE: Final = sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == 8 and hasattr(_libc, "recvmmsg")
"""Whether this system has the calls, and lays its headers out like this."""
if AVAILABLE:
    _recvmmsg = _libc.recvmmsg
    _recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    _sendmmsg = _libc.sendmmsg
    _sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)


class _Side:
    """Headers of one direction, and the memory they point to."""

    def __init__(self, payload_bytes: int) -> None:
        self.payload = bytearray(SIZE * payload_bytes)
        self._iovecs = bytearray(SIZE * 16)
        self._headers = bytearray(SIZE * _HEADER_WORDS * 8)
        self.iovecs = memoryview(self._iovecs).cast("Q")
        self.headers = memoryview(self._headers).cast("Q")
        self.pointer = _address(self._headers)
        payload, iovecs = _address(self.payload), _address(self._iovecs)
        for at in range(SIZE):
            self.iovecs[at * 2] = payload + at * payload_bytes
            self.iovecs[at * 2 + 1] = payload_bytes
            self.headers[at * _HEADER_WORDS + _IOVEC] = iovecs + at * 16
            self.headers[at * _HEADER_WORDS + _IOVECS] = 1


class Batch:
    """The memory of one socket's batches; `receive`, then `answer`, then `send`."""

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self._v6 = sock.family == socket.AF_INET6
        self._wildcard = sock.getsockname()[0] in WILDCARDS
        self.port: int = sock.getsockname()[1]
        self._own = socket.inet_pton(sock.family, sock.getsockname()[0].partition("%")[0])
        self._in, self._out = _Side(PACKET_BYTES), _Side(REPLY_BYTES)
        self._packets = memoryview(self._in.payload)
        self._replies = memoryview(self._out.payload)
        self._block = bytearray(SIZE * _NAME_BYTES)
        self._names = memoryview(self._block)
        self._ports, self._hosts = self._names.cast("H"), self._names.cast("I")
        self._controls = bytearray(SIZE * _CONTROL_BYTES)
        names, controls = _address(self._block), _address(self._controls)
        self._runs: list[tuple[int, int]] = []
        for at in range(SIZE):
            for headers in (self._in.headers, self._out.headers):
                word = at * _HEADER_WORDS
                headers[word + _NAME] = names + at * _NAME_BYTES
                headers[word + _NAME_SIZE] = 28 if self._v6 else 16
                headers[word + _CONTROL] = controls + at * _CONTROL_BYTES if self._wildcard else 0

    def receive(self) -> int:
        """Take what is there, at most SIZE packets; 0 when nothing is. Raises OSError for anything else."""
        if self._wildcard:
            headers = self._in.headers
            for word in range(_CONTROL_SIZE, SIZE * _HEADER_WORDS, _HEADER_WORDS):
                headers[word] = _CONTROL_BYTES
        count: int = _recvmmsg(self._fd, self._in.pointer, SIZE, socket.MSG_DONTWAIT, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in {errno.EAGAIN, errno.EINTR}:
                return 0
            raise OSError(number, "recvmmsg failed")
        return count

    def answer(self, count: int, ask: Ask) -> int:
        """Ask about each packet received, with a key of its sender, and queue the replies; returns how many."""
        headers, packets, ports, hosts = self._in.headers, self._packets, self._ports, self._hosts
        sizes, replies = self._out.iovecs, self._replies
        v6, wildcard = self._v6, self._wildcard
        self._runs.clear()
        silent, start = 0, 0
        for at in range(count):
            place = at * PACKET_BYTES
            packet = bytes(packets[place : place + headers[at * _HEADER_WORDS + _SIZE]])
            name = at * _NAME_BYTES
            key = (
                (bytes(self._names[name + 8 : name + 24]) if v6 else hosts[at * 8 + 1]) if ports[at * 16 + 1] else None
            )
            reply = ask(packet, key)
            if reply:
                place = at * REPLY_BYTES
                replies[place : place + len(reply)] = reply
                sizes[at * 2 + 1] = len(reply)
                if wildcard:
                    self._forget_interface(at)
            else:
                if at > start:
                    self._runs.append((start, at))
                start = at + 1
                silent += 1
        if count > start:
            self._runs.append((start, count))
        return count - silent

    def send(self) -> tuple[int, int]:
        """Send what is queued; returns how many found no room in the socket's buffer, and how many failed otherwise."""
        full = failed = 0
        for first, end in self._runs:
            sent = first
            while sent < end:
                count: int = _sendmmsg(self._fd, self._out.pointer + sent * 64, end - sent, socket.MSG_DONTWAIT)
                if count > 0:
                    sent += count
                elif ctypes.get_errno() == errno.EAGAIN:
                    full += end - sent
                    break
                elif ctypes.get_errno() != errno.EINTR:
                    # The first one cannot be sent (no route, a forbidden address): the others are not to blame.
                    sent += 1
                    failed += 1
        return full, failed

    def ends(self, at: int) -> tuple[int, bytes]:
        """Of packet number `at`: its sender's port, and the packed address that it was sent to."""
        start = at * _CONTROL_BYTES + _CMSG_HEADER
        told = self._controls[start : start + 16] if self._v6 else self._controls[start + 8 : start + 12]
        return socket.ntohs(self._ports[at * 16 + 1]), bytes(told) if self._wildcard else self._own

    def _forget_interface(self, at: int) -> None:
        """Let the routes decide where the reply leaves; a link-local address alone needs its interface."""
        word = at * _HEADER_WORDS + _CONTROL_SIZE
        self._out.headers[word] = self._in.headers[word]
        start = at * _CONTROL_BYTES + _CMSG_HEADER
        if not self._v6:
            self._controls[start : start + 4] = _NO_INTERFACE
        elif self._controls[start : start + 2] != LINK_LOCAL:
            self._controls[start + 16 : start + 20] = _NO_INTERFACE


def _address(block: bytearray) -> int:
    """Where a block lies in memory; the block must live as long as the address is used."""
    return ctypes.addressof(ctypes.c_char.from_buffer(block))
