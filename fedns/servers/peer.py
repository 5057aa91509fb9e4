"""One client's connection, whatever is spoken on it: its deadline, its turn, and who waits for whom.

What comes is kept in a bounded buffer and taken a bounded piece at a time, so that one client's flood leaves others
their turn. A client that does not read is not read. Every wait has a deadline, which the door's sweep keeps.
"""

import asyncio
from ipaddress import ip_address
from time import monotonic, perf_counter_ns, time_ns
from typing import Any, Final, Protocol

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.servers.dnstap import Exchange
from fedns.servers.querylog import QueryLog
from fedns.servers.tap import Tap

MAX_QUERY_BYTES: Final = 4096
MAX_WAITING_BYTES: Final = 16 * 1024
"""Of queries that wait for their turn: a connection that has more is not read until it has less."""
FIRST_QUERY_SECONDS: Final = 2.0
FRAME_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 10.0
WRITE_STALL_SECONDS: Final = 5.0


class Door(Protocol):
    """What a connection needs of what accepted it; `secure` as in View."""

    replica: Replica
    secure: str
    log: QueryLog
    tap: Tap

    def opened(self, connection: "Peer") -> None:
        """It is there."""

    def used(self, connection: "Peer") -> None:
        """It has asked a question."""

    def closed(self, connection: "Peer") -> None:
        """It is gone."""


class Peer(asyncio.Protocol):
    """One client's connection; its deadline is moved by what it does."""

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
        self.deadline = monotonic() + FIRST_QUERY_SECONDS
        self._door.opened(self)

    def data_received(self, chunk: bytes) -> None:
        """Add the bytes and take what is whole."""
        self._buffer += chunk
        if self._again is None:
            self._go_on()
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
            self._go_on()

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

    def _take(self, transport: asyncio.Transport, now: float) -> int:
        """Take a bounded piece out of the buffer and write the replies; returns how many there were.

        What cannot be taken for what it should be ends the connection.
        """
        raise NotImplementedError

    def _more(self, answered: int) -> bool:
        """Whether the buffer holds something to be taken when others have had their turn."""
        raise NotImplementedError

    def _go_on(self) -> None:
        self._again = None
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        now = monotonic()
        answered = self._take(transport, now)
        if transport.is_closing():
            return
        if answered:
            self.used = now
            self._door.used(self)
        if self._more(answered):
            self._again = asyncio.get_running_loop().call_soon(self._go_on)
        if self._writable and (answered or self._buffer):
            self._read_on()
            self._wait(FRAME_SECONDS if self._buffer else self._idle, renew=bool(answered))

    def _reply(self, packet: bytes, now: float) -> bytes:
        """What the packet door says to a query of this client."""
        door = self._door
        started = perf_counter_ns()
        view = door.replica.view(self.address, stream=True, secure=door.secure)
        asked = time_ns() if door.tap.on else 0
        reply = door.log.door()(packet, view, door.replica, now)
        if reply:
            counters.count_durations(door.replica.counts, view.transport, perf_counter_ns() - started, 1)
        if asked and door.tap.takes(reply):
            client, server = (_end(self._transport, name) for name in ("peername", "sockname"))
            door.tap.put(Exchange(view.transport, client, server, asked, time_ns(), packet, reply))
        return reply

    def _read_on(self) -> None:
        """Read from the client, unless enough of it waits already."""
        if self._transport is not None and not self._transport.is_closing() and len(self._buffer) <= MAX_WAITING_BYTES:
            self._transport.resume_reading()

    def _wait(self, seconds: float, *, renew: bool = True) -> None:
        """A frame that trickles in byte by byte keeps its first deadline; a whole one earns a new one."""
        deadline = monotonic() + seconds
        self.deadline = deadline if renew else min(self.deadline, deadline)


def _end(transport: asyncio.Transport | None, name: str) -> tuple[bytes, int]:
    """One end of a connection: its packed address and its port."""
    address, port, *_ = transport.get_extra_info(name) if transport is not None else ("::", 0)
    return ip_address(address.partition("%")[0]).packed, port
