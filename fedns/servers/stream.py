"""DNS over TCP (RFC 7766): two-byte frames in any split, pipelined, every wait bounded."""

import asyncio
import socket
from time import monotonic, perf_counter_ns
from typing import Any, Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.servers.sockets import Shared
from fedns.servers.udp import count_durations

MAX_CONNECTIONS: Final = 1024
"""Connections of one process; the one that has been idle longest gives way to a newcomer."""
MAX_QUERY_BYTES: Final = 4096
FRAMES_AT_ONCE: Final = 64
"""Queries of one connection answered before others have their turn."""
FIRST_QUERY_SECONDS: Final = 2.0
FRAME_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 10.0
WRITE_STALL_SECONDS: Final = 5.0
_TOO_MANY: Final = counters.DROPS + counters.DROP_REASONS.index("too_many_connections")
_SLOW: Final = counters.DROPS + counters.DROP_REASONS.index("slow_client")


class Connection(asyncio.Protocol):
    """One client's stream; its deadline is moved by what it does, and kept by the door's sweep."""

    def __init__(self, door: "StreamDoor") -> None:
        self._door = door
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._again: asyncio.Handle | None = None
        self._writable = True
        self.deadline = monotonic() + FIRST_QUERY_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; a client that has already gone has no address."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer: tuple[Any, ...] | None = transport.get_extra_info("peername")
        if not peer:
            transport.abort()
            return
        self._address = peer[0]
        self._door.connections[self] = None

    def data_received(self, chunk: bytes) -> None:
        """Add the bytes and answer every frame that is whole."""
        self._buffer += chunk
        if self._again is None:
            self._answer()

    def pause_writing(self) -> None:
        """The client does not read: stop reading from it until it does."""
        self._writable = False
        self.deadline = monotonic() + WRITE_STALL_SECONDS
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._writable = True
        self._wait(IDLE_SECONDS)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        if self._again is None:
            self._answer()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        if self._again is not None:
            self._again.cancel()
        self._door.connections.pop(self, None)

    def expire(self) -> None:
        """The deadline has passed, or the place is needed: end it at once."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """End it when what has been written is sent."""
        if self._transport is not None:
            self._transport.close()

    def _answer(self) -> None:
        self._again = None
        transport, replica, buffer = self._transport, self._door.replica, self._buffer
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
            started = perf_counter_ns()
            reply = respond(
                bytes(buffer[at + 2 : at + 2 + size]), replica.view(self._address, stream=True), replica, now
            )
            at, answered = at + 2 + size, answered + 1
            if not reply:
                transport.abort()
                return
            transport.write(len(reply).to_bytes(2) + reply)
            count_durations(replica.counts, 1, perf_counter_ns() - started, 1)
        del buffer[:at]
        if answered == FRAMES_AT_ONCE:
            self._again = asyncio.get_running_loop().call_soon(self._answer)
        if self._writable and (answered or buffer):
            self._wait(FRAME_SECONDS if buffer else IDLE_SECONDS, renew=bool(answered))

    def _wait(self, seconds: float, *, renew: bool = True) -> None:
        """A frame that trickles in byte by byte keeps its first deadline; a whole one earns a new one."""
        deadline = monotonic() + seconds
        self.deadline = deadline if renew else min(self.deadline, deadline)


class StreamDoor:
    """Accepts on every TCP socket of this process."""

    def __init__(self, sockets: list[socket.socket], replica: Replica) -> None:
        self.replica = replica
        self.connections: dict[Connection, None] = {}
        for each in sockets:
            each.setblocking(False)
        self._shared = Shared(sockets, self._accept)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._accepting: set[asyncio.Task[Any]] = set()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept."""
        self._loop = loop
        self._shared.start(loop)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept no more, and close what is open once it has been answered."""
        self._shared.stop(loop)
        for connection in list(self.connections):
            connection.close()

    def sweep(self, now: float) -> None:
        """End connections whose deadline has passed; call it a few times a second."""
        for connection in [each for each in self.connections if each.deadline < now]:
            self.replica.counts[_SLOW] += 1
            connection.expire()
        self.replica.counts[counters.CONNECTIONS] = len(self.connections)

    def _accept(self, listener: socket.socket) -> None:
        assert self._loop is not None
        for _ in range(FRAMES_AT_ONCE):
            try:
                client, _address = listener.accept()
            except OSError:
                # Nothing more to accept, a client that has gone, or no descriptor left: the listener stays readable.
                return
            client.setblocking(False)
            if len(self.connections) >= MAX_CONNECTIONS:
                self.replica.counts[_TOO_MANY] += 1
                min(self.connections, key=lambda each: each.deadline).expire()
            task = self._loop.create_task(
                self._loop.connect_accepted_socket(lambda: Connection(self), client), name="accepted connection"
            )
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)
