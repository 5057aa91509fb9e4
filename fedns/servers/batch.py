"""Up to 32 UDP packets for one system call each way: recvmmsg and sendmmsg on memory that is laid out once.

One block a side holds packets, sender names, control messages and the kernel's headers. The header arrays are seen as
64-bit words, so that lengths are plain integers; the sender's raw name is both the reply's address and (its address
part) the key by which the client's view is found. A packet's own control message, which tells the address that was
asked on a wildcard socket, goes back with the reply, so that the reply leaves from there (RFC 2181 section 4.1).
"""

import ctypes
import errno
import socket
import sys
from typing import Final

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
LINK_LOCAL: Final = b"\xfe\x80"
_CMSG_HEADER: Final = 16

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
    """The memory of one socket's batches; `receive`, then `packet` and `reply` for each, then `send`."""

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self._v6 = sock.family == socket.AF_INET6
        self._in, self._out = _Side(PACKET_BYTES), _Side(REPLY_BYTES)
        self._packets = memoryview(self._in.payload)
        self._replies = memoryview(self._out.payload)
        self._names = bytearray(SIZE * _NAME_BYTES)
        self._controls = bytearray(SIZE * _CONTROL_BYTES)
        self._names_at, self._controls_at = _address(self._names), _address(self._controls)
        self._address = slice(8, 24) if self._v6 else slice(4, 8)
        self._received = SIZE
        self._queued = 0
        for at in range(SIZE):
            self._in.headers[at * _HEADER_WORDS + _NAME] = self._names_at + at * _NAME_BYTES
            self._in.headers[at * _HEADER_WORDS + _CONTROL] = self._controls_at + at * _CONTROL_BYTES

    def receive(self) -> int:
        """Take what is there, at most SIZE packets; 0 when nothing is. Raises OSError for anything else."""
        headers = self._in.headers
        for word in range(0, self._received * _HEADER_WORDS, _HEADER_WORDS):
            headers[word + _NAME_SIZE] = _NAME_BYTES
            headers[word + _CONTROL_SIZE] = _CONTROL_BYTES
        count: int = _recvmmsg(self._fd, self._in.pointer, SIZE, socket.MSG_DONTWAIT, None)
        self._received = max(count, 0)
        self._queued = 0
        if count < 0:
            number = ctypes.get_errno()
            if number in {errno.EAGAIN, errno.EINTR}:
                return 0
            raise OSError(number, "recvmmsg failed")
        return count

    def packet(self, at: int) -> tuple[bytes, bytes]:
        """One packet and the packed address of its sender (empty when it has port 0, which cannot be answered)."""
        start = at * PACKET_BYTES
        name = self._names[at * _NAME_BYTES : (at + 1) * _NAME_BYTES]
        sender = bytes(name[self._address]) if name[2] or name[3] else b""
        return bytes(self._packets[start : start + self._in.headers[at * _HEADER_WORDS + _SIZE]]), sender

    def reply(self, at: int, body: bytes) -> None:
        """Queue the reply to packet `at`."""
        queued = self._queued
        start = queued * REPLY_BYTES
        self._replies[start : start + len(body)] = body
        self._out.iovecs[queued * 2 + 1] = len(body)
        word, received = queued * _HEADER_WORDS, at * _HEADER_WORDS
        out, came = self._out.headers, self._in.headers
        out[word + _NAME] = came[received + _NAME]
        out[word + _NAME_SIZE] = came[received + _NAME_SIZE]
        control = came[received + _CONTROL_SIZE]
        if control:
            self._forget_interface(at)
            out[word + _CONTROL] = came[received + _CONTROL]
        out[word + _CONTROL_SIZE] = control
        self._queued = queued + 1

    def send(self) -> tuple[int, int]:
        """Send what is queued; returns how many found no room in the socket's buffer, and how many failed otherwise."""
        sent = failed = 0
        while sent < self._queued:
            pointer = self._out.pointer + sent * _HEADER_WORDS * 8
            count: int = _sendmmsg(self._fd, pointer, self._queued - sent, socket.MSG_DONTWAIT)
            if count > 0:
                sent += count
            elif ctypes.get_errno() == errno.EAGAIN:
                return self._queued - sent, failed
            elif ctypes.get_errno() != errno.EINTR:
                # The first one cannot be sent (no route, a forbidden address): the others are not to blame.
                sent += 1
                failed += 1
        return 0, failed

    def _forget_interface(self, at: int) -> None:
        """Let the routes decide where the reply leaves; a link-local address alone needs its interface."""
        start = at * _CONTROL_BYTES + _CMSG_HEADER
        if not self._v6:
            self._controls[start : start + 4] = bytes(4)
        elif self._controls[start : start + 2] != LINK_LOCAL:
            self._controls[start + 16 : start + 20] = bytes(4)


def _address(block: bytearray) -> int:
    """Where a block lies in memory; the block must live as long as the address is used."""
    return ctypes.addressof(ctypes.c_char.from_buffer(block))
