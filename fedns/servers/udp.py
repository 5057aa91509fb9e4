"""UDP: packets from shared sockets to the packet door and back, in bounded batches.

A wake-up ends after two batches, so that streams, deltas and timers have their turn under a flood. A full send buffer
drops the replies and counts them: DNS clients ask again, and an unbounded queue would help nobody.
"""

import asyncio
import socket
from time import monotonic, perf_counter_ns
from typing import Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.servers.batch import SIZE, Batch
from fedns.servers.sockets import Shared

BATCHES: Final = 2
_SEND_BUFFER_FULL: Final = counters.DROPS + counters.DROP_REASONS.index("send_buffer_full")
_SEND_FAILED: Final = counters.DROPS + counters.DROP_REASONS.index("send_failed")


class UdpDoor:
    """Reads every UDP socket of this process and answers through the packet door."""

    def __init__(self, sockets: list[socket.socket], replica: Replica) -> None:
        self._replica = replica
        self._batches = {each: Batch(each) for each in sockets}
        self._shared = Shared(sockets, self._drain)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer."""
        self._shared.start(loop)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer no more."""
        self._shared.stop(loop)

    def _drain(self, sock: socket.socket) -> None:
        batch = self._batches[sock]
        for _ in range(BATCHES):
            if self._answer(batch) < SIZE:
                return

    def _answer(self, batch: Batch) -> int:
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
        if replies:
            full, failed = batch.send()
            replica.counts[_SEND_BUFFER_FULL] += full
            replica.counts[_SEND_FAILED] += failed
            counters.count_durations(replica.counts, 0, perf_counter_ns() - started, replies)
        return count
