"""UDP: packets from shared sockets to the packet door and back, in bounded batches.

A batch ends after 64 packets, so that streams, deltas and timers have their turn under a flood. A full send buffer
drops the reply and counts it: DNS clients ask again, and an unbounded queue would help nobody.
"""

import asyncio
import socket
import struct
from time import monotonic, perf_counter_ns
from typing import Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.servers.sockets import Shared
from fedns.settings.child import IP_PKTINFO

BATCH: Final = 64
MAX_QUERY_BYTES: Final = 4096
ANCILLARY_BYTES: Final = 128
_LAST_BUCKET: Final = counters.DURATION_BUCKETS - 1
_SEND_BUFFER_FULL: Final = counters.DROPS + counters.DROP_REASONS.index("send_buffer_full")
_SEND_FAILED: Final = counters.DROPS + counters.DROP_REASONS.index("send_failed")
_PKTINFO: Final = {IP_PKTINFO, socket.IPV6_PKTINFO}
_IN_PKTINFO: Final = struct.Struct("I4s4s")
_IN6_PKTINFO: Final = struct.Struct("16sI")


class UdpDoor:
    """Reads every UDP socket of this process and answers through the packet door."""

    def __init__(self, sockets: list[socket.socket], replica: Replica) -> None:
        self._replica = replica
        self._wildcard = {each for each in sockets if each.getsockname()[0] in {"0.0.0.0", "::"}}  # noqa: S104 -- compared
        for each in sockets:
            each.setblocking(False)
        self._shared = Shared(sockets, self._drain)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer."""
        self._shared.start(loop)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer no more."""
        self._shared.stop(loop)

    def _drain(self, sock: socket.socket) -> None:
        if sock in self._wildcard:
            self._drain_wildcard(sock)
        else:
            self._drain_bound(sock)

    def _drain_bound(self, sock: socket.socket) -> None:
        """The hot path: sockets bound to one address, from which the kernel answers by itself."""
        replica, now = self._replica, monotonic()
        counts, view = replica.counts, replica.view
        recvfrom, sendto = sock.recvfrom, sock.sendto
        started = perf_counter_ns()
        for _ in range(BATCH):
            try:
                packet, address = recvfrom(MAX_QUERY_BYTES)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error that an earlier reply caused: one client's trouble, reported on the shared socket.
                counts[_SEND_FAILED] += 1
                continue
            reply = respond(packet, view(address[0], stream=False), replica, now)
            if reply and address[1]:
                try:
                    sendto(reply, address)
                except OSError as error:
                    self._unsent(error)
                count_duration(counts, 0, perf_counter_ns() - started)

    def _drain_wildcard(self, sock: socket.socket) -> None:
        """Sockets bound to every address: the reply leaves from the address that was asked (RFC 2181 section 4.1)."""
        replica, now = self._replica, monotonic()
        started = perf_counter_ns()
        for _ in range(BATCH):
            try:
                packet, ancillary, _flags, address = sock.recvmsg(MAX_QUERY_BYTES, ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except OSError:
                replica.counts[_SEND_FAILED] += 1
                continue
            reply = respond(packet, replica.view(address[0], stream=False), replica, now)
            if reply and address[1]:
                try:
                    sock.sendmsg(
                        [reply], [_reply_source(each) for each in ancillary if each[1] in _PKTINFO], 0, address
                    )
                except OSError as error:
                    self._unsent(error)
                count_duration(replica.counts, 0, perf_counter_ns() - started)

    def _unsent(self, error: OSError) -> None:
        full = isinstance(error, BlockingIOError)
        self._replica.counts[_SEND_BUFFER_FULL if full else _SEND_FAILED] += 1


def count_duration(counts: memoryview, transport: int, nanoseconds: int) -> None:
    """Count one reply in its duration bucket; `transport` is the index in counters.TRANSPORTS."""
    bucket = (nanoseconds >> 10).bit_length()
    first = counters.DURATIONS + transport * counters.DURATION_BUCKETS
    counts[first + min(bucket, _LAST_BUCKET)] += 1
    counts[counters.DURATION_SUMS + transport] += nanoseconds


def _reply_source(item: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """The control message that makes the kernel send from the address on which a packet came in."""
    level, kind, payload = item
    if level == socket.IPPROTO_IP:
        _interface, _local, destination = _IN_PKTINFO.unpack_from(payload)
        return level, kind, _IN_PKTINFO.pack(0, destination, bytes(4))
    destination, interface = _IN6_PKTINFO.unpack_from(payload)
    return level, kind, _IN6_PKTINFO.pack(destination, interface)
