"""The door for TCP and all that goes over it: accepts, bounds how many connections there are and how long they wait.

When there are too many, the one that has been idle longest gives way, of the same client first. TLS handshakes have a
bound in number and time of their own. Without file descriptors nothing is accepted for a moment: UDP is not hurt.
"""

import asyncio
import resource
import socket
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.servers.connection import Connection
from fedns.servers.peer import Door, Peer
from fedns.servers.querylog import QueryLog
from fedns.servers.sockets import Shared
from fedns.servers.tap import Tap
from fedns.servers.tls import Certificate

MAX_CONNECTIONS: Final = 1024
"""Connections of one process, fewer where it may have few files."""
OTHER_FILES: Final = 64
"""File descriptors that a worker needs besides connections."""
MAX_PER_CLIENT: Final = 128
"""Connections of one address: more than any resolver opens to one process."""
CHURN_SECONDS: Final = 0.2
"""A connection is replaced by another of the same address after so long at the earliest."""
ACCEPTS_AT_ONCE: Final = 32
HANDSHAKE_SECONDS: Final = 5.0
SHUTDOWN_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.1
_TOO_MANY: Final = counters.DROPS + counters.DROP_REASONS.index("too_many_connections")
_SLOW: Final = counters.DROPS + counters.DROP_REASONS.index("slow_client")


class StreamDoor:
    """Accepts on these listening sockets; with a certificate, the transport with TLS that `secure` names.

    `speaks` makes the protocol of one connection, of which there are `most` at a time.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        replica: Replica,
        certificate: Certificate | None = None,
        log: QueryLog | None = None,
        *,
        tap: Tap | None = None,
        secure: str = "dot",
        speaks: Callable[[Door], Peer] = Connection,
        most: int = MAX_CONNECTIONS,
    ) -> None:
        self.replica = replica
        self.secure = secure if certificate is not None else ""
        self.log = log or QueryLog(replica)
        self.tap = tap or Tap(replica)
        self.connections: OrderedDict[Peer, None] = OrderedDict()
        """The one that has been idle longest comes first."""
        self._certificate = certificate
        self._by_client: dict[str, OrderedDict[Peer, None]] = {}
        for each in sockets:
            each.setblocking(False)
        self._sockets = sockets
        self._shared: Shared | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._accepting: OrderedDict[asyncio.Task[Any], None] = OrderedDict()
        self._again = 0.0
        self._speaks = speaks
        self._most = min(most, most_connections())

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept."""
        self._loop = loop
        self._again = 0.0
        self.sweep(monotonic())

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept no more; who is connected may still ask."""
        self._again = inf
        self._pause(loop)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept no more, and close what is open once it has been answered."""
        self._loop = None
        self._pause(loop)
        for task in self._accepting:
            task.cancel()
        for connection in list(self.connections):
            connection.close()

    def sweep(self, now: float) -> None:
        """End connections whose deadline has passed, and accept again after a pause; call it a few times a second."""
        for connection in [each for each in self.connections if each.deadline < now]:
            self.replica.counts[_SLOW] += 1
            connection.expire()
        if self._certificate is not None:
            self._certificate.look(now)
        ready = self._certificate is None or self._certificate.context is not None
        if self._loop is not None and self._shared is None and ready and now >= self._again:
            self._shared = Shared(self._sockets, self._accept)
            self._shared.start(self._loop)

    def opened(self, connection: Peer) -> None:
        """Take a connection in; the client's own longest idle one gives way when it has too many."""
        own = self._by_client.setdefault(connection.address, OrderedDict())
        if len(own) >= MAX_PER_CLIENT:
            self._evict(own)
            own = self._by_client.setdefault(connection.address, own)
        own[connection] = None
        self.connections[connection] = None

    def used(self, connection: Peer) -> None:
        """A connection has asked: it is the last one to give way."""
        if connection in self.connections:
            self.connections.move_to_end(connection)
            self._by_client[connection.address].move_to_end(connection)

    def closed(self, connection: Peer) -> None:
        """Forget a connection; one that is forgotten already stays so."""
        if connection not in self.connections:
            return
        del self.connections[connection]
        own = self._by_client[connection.address]
        del own[connection]
        if not own:
            del self._by_client[connection.address]

    def _evict(self, among: OrderedDict[Peer, None]) -> None:
        self.replica.counts[_TOO_MANY] += 1
        next(iter(among)).expire()

    def _accept(self, listener: socket.socket) -> None:
        assert self._loop is not None
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                client, (address, *_) = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                # Nothing more to accept, or a client that has gone.
                return
            except OSError:
                # No descriptor or no memory left: the listener would stay readable, and this process would spin.
                self.replica.counts[counters.ACCEPT_PAUSES] += 1
                if self.connections:
                    self._evict(self.connections)
                self._again = monotonic() + PAUSE_SECONDS
                self._pause(self._loop)
                return
            own = self._by_client.get(address)
            if own is not None and len(own) >= MAX_PER_CLIENT and next(iter(own)).used + CHURN_SECONDS > monotonic():
                # It replaces its own connections faster than is good for others: this costs next to nothing.
                self.replica.counts[_TOO_MANY] += 1
                client.close()
                continue
            client.setblocking(False)
            self._make_room()
            task = self._loop.create_task(self._open(client), name="accepted connection")
            self._accepting[task] = None
            task.add_done_callback(self._opened_or_not)

    def _make_room(self) -> None:
        """Before one more comes: an idle connection gives way, or the handshake that has taken longest."""
        if len(self.connections) + len(self._accepting) < self._most:
            return
        if len(self._accepting) > self._most // 2 or not self.connections:
            oldest, _ = self._accepting.popitem(last=False)
            self.replica.counts[_TOO_MANY] += 1
            oldest.cancel()
        else:
            self._evict(self.connections)

    async def _open(self, client: socket.socket) -> None:
        assert self._loop is not None
        context = self._certificate.context if self._certificate is not None else None
        times = {"ssl_handshake_timeout": HANDSHAKE_SECONDS, "ssl_shutdown_timeout": SHUTDOWN_SECONDS}
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._speaks(self), client, ssl=context, **(times if context is not None else {})
            )
        except OSError as error:
            # No TLS, an early reset, a handshake that took too long: ssl.SSLError and TimeoutError are OSErrors.
            self.replica.counts[counters.HANDSHAKES_FAILED] += bool(self.secure)
            client.close()
            # Its frames hold the future that holds it, and all of the TLS connection with it: a flood of bad handshakes
            # would fill the memory until the garbage collector looks at the oldest objects, which is seldom.
            error.__traceback__ = None

    def _opened_or_not(self, task: asyncio.Task[Any]) -> None:
        self._accepting.pop(task, None)

    def _pause(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._shared is not None:
            self._shared.stop(loop)
            self._shared = None


def most_connections() -> int:
    """How many connections this process may have, by its limit of open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(MAX_CONNECTIONS, files - OTHER_FILES))
