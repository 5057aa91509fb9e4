"""UDP: packets from shared sockets to the packet door and back, in bounded batches.

A wake-up ends after two batches, so that streams, deltas and timers have their turn under a flood. A full send buffer
drops the replies and counts them: DNS clients ask again, and an unbounded queue would help nobody.

Packets come and go in batches of one system call, or one by one where that cannot be had (or FEDNS_UDP=plain is set).
"""

import asyncio
import socket
import sys
from time import monotonic, perf_counter_ns
from typing import Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.servers.batch import AVAILABLE, SIZE, Batch
from fedns.servers.plain import Plain
from fedns.servers.sockets import Shared

BATCHES: Final = 2
_SO_MEMINFO: Final = 55
_MEMINFO_WORDS: Final = 9
"""Of which the last one counts drops; both are Linux's."""
_SEND_BUFFER_FULL: Final = counters.DROPS + counters.DROP_REASONS.index("send_buffer_full")
_NO_PORT: Final = counters.DROPS + counters.DROP_REASONS.index("no_port")
_SEND_FAILED: Final = counters.DROPS + counters.DROP_REASONS.index("send_failed")


class UdpDoor:
    """Reads every UDP socket of this process and answers through the packet door."""

    def __init__(self, sockets: list[socket.socket], replica: Replica, *, batches: bool = AVAILABLE) -> None:
        self._replica = replica
        self._batches: dict[socket.socket, Batch | Plain] = {
            each: Batch(each) if batches else Plain(each) for each in sockets
        }
        self._shared = Shared(sockets, self._drain)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer."""
        self._shared.start(loop)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer no more."""
        self._shared.stop(loop)

    def overflows(self) -> int:
        """Packets that found no room in the receive buffers, since the sockets were opened, by all processes."""
        return sum(map(_overflows, self._batches))

    def _drain(self, sock: socket.socket) -> None:
        batch = self._batches[sock]
        for _ in range(BATCHES):
            if self._answer(batch) < SIZE:
                return

    def _answer(self, batch: Batch | Plain) -> int:
        """Answer one batch; returns how many packets it had."""
        replica = self._replica
        try:
            count = batch.receive()
        except OSError:
            # An ICMP error that an earlier reply caused: one client's trouble, reported on the shared socket.
            replica.counts[_SEND_FAILED] += 1
            return SIZE
        now, started, replies = monotonic(), perf_counter_ns(), 0
        for at in range(count):
            packet, sender = batch.packet(at)
            if sender:
                reply = respond(packet, replica.view(sender, stream=False), replica, now)
                if reply:
                    batch.reply(at, reply)
                    replies += 1
            else:
                replica.counts[_NO_PORT] += 1
        if replies:
            full, failed = batch.send()
            replica.counts[_SEND_BUFFER_FULL] += full
            replica.counts[_SEND_FAILED] += failed
            counters.count_durations(replica.counts, 0, perf_counter_ns() - started, replies)
        return count


def _overflows(sock: socket.socket) -> int:
    try:
        words = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO_WORDS * 4)
    except OSError:
        return 0
    return int.from_bytes(words[-4:], sys.byteorder)
