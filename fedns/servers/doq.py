"""DNS over QUIC (RFC 9250) on one connection, by the library aioquic: events in, queries answered. It knows no socket.

Each stream carries one query and its reply. What the RFC calls a protocol error ends the connection.
"""

from collections.abc import Callable, MutableMapping
from enum import IntEnum
from typing import Any, Final

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionIdIssued,
    ConnectionIdRetired,
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)

from fedns.answers import codes
from fedns.answers.packet import Query, parse
from fedns.servers.peer import IDLE_SECONDS, MAX_QUERY_BYTES, WRITE_STALL_SECONDS

HANDSHAKE_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 30.0
"""A connection without a query ends after so long: as much as one over TCP that was asked to stay."""
_KEEPALIVE: Final = codes.TCP_KEEPALIVE.to_bytes(2)
_SIZE_BYTES: Final = 2


class Code(IntEnum):
    """Error codes of RFC 9250 section 4.3 that fedns sends."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 2
    REQUEST_CANCELLED = 3
    EXCESSIVE_LOAD = 4


Answer = Callable[[bytes], bytes]
"""The packet door: from a query to its reply, empty for none."""


class Doq:
    """The server's side. `routes` lead from connection ids to connections; this keeps its own among them.

    `first` is the id that the client has called it by in the beginning.
    """

    def __init__(
        self, connection: QuicConnection, answer: Answer, routes: MutableMapping[bytes, "Doq"], first: bytes, now: float
    ) -> None:
        self.connection = connection
        self.ready = False
        """Whether the handshake is done: the client is at its address."""
        self.over = False
        """Whether it answers no more."""
        self.code = Code.NO_ERROR
        """With what this side has ended it."""
        self.used = now
        self.deadline = now + HANDSHAKE_SECONDS
        self._answer = answer
        self._routes = routes
        self._begun: dict[int, bytearray] = {}
        self._names = {connection.host_cid, first}
        routes.update(dict.fromkeys(self._names, self))

    def take(self, now: float) -> int:
        """Take what the connection has to tell; returns how many queries were answered."""
        answered = 0
        while (event := self.connection.next_event()) is not None:
            answered += self._take(event, now)
        if answered:
            self.used, self.deadline = now, now + KEPT_SECONDS
        if self._begun:
            # It earns no more time by sending on: a query has to end.
            self.deadline = min(self.deadline, now + WRITE_STALL_SECONDS)
        return answered

    def to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """Datagrams to be sent now, each with its client's address."""
        datagrams = self.connection.datagrams_to_send(now)
        # Ids that the client may call it by from now on are news of sending: the next datagram may have one of them.
        self.take(now)
        return datagrams

    def forget(self) -> None:
        """It is gone: no id leads to it, and nothing is kept of it."""
        for name in self._names:
            self._routes.pop(name, None)
        self._names.clear()
        # The library's object is a ring, which would wait for the garbage collector, and that is seldom.
        vars(self.connection).clear()

    def end(self, code: Code) -> None:
        """Close the connection: what is to be sent says so."""
        self.over, self.code = True, code
        self._begun.clear()
        self.connection.close(code)

    def _take(self, event: QuicEvent, now: float) -> int:
        match event:
            case StreamDataReceived():
                return self._stream(event)
            case StreamReset() | StopSendingReceived():
                # The client has given a query up.
                if self._begun.pop(event.stream_id, None) is not None:
                    self.connection.reset_stream(event.stream_id, Code.REQUEST_CANCELLED)
            case HandshakeCompleted():
                self.ready, self.deadline = True, now + IDLE_SECONDS
            case ConnectionIdIssued():
                self._names.add(event.connection_id)
                self._routes[event.connection_id] = self
            case ConnectionIdRetired():
                self._names.discard(event.connection_id)
                self._routes.pop(event.connection_id, None)
            case ConnectionTerminated():
                self.over = True
            case _:
                pass
        return 0

    def _stream(self, event: StreamDataReceived) -> int:
        """A piece of a query; with its end comes the reply."""
        if self.over:
            return 0
        if event.stream_id % 4:
            # Clients open streams, and both sides speak on them (section 4.2).
            self.end(Code.PROTOCOL_ERROR)
            return 0
        body = self._begun.setdefault(event.stream_id, bytearray())
        body += event.data
        if len(body) > _SIZE_BYTES + MAX_QUERY_BYTES:
            self.end(Code.EXCESSIVE_LOAD)
            return 0
        if not event.end_stream:
            return 0
        del self._begun[event.stream_id]
        packet = bytes(body[_SIZE_BYTES:])
        whole = int.from_bytes(body[:_SIZE_BYTES]) == len(packet) == len(body) - _SIZE_BYTES
        reply = self._answer(packet) if whole and not _forbidden(packet) else b""
        if not reply:
            self.end(Code.PROTOCOL_ERROR)
            return 0
        self.connection.send_stream_data(event.stream_id, len(reply).to_bytes(_SIZE_BYTES) + reply, end_stream=True)
        return 1


def _forbidden(packet: bytes) -> bool:
    """Whether a query says what only other transports may say: an id (section 4.2.1), TCP keepalive (section 5.5.2)."""
    if packet[:2] != bytes(2):
        return True
    if _KEEPALIVE not in packet:
        return False
    query = parse(packet)
    if not isinstance(query, Query) or query.edns is None:
        return False
    return any(code == codes.TCP_KEEPALIVE for code, _ in query.edns.options)
