"""UDP: packets from shared sockets to the packet door and back, in bounded batches.

A wake-up ends after two batches, so that streams, deltas and timers have their turn under a flood. A full send buffer
drops the replies and counts them: DNS clients ask again, and an unbounded queue would help nobody.

Who is asked more than it can answer for long would answer everybody late: the kernel's queue is first in, first out,
and stays full. So when it has not been empty for SHED_SECONDS, all that waits is thrown away and counted. Nobody
waits longer, as much as ever is answered, and the first moment with less to do is one without a queue.

Packets come and go in batches of one system call, or one by one where that cannot be had (or FEDNS_UDP=plain is set).
"""

import asyncio
import socket
import sys
from time import monotonic, perf_counter_ns, time_ns
from typing import Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.views import MAX_VIEWS, View
from fedns.servers.batch import AVAILABLE, SIZE, Batch
from fedns.servers.dnstap import Exchange
from fedns.servers.plain import Plain
from fedns.servers.querylog import QueryLog, Respond
from fedns.servers.sockets import Shared, overflows
from fedns.servers.tap import Tap

BATCHES: Final = 2
SHED_SECONDS: Final = 0.25
"""A burst that takes less is answered whole; resolvers ask again after 0.4 s or more."""
SHED_BATCHES: Final = 4_096
"""Batches thrown away at one go at most: 0.1 s, and more than any receive buffer has."""
_SEND_BUFFER_FULL: Final = counters.DROPS + counters.DROP_REASONS.index("send_buffer_full")
_OVERLOAD: Final = counters.DROPS + counters.DROP_REASONS.index("overload")
_NO_PORT: Final = counters.DROPS + counters.DROP_REASONS.index("no_port")
_SEND_FAILED: Final = counters.DROPS + counters.DROP_REASONS.index("send_failed")


class UdpDoor:
    """Reads every UDP socket of this process and answers through the packet door."""

    def __init__(
        self,
        sockets: list[socket.socket],
        replica: Replica,
        log: QueryLog | None = None,
        *,
        tap: Tap | None = None,
        batches: bool = AVAILABLE,
    ) -> None:
        self._replica = replica
        self._batches: dict[socket.socket, Batch | Plain] = {
            each: Batch(each) if batches else Plain(each) for each in sockets
        }
        self._behind: dict[socket.socket, float] = {}
        """Since when the queue of a socket has not been empty."""
        self._views: dict[int | bytes | None, View] = {}
        self._of = replica.views, replica.views.moves
        self._now = 0.0
        self._log = log or QueryLog(replica)
        self._respond: Respond = self._log.door()
        self._tap = tap or Tap(replica)
        self._exchanges: list[tuple[View | None, int, bytes, bytes]] = []
        """Of this batch: view, time, packet, reply, one for each packet; empty without dnstap."""
        self._shared = Shared(sockets, self._drain)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer."""
        self._shared.start(loop)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer no more."""
        self._shared.stop(loop)

    def overflows(self) -> int:
        """Packets that found no room in the receive buffers, since the sockets were opened, by all processes."""
        return sum(map(overflows, self._batches))

    def _drain(self, sock: socket.socket) -> None:
        batch = self._batches[sock]
        for _ in range(BATCHES):
            if self._answer(batch) < SIZE:
                self._behind.pop(sock, None)
                return
        if self._now - self._behind.setdefault(sock, self._now) >= SHED_SECONDS:
            del self._behind[sock]
            self._shed(batch)

    def _shed(self, batch: Batch | Plain) -> None:
        """Throw away what waits: reading costs a small part of answering."""
        counts = self._replica.counts
        for _ in range(SHED_BATCHES):
            try:
                count = batch.receive()
            except OSError:
                continue  # an ICMP error, as below
            counts[_OVERLOAD] += count
            if count < SIZE:
                return

    def _ask(self, packet: bytes, key: int | bytes | None) -> bytes:
        view = self._views.get(key)
        if view is None:
            if key is None:
                self._replica.counts[_NO_PORT] += 1
                return b""
            if len(self._views) >= MAX_VIEWS:
                self._views.clear()
            address = key if isinstance(key, bytes) else key.to_bytes(4, sys.byteorder)
            view = self._views[key] = self._replica.view(address, stream=False)
        return self._respond(packet, view, self._replica, self._now)

    def _tapped(self, packet: bytes, key: int | bytes | None) -> bytes:
        """The same, and it is remembered for dnstap."""
        began = time_ns()
        reply = self._ask(packet, key)
        self._exchanges.append((self._views.get(key), began, packet, reply))
        return reply

    def _tell(self, batch: Batch | Plain) -> None:
        """Give this batch to dnstap: where each packet came from and went to stands in the batch."""
        port = batch.port
        for at, (view, began, packet, reply) in enumerate(self._exchanges):
            if view is not None and self._tap.takes(reply):
                client, asked = batch.ends(at)
                ends = (view.client.address, client), (asked, port)
                self._tap.put(Exchange(view.transport, *ends, began, time_ns(), packet, reply))
        self._exchanges.clear()

    def _answer(self, batch: Batch | Plain) -> int:
        """Answer one batch; returns how many packets it had."""
        replica = self._replica
        try:
            count = batch.receive()
        except OSError:
            # An ICMP error that an earlier reply caused: one client's trouble, reported on the shared socket.
            replica.counts[_SEND_FAILED] += 1
            return SIZE
        self._now, started = monotonic(), perf_counter_ns()
        views, moves = self._of
        if replica.views is not views or replica.views.moves != moves:
            self._views, self._of = {}, (replica.views, replica.views.moves)
            self._respond = self._log.door()
        replies = batch.answer(count, self._tapped if self._tap.on else self._ask)
        if replies:
            full, failed = batch.send()
            replica.counts[_SEND_BUFFER_FULL] += full
            replica.counts[_SEND_FAILED] += failed
            counters.count_durations(replica.counts, 0, perf_counter_ns() - started, replies)
        if self._exchanges:
            self._tell(batch)
        return count
