"""DNS over TCP and TLS: two-byte frames in any split (RFC 7766), pipelined.

Replies are made at once and in the order of the queries, so none waits for another.
"""

import asyncio
from typing import Final

from fedns.answers.extras import IDLE_TENTHS, KEEPALIVE
from fedns.servers.peer import MAX_QUERY_BYTES, Peer

FRAMES_AT_ONCE: Final = 64
"""Queries of one connection answered before others have their turn."""
KEEPALIVE_SECONDS: Final = IDLE_TENTHS / 10


class Connection(Peer):
    """One client's stream of frames."""

    def _take(self, transport: asyncio.Transport, now: float) -> int:
        buffer, at, answered = self._buffer, 0, 0
        while self._writable and answered < FRAMES_AT_ONCE and len(buffer) - at >= 2:
            size = int.from_bytes(buffer[at : at + 2])
            if size > MAX_QUERY_BYTES:
                transport.abort()
                break
            if len(buffer) - at - 2 < size:
                break
            reply = self._reply(bytes(buffer[at + 2 : at + 2 + size]), now)
            at, answered = at + 2 + size, answered + 1
            if not reply:
                transport.abort()
                break
            if reply.endswith(KEEPALIVE):
                # It has asked, and was told so: it may be idle for longer (RFC 7828).
                self._idle = KEEPALIVE_SECONDS
            transport.write(len(reply).to_bytes(2) + reply)
        del buffer[:at]
        return answered

    def _more(self, answered: int) -> bool:
        return answered == FRAMES_AT_ONCE
