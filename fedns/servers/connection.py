"""One client's stream: two-byte frames in any split (RFC 7766), pipelined, every wait bounded.

Replies are made at once and in the order of the queries, so none waits for another. A client that does not read is not
read.
"""

import asyncio
from time import monotonic, perf_counter_ns
from typing import Any, Final, Protocol

from fedns.answers import counters
from fedns.answers.extras import IDLE_TENTHS, KEEPALIVE
from fedns.answers.replica import Replica
from fedns.servers.querylog import QueryLog

MAX_QUERY_BYTES: Final = 4096
FRAMES_AT_ONCE: Final = 64
"""Queries of one connection answered before others have their turn."""
MAX_WAITING_BYTES: Final = 16 * 1024
"""Of queries that wait for their turn: a connection that has more is not read until it has less."""
FIRST_QUERY_SECONDS: Final = 2.0
FRAME_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = IDLE_TENTHS / 10
WRITE_STALL_SECONDS: Final = 5.0


class Door(Protocol):
    """What a connection needs of what accepted it."""

    replica: Replica
    secure: bool
    log: QueryLog

    def opened(self, connection: "Connection") -> None:
        """It is there."""

    def used(self, connection: "Connection") -> None:
        """It has asked a question."""

    def closed(self, connection: "Connection") -> None:
        """It is gone."""


class Connection(asyncio.Protocol):
    """One client's stream; its deadline is moved by what it does, and kept by the door's sweep."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._again: asyncio.Handle | None = None
        self._writable = True
        self._idle = IDLE_SECONDS
        self.address = ""
        self.used = monotonic()
        """When it came, or asked last."""
        self.deadline = monotonic() + FIRST_QUERY_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; a client that has already gone has no address."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer: tuple[Any, ...] | None = transport.get_extra_info("peername")
        if not peer:
            transport.abort()
            return
        self.address = peer[0]
        self._door.opened(self)

    def data_received(self, chunk: bytes) -> None:
        """Add the bytes and answer every frame that is whole."""
        self._buffer += chunk
        if self._again is None:
            self._answer()
        if len(self._buffer) > MAX_WAITING_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The client does not read: stop reading from it until it does."""
        self._writable = False
        self.deadline = monotonic() + WRITE_STALL_SECONDS
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._writable = True
        self._wait(self._idle)
        self._read_on()
        if self._again is None:
            self._answer()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        if self._again is not None:
            self._again.cancel()
        self._door.closed(self)

    def expire(self) -> None:
        """The deadline has passed, or the place is needed: end it at once."""
        self._door.closed(self)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """End it when what has been written is sent."""
        if self._transport is not None:
            self._transport.close()

    def _answer(self) -> None:
        self._again = None
        transport, buffer = self._transport, self._buffer
        if transport is None or transport.is_closing():
            return
        now, at, answered = monotonic(), 0, 0
        while self._writable and answered < FRAMES_AT_ONCE and len(buffer) - at >= 2:
            size = int.from_bytes(buffer[at : at + 2])
            if size > MAX_QUERY_BYTES:
                transport.abort()
                return
            if len(buffer) - at - 2 < size:
                break
            reply = self._reply(bytes(buffer[at + 2 : at + 2 + size]), now)
            at, answered = at + 2 + size, answered + 1
            if not reply:
                transport.abort()
                return
            transport.write(len(reply).to_bytes(2) + reply)
        del buffer[:at]
        if answered:
            self.used = now
            self._door.used(self)
        if answered == FRAMES_AT_ONCE:
            self._again = asyncio.get_running_loop().call_soon(self._answer)
        if self._writable and (answered or buffer):
            self._read_on()
            self._wait(FRAME_SECONDS if buffer else self._idle, renew=bool(answered))

    def _reply(self, packet: bytes, now: float) -> bytes:
        door = self._door
        started = perf_counter_ns()
        view = door.replica.view(self.address, stream=True, secure=door.secure)
        reply = door.log.door()(packet, view, door.replica, now)
        if reply.endswith(KEEPALIVE):
            # It has asked, and was told so: it may be idle for longer (RFC 7828).
            self._idle = KEEPALIVE_SECONDS
        if reply:
            counters.count_durations(door.replica.counts, view.transport, perf_counter_ns() - started, 1)
        return reply

    def _read_on(self) -> None:
        """Read from the client, unless enough of it waits already."""
        if self._transport is not None and not self._transport.is_closing() and len(self._buffer) <= MAX_WAITING_BYTES:
            self._transport.resume_reading()

    def _wait(self, seconds: float, *, renew: bool = True) -> None:
        """A frame that trickles in byte by byte keeps its first deadline; a whole one earns a new one."""
        deadline = monotonic() + seconds
        self.deadline = deadline if renew else min(self.deadline, deadline)
