"""UDP: packets from shared sockets to the packet door and back, in bounded batches.

A plain packet that has come before is answered in the loop of its batch; for all others there is `respond`. A wake-up
ends after two batches, so that streams, deltas and timers have their turn under a flood. A full send buffer
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
from fedns.answers.memory import Entry
from fedns.answers.replica import Replica
from fedns.answers.respond import SILENCE, respond
from fedns.answers.views import MAX_VIEWS, View
from fedns.servers.batch import AVAILABLE, SIZE, Batch, Key
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
_Remembered = dict[bytes, Entry]
"""By packets without their ids, as in `answers/memory.py`."""


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
        self._views: dict[Key, View] = {}
        self._known: dict[Key, _Remembered] = {}
        self._of = replica.views, replica.views.moves
        self._log = log or QueryLog(replica)
        self._respond: Respond = self._log.door()
        self._tap = tap or Tap(replica)
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
        now = monotonic()
        if now - self._behind.setdefault(sock, now) >= SHED_SECONDS:
            del self._behind[sock]
            self._shed(batch)

    def _shed(self, batch: Batch | Plain) -> None:
        """Throw away what waits: reading costs a small part of answering."""
        counts = self._replica.counts
        for _ in range(SHED_BATCHES):
            try:
                thrown, _ = batch.receive()
            except OSError:
                continue  # an ICMP error, as below
            counts[_OVERLOAD] += len(thrown)
            if len(thrown) < SIZE:
                return

    def _answer(self, batch: Batch | Plain) -> int:
        """Answer one batch; returns how many packets it had."""
        replica = self._replica
        try:
            rests, keys = batch.receive()
        except OSError:
            # An ICMP error that an earlier reply caused: one client's trouble, reported on the shared socket.
            replica.counts[_SEND_FAILED] += 1
            return SIZE
        if not rests:
            return 0
        now, started = monotonic(), perf_counter_ns()
        views, moves = self._of
        if replica.views is not views or replica.views.moves != moves:
            self._views, self._known, self._of = {}, {}, (replica.views, replica.views.moves)
            self._respond = self._log.door()
        known, counts = {} if self._tap.on else self._known, replica.counts
        replies: list[bytes] = []
        for rest, key in zip(rests, keys, strict=True):
            # What the packet door would do first. Whatever goes wrong goes wrong there again, and is dealt with.
            try:
                replies.append(known[key][rest].take(counts))
            except Exception:  # noqa: BLE001 -- the loop is this server's hottest: no look-up is made twice in it
                replies.append(self._ask(batch, len(replies), key, now))
        full, failed = batch.send(replies)
        counts[_SEND_BUFFER_FULL] += full
        counts[_SEND_FAILED] += failed
        answered = len(replies) - replies.count(SILENCE)
        if answered:
            counters.count_durations(counts, 0, perf_counter_ns() - started, answered)
        return len(replies)

    def _ask(self, batch: Batch | Plain, at: int, key: Key, now: float) -> bytes:
        """The reply to one packet of a batch, without its id, or silence."""
        view = self._views.get(key) or self._view(key)
        if view is None:
            return SILENCE
        packet, began = batch.packet(at), time_ns()
        reply = self._respond(packet, view, self._replica, now)
        if self._tap.on and self._tap.takes(reply):
            client, asked = batch.ends(at)
            ends = (view.client.address, client), (asked, batch.port)
            self._tap.put(Exchange(view.transport, *ends, began, time_ns(), packet, reply))
        return reply[2:]

    def _view(self, key: Key) -> View | None:
        """Who sent a packet, for the first time; nobody is at port 0."""
        if key is None:
            self._replica.counts[_NO_PORT] += 1
            return None
        if len(self._views) >= MAX_VIEWS:
            self._views.clear()
            self._known.clear()
        address = key if isinstance(key, bytes) else key.to_bytes(4, sys.byteorder)
        view = self._views[key] = self._replica.view(address, stream=False)
        if view.bucket is None and self._respond is respond:
            self._known[key] = view.packets
        return view
