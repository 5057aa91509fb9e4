"""Up to 64 UDP packets for one system call each way: recvmmsg and sendmmsg on memory that is laid out once.

A reply takes the place of its packet. Sender names and control messages are shared by both directions, so that the
reply to packet n goes to the name that packet n came from. On a socket of one address nothing else is to be said. On a
wildcard socket each packet's control message tells the address that was asked, and goes back with the reply, so that
the reply leaves from there (RFC 2181 section 4.1).

The kernel's headers are seen as words: a column of them is read or written at once, for all packets of a batch.
"""

import ctypes
import errno
import mmap
import socket
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import add
from typing import Final

from fedns.servers.sockets import LINK_LOCAL

SIZE: Final = 64
"""Packets in one batch: most of the gain, and a stopped process has no more than this in its hands."""
PACKET_BYTES: Final = 4096
"""More than any UDP reply, too."""
_PLACE_BYTES: Final = PACKET_BYTES + 64
"""One more line of the processor's cache, or the beginnings of all packets would compete for the same one."""
_NAME_BYTES: Final = 32
_CONTROL_BYTES: Final = 64
_HEADER_WORDS: Final = 8
_HEADER_BYTES: Final = _HEADER_WORDS * 8
_NAME, _NAME_SIZE, _IOVEC, _IOVECS, _CONTROL, _CONTROL_SIZE, _FLAGS, _SIZE = range(_HEADER_WORDS)
"""Words of struct mmsghdr on a 64-bit Linux."""
_IOVEC_WORDS: Final = 2
_CMSG_HEADER: Final = 16
WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104 -- to know them
_LINK_LOCAL: Final = int.from_bytes(LINK_LOCAL, sys.byteorder)

_STARTS: Final = range(0, SIZE * _PLACE_BYTES, _PLACE_BYTES)
_REST_STARTS: Final = range(2, SIZE * _PLACE_BYTES, _PLACE_BYTES)
_ROOMS: Final = memoryview(array("Q", [_CONTROL_BYTES] * SIZE))
_NO_INTERFACES: Final = memoryview(array("I", [0] * SIZE))
"""Whole columns: how much a control message may have, and no interface."""

