"""DNS over HTTPS on one client's connection: the version of HTTP that its handshake chose, before the packet door."""

import asyncio
from typing import Final, Protocol

from fedns.answers import counters
from fedns.answers.extras import IDLE_TENTHS
from fedns.servers.doh import Refusal, Request, Response, answered, query, refused
from fedns.servers.http1 import Http1
from fedns.servers.http2 import Http2
from fedns.servers.peer import WRITE_STALL_SECONDS, Door, Peer

ALPN: Final = ("h2", "http/1.1")
PIECE_BYTES: Final = 1024
"""Taken at once: some dozens of the shortest requests that there can be."""
IDLE_SECONDS: Final = IDLE_TENTHS / 10
"""A handshake costs both sides more than a TCP connection does: it may stay as long as one that was asked to."""
_DROPS: Final = {reason: counters.DROPS + at for at, reason in enumerate(counters.DROP_REASONS)}
_NO_QUERY: Final = Refusal(400, "the message is no DNS query")


class Speaker(Protocol):
    """A version of HTTP."""

    over: bool
    fault: str

    @property
    def pending(self) -> bool:
        """Whether something is waited for."""

    def receive(self, chunk: bytes) -> int:
        """Take bytes; returns how many requests were answered."""

    def to_send(self) -> bytes:
        """What is to be sent now."""

    def leave(self) -> None:
        """Take no more requests."""

    def forget(self) -> None:
        """The connection is gone."""


class Web(Peer):
    """One client's connection; `path` is where queries are answered."""

    def __init__(self, door: Door, path: str) -> None:
        super().__init__(door)
        self._path = path
        self._now = 0.0
        self._idle = IDLE_SECONDS
        self._speaker: Speaker | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Speak what was agreed on; a client that named nothing speaks HTTP/1.1 (RFC 9113 section 3.2)."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        newer = tls is not None and tls.selected_alpn_protocol() == ALPN[0]
        self._speaker = Http2(self._answer) if newer else Http1(self._answer)
        self._send(self._speaker)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection, and what was said on it."""
        super().connection_lost(error)
        if self._speaker is not None:
            self._speaker.forget()
            self._speaker = None

    def close(self) -> None:
        """Say goodbye, and end it when what has been written is sent."""
        if self._speaker is not None:
            self._speaker.leave()
            self._send(self._speaker)
        super().close()

    def _take(self, transport: asyncio.Transport, now: float) -> int:
        speaker = self._speaker
        if speaker is None or not self._writable:
            return 0
        self._now = now
        count = speaker.receive(bytes(self._buffer[:PIECE_BYTES]))
        del self._buffer[:PIECE_BYTES]
        self._send(speaker)
        if speaker.over:
            if speaker.fault:
                self._door.replica.counts[_DROPS[speaker.fault]] += 1
            transport.close()
        self._idle = WRITE_STALL_SECONDS if speaker.pending else IDLE_SECONDS
        if speaker.pending:
            # It earns no more time by sending on: a request has to end, and a reply to be let through.
            self._wait(self._idle, renew=False)
        return count

    def _more(self, _answered: int) -> bool:
        return self._writable and bool(self._buffer)

    def _send(self, speaker: Speaker) -> None:
        if self._transport is not None and (out := speaker.to_send()):
            self._transport.write(out)

    def _answer(self, request: Request) -> Response:
        packet = query(request, self._path)
        reply = packet if isinstance(packet, Refusal) else self._reply(packet, self._now) or _NO_QUERY
        if isinstance(reply, bytes):
            return answered(reply)
        self._door.replica.counts[counters.HTTP_REFUSED + counters.HTTP_STATUSES.index(reply.status)] += 1
        response = refused(reply)
        return response._replace(body=b"") if request.method == "HEAD" else response