Key = int | bytes | None
"""Who sent a packet: the packed address, or for IPv4 the number that its bytes are to this machine.

None is port 0, which cannot be answered.
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
    """Headers of one direction: `headers` and `sizes` are words that the kernel reads and writes."""

    def __init__(self, places: int, names: int, name_bytes: int, controls: int) -> None:
        self._iovecs, self._headers = bytearray(SIZE * _IOVEC_WORDS * 8), bytearray(SIZE * _HEADER_BYTES)
        iovecs = memoryview(self._iovecs).cast("Q")
        self.sizes = iovecs[1::_IOVEC_WORDS]
        self.headers = memoryview(self._headers).cast("Q")
        self.pointer = _address(self._headers)
        for at in range(SIZE):
            iovecs[at * _IOVEC_WORDS] = places + at * _PLACE_BYTES
            self.sizes[at] = PACKET_BYTES
            word = at * _HEADER_WORDS
            self.headers[word + _NAME] = names + at * _NAME_BYTES
            self.headers[word + _NAME_SIZE] = name_bytes
            self.headers[word + _IOVEC] = _address(self._iovecs) + at * _IOVEC_WORDS * 8
            self.headers[word + _IOVECS] = 1
            self.headers[word + _CONTROL] = controls and controls + at * _CONTROL_BYTES

    def column(self, word: int) -> memoryview:
        """One word of each header."""
        return self.headers[word::_HEADER_WORDS]


class Batch:
    """The memory of one socket's batches; `receive`, then `send` with a reply for each packet."""

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self._v6 = sock.family == socket.AF_INET6
        self._wildcard = sock.getsockname()[0] in WILDCARDS
        self.port: int = sock.getsockname()[1]
        self._own = socket.inet_pton(sock.family, sock.getsockname()[0].partition("%")[0])
        # Unlike a bytearray, this gives bytes for a slice, and takes them.
        self._places = mmap.mmap(-1, SIZE * _PLACE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._names, self._controls = bytearray(SIZE * _NAME_BYTES), bytearray(SIZE * _CONTROL_BYTES)
        lay = (_address(self._places), _address(self._names), 28 if self._v6 else 16)
        controls = _address(self._controls) if self._wildcard else 0
        self._in, self._out = _Side(*lay, controls), _Side(*lay, controls)
        self._received = self._in.column(_SIZE)
        names, told = memoryview(self._names), memoryview(self._controls)
        self._ports = names.cast("H")[1 :: _NAME_BYTES // 2]
        self._hosts = names.cast("I")[1 :: _NAME_BYTES // 4]
        self._rooms, self._lengths = self._in.column(_CONTROL_SIZE), self._out.column(_CONTROL_SIZE)
        self._prefixes = told.cast("H")[_CMSG_HEADER // 2 :: _CONTROL_BYTES // 2]
        self._interfaces = told.cast("I")[(_CMSG_HEADER + 16 * self._v6) // 4 :: _CONTROL_BYTES // 4]

    def receive(self) -> tuple[Sequence[bytes], Sequence[Key]]:
        """The packets that are there, at most SIZE, without their ids, and who sent each.

        Raises OSError when the socket has an error.
        """
        if self._wildcard:
            self._rooms[:] = _ROOMS
        count: int = _recvmmsg(self._fd, self._in.pointer, SIZE, socket.MSG_DONTWAIT, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in {errno.EAGAIN, errno.EINTR}:
                return (), ()
            raise OSError(number, "recvmmsg failed")
        places = self._places
        ends = map(add, _STARTS, self._received[:count].tolist())
        rests = [places[start:end] for start, end in zip(_REST_STARTS, ends, strict=False)]
        return rests, self._keys(count)

    def packet(self, at: int) -> bytes:
        """A whole packet; its place is taken when the replies are sent."""
        return self._places[_STARTS[at] : _STARTS[at] + self._received[at]]

    def ends(self, at: int) -> tuple[int, bytes]:
        """Of packet number `at`: its sender's port, and the packed address that it was sent to."""
        start = at * _CONTROL_BYTES + _CMSG_HEADER
        told = self._controls[start : start + 16] if self._v6 else self._controls[start + 8 : start + 12]
        return socket.ntohs(self._ports[at]), bytes(told) if self._wildcard else self._own

    def send(self, replies: Sequence[bytes]) -> tuple[int, int]:
        """Send a reply, without its id, for each packet received, where there is one; the id is in its place already.

        Returns how many found no room in the socket's buffer, and how many failed otherwise.
        """
        places, sizes = self._places, self._out.sizes
        for at, (start, reply) in enumerate(zip(_REST_STARTS, replies, strict=False)):
            size = len(reply)
            sizes[at] = size + 2
            places[start : start + size] = reply
        if self._wildcard:
            self._forget_interfaces()
        full = failed = 0
        for first, end in [(0, len(replies))] if all(replies) else _runs(replies):
            sent = first
            while sent < end:
                at = self._out.pointer + sent * _HEADER_BYTES
                count: int = _sendmmsg(self._fd, at, end - sent, socket.MSG_DONTWAIT)
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

    def _keys(self, count: int) -> Sequence[Key]:
        keys: Sequence[Key] = self._hosts[:count].tolist()
        if self._v6:
            names = self._names
            keys = [bytes(names[at + 8 : at + 24]) for at in range(0, count * _NAME_BYTES, _NAME_BYTES)]
        ports = self._ports[:count].tolist()
        return keys if all(ports) else [key if port else None for key, port in zip(keys, ports, strict=True)]

    def _forget_interfaces(self) -> None:
        """Let the routes decide where replies leave; a link-local address alone needs its interface."""
        self._lengths[:] = self._rooms
        if not self._v6:
            self._interfaces[:] = _NO_INTERFACES
        else:
            for at, prefix in enumerate(self._prefixes.tolist()):
                if prefix != _LINK_LOCAL:
                    self._interfaces[at] = 0


def _runs(replies: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Where replies stand without a gap: from, to."""
    end = 0
    for some, run in groupby(replies, bool):
        start, end = end, end + sum(1 for _ in run)
        if some:
            yield start, end


def _address(block: bytearray | mmap.mmap) -> int:
    """Where a block lies in memory; the block must live as long as the address is used."""
    return ctypes.addressof(ctypes.c_char.from_buffer(block))
