"""The door of DNS over QUIC: datagrams to connections and back, bounded in number and in time.

A client's address can be forged until its handshake is done. So while many handshakes are open, a client must show by a
Retry that it is at its address before anything is kept for it (RFC 9000 section 8.1.2). There are no session tickets,
hence no early data, which could be replayed (RFC 9250 section 4.5).
"""

import asyncio
import logging
import os
import socket
from collections import Counter
from functools import partial
from time import monotonic, perf_counter_ns, time_ns
from typing import Any, Final

from aioquic._buffer import Buffer
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import (
    QuicHeader,
    QuicPacketType,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from aioquic.quic.retry import QuicRetryTokenHandler
from cryptography.exceptions import UnsupportedAlgorithm

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.servers.dnstap import Exchange
from fedns.servers.doq import KEPT_SECONDS, Code, Doq
from fedns.servers.querylog import QueryLog
from fedns.servers.sockets import Control, Shared, asked, overflows, way_back
from fedns.servers.tap import Tap
from fedns.servers.tls import Certificate
from fedns.servers.worker import Doors, life
from fedns.settings.child import Child, inherited

ALPN: Final = ("doq",)
DATAGRAMS_AT_ONCE: Final = 32
MAX_DATAGRAM_BYTES: Final = 2048
MAX_STREAM_BYTES: Final = 8192
"""In flight on one stream: a longest query fits."""
MAX_CONNECTIONS: Final = 512
MAX_PER_CLIENT: Final = 64
"""Connections of one address."""
RETRY_ABOVE: Final = 32
"""Handshakes that are open at a time, until clients have to show that they are at their addresses."""
MAX_HANDSHAKES: Final = 128
MAX_CONNECTION_BYTES: Final = 64 * 1024
"""In flight on all streams of a connection."""
_CONTROL_BYTES: Final = 64
_FAULT: Final = counters.DROPS + counters.DROP_REASONS.index("fault")
_TOO_MANY: Final = counters.DROPS + counters.DROP_REASONS.index("too_many_connections")
_SLOW: Final = counters.DROPS + counters.DROP_REASONS.index("slow_client")
_MALFORMED: Final = counters.DROPS + counters.DROP_REASONS.index("malformed")
_SEND_BUFFER_FULL: Final = counters.DROPS + counters.DROP_REASONS.index("send_buffer_full")
_SEND_FAILED: Final = counters.DROPS + counters.DROP_REASONS.index("send_failed")

log = logging.getLogger(__name__)


class Way:
    """Where one connection's datagrams come from and go to, and when it wants to be woken."""

    def __init__(self, sock: socket.socket, client: str) -> None:
        self.sock = sock
        self.client = client
        self.control: Control = []
        self.timer: asyncio.TimerHandle | None = None

    def server(self) -> tuple[bytes, int]:
        """The packed address, and the port, that the client asked."""
        host, port, *_ = self.sock.getsockname()
        return asked(self.control) or socket.inet_pton(self.sock.family, host), port


class QuicDoor:
    """Reads QUIC sockets, which no other process reads, and answers through the packet door."""

    def __init__(self, sockets: list[socket.socket], replica: Replica, certificate: Certificate, tap: Tap) -> None:
        self.connections: dict[Doq, Way] = {}
        self._sockets = sockets
        self._replica = replica
        self._certificate = certificate
        self._log = QueryLog(replica)
        self._tap = tap
        self._configuration: QuicConfiguration | None = None
        self._context: object = None
        self._shared: Shared | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = False
        self._routes: dict[bytes, Doq] = {}
        self._by_client: Counter[str] = Counter()
        self._tokens = QuicRetryTokenHandler()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take connections."""
        self._loop = loop
        self.sweep(monotonic())

    def leave(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Take no new connections; who is connected may still ask."""
        self._leaving = True

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read no more, and tell every client so."""
        for each in list(self.connections):
            self._give_up(each, Code.NO_ERROR)
        if self._shared is not None:
            self._shared.stop(loop)
            self._shared = None
        self._loop = None

    def sweep(self, now: float) -> None:
        """End connections whose deadline has passed; take up a new certificate. Call it a few times a second."""
        self._replica.counts[counters.RECEIVE_OVERFLOWS] = sum(map(overflows, self._sockets))
        for each in [each for each in self.connections if each.deadline < now]:
            idle = each.ready and now - each.used >= KEPT_SECONDS
            self._replica.counts[counters.HANDSHAKES_FAILED] += not each.ready
            self._replica.counts[_SLOW] += each.ready and not idle
            self._give_up(each, Code.NO_ERROR if idle else Code.EXCESSIVE_LOAD)
        self._certificate.look(now)
        if self._certificate.context is not self._context:
            self._context = self._certificate.context
            self._configuration = configuration(*self._certificate.files) or self._configuration
        if self._loop is not None and self._shared is None and self._configuration is not None:
            self._shared = Shared(self._sockets, self._drain)
            self._shared.start(self._loop)

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                datagram, control, _, sender = sock.recvmsg(MAX_DATAGRAM_BYTES, _CONTROL_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # An ICMP error that an earlier datagram caused: one client's trouble.
                self._replica.counts[_SEND_FAILED] += 1
                continue
            self._receive(sock, datagram, way_back(control, v6=sock.family == socket.AF_INET6), sender)

    def _receive(self, sock: socket.socket, datagram: bytes, control: Control, sender: Any) -> None:
        try:
            header = pull_quic_header(Buffer(data=datagram), host_cid_length=QuicConfiguration.connection_id_length)
        except ValueError:
            self._replica.counts[_MALFORMED] += 1
            return
        found = self._routes.get(header.destination_cid)
        if found is None:
            found = self._welcome(sock, datagram, control, sender, header)
        if found is None:
            return
        self.connections[found].control = control
        try:
            found.connection.receive_datagram(datagram, sender, monotonic())
            self._go_on(found)
        except Exception:  # noqa: BLE001 -- a fault of the library costs its client one connection, never the process
            self._replica.counts[_FAULT] += 1
            self._forget(found)

    def _welcome(
        self, sock: socket.socket, datagram: bytes, control: Control, sender: Any, header: QuicHeader
    ) -> Doq | None:
        """A connection for a client that begins one, if it may."""
        if self._configuration is None or self._leaving or len(datagram) < SMALLEST_MAX_DATAGRAM_SIZE:
            return None
        if header.version is not None and header.version not in self._configuration.supported_versions:
            if header.packet_type != QuicPacketType.VERSION_NEGOTIATION:
                versions = self._configuration.supported_versions
                reply = encode_quic_version_negotiation(header.destination_cid, header.source_cid, versions)
                self._write(sock, reply, control, sender)
            return None
        if header.packet_type != QuicPacketType.INITIAL or header.version is None:
            return None
        open_now = sum(not each.ready for each in self.connections)
        shown = self._shown(header, sender)
        if shown is None and (open_now >= RETRY_ABOVE or self._by_client[sender[0]] >= MAX_PER_CLIENT):
            if not header.token:
                self._replica.counts[counters.QUIC_RETRIES] += 1
                self._write(sock, self._retry(header, sender), control, sender)
            # A client that shows a bad token would take no other one (RFC 9000 section 8.1.3).
            return None
        if open_now >= MAX_HANDSHAKES:
            self._replica.counts[_TOO_MANY] += 1
            return None
        self._make_room(sender[0])
        connection = QuicConnection(
            configuration=self._configuration,
            original_destination_connection_id=shown if shown is not None else header.destination_cid,
            retry_source_connection_id=header.destination_cid if shown is not None else None,
        )
        way = Way(sock, sender[0])
        made = Doq(
            connection, partial(self._answer, connection, way), self._routes, header.destination_cid, monotonic()
        )
        self.connections[made] = way
        self._by_client[sender[0]] += 1
        return made

    def _shown(self, header: QuicHeader, sender: Any) -> bytes | None:
        """The first connection id of a client that shows the token of a Retry; None for any other."""
        if not header.token:
            return None
        try:
            return self._tokens.validate_token(
                address=sender, destination_cid=header.destination_cid, token=header.token, now=monotonic()
            )
        except ValueError:
            return None

    def _retry(self, header: QuicHeader, sender: Any) -> bytes:
        own = os.urandom(QuicConfiguration.connection_id_length)
        token = self._tokens.create_token(
            address=sender,
            original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=own,
            now=monotonic(),
        )
        return encode_quic_retry(
            version=header.version or 0,
            source_cid=own,
            destination_cid=header.source_cid,
            original_destination_cid=header.destination_cid,
            retry_token=token,
        )

    def _make_room(self, client: str) -> None:
        """Before one more comes, the one that has been idle longest gives way: the client's own if it has too many."""
        among = [each for each, way in self.connections.items() if way.client == client]
        if len(among) < MAX_PER_CLIENT:
            if len(self.connections) < MAX_CONNECTIONS:
                return
            among = list(self.connections)
        self._replica.counts[_TOO_MANY] += 1
        self._give_up(min(among, key=lambda each: each.used), Code.EXCESSIVE_LOAD)

    def _answer(self, connection: QuicConnection, way: Way, packet: bytes) -> bytes:
        started = perf_counter_ns()
        address = (connection.get_peer_address() or ("",))[0]
        view = self._replica.view(address, stream=True, secure="quic")
        began = time_ns() if self._tap.on else 0
        reply = self._log.door()(packet, view, self._replica, monotonic())
        if reply:
            counters.count_durations(self._replica.counts, view.transport, perf_counter_ns() - started, 1)
        if began and self._tap.takes(reply):
            client = (view.client.address, (connection.get_peer_address() or ("", 0))[1])
            self._tap.put(Exchange(view.transport, client, way.server(), began, time_ns(), packet, reply))
        return reply

    def _go_on(self, doq: Doq) -> None:
        """After bytes or time have reached a connection: take its news, send what it has to say."""
        doq.take(monotonic())
        self._send(doq)
        if doq.over:
            self._replica.counts[counters.HANDSHAKES_FAILED] += not doq.ready
            self._replica.counts[_MALFORMED] += doq.code != Code.NO_ERROR
            self._forget(doq)

    def _give_up(self, doq: Doq, code: Code) -> None:
        doq.end(code)
        self._send(doq)
        self._forget(doq)

    def _forget(self, doq: Doq) -> None:
        """What comes for it later finds nobody, and is dropped."""
        doq.forget()
        if (way := self.connections.pop(doq, None)) is None:
            return
        if way.timer is not None:
            way.timer.cancel()
        self._by_client[way.client] -= 1
        if not self._by_client[way.client]:
            del self._by_client[way.client]

    def _send(self, doq: Doq) -> None:
        """What a connection has to say, and when it wants to be woken."""
        way = self.connections.get(doq)
        if way is None or self._loop is None:
            return
        for datagram, client in doq.to_send(monotonic()):
            self._write(way.sock, datagram, way.control, client)
        if way.timer is not None:
            way.timer.cancel()
        at = doq.connection.get_timer()
        way.timer = self._loop.call_at(at, self._wake, doq, at) if at is not None else None

    def _wake(self, doq: Doq, at: float) -> None:
        doq.connection.handle_timer(max(at, monotonic()))
        self._go_on(doq)

    def _write(self, sock: socket.socket, datagram: bytes, control: Control, client: Any) -> None:
        try:
            sock.sendmsg((datagram,), control, socket.MSG_DONTWAIT, client)
        except BlockingIOError:
            self._replica.counts[_SEND_BUFFER_FULL] += 1
        except OSError:
            self._replica.counts[_SEND_FAILED] += 1


def configuration(cert_file: str, key_file: str) -> QuicConfiguration | None:
    """A server's side of QUIC; None, and a sentence in the log, for a pair that QUIC cannot use."""
    made = QuicConfiguration(
        is_client=False,
        alpn_protocols=list(ALPN),
        idle_timeout=KEPT_SECONDS,
        max_data=MAX_CONNECTION_BYTES,
        max_stream_data=MAX_STREAM_BYTES,
    )
    try:
        made.load_cert_chain(cert_file, key_file)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        log.error("DNS over QUIC: %s and %s cannot be used: %s", cert_file, key_file, error)  # noqa: TRY400
        return None
    return made


def opened(child: Child, replica: Replica) -> Doors:
    """The door of QUIC."""
    # What strangers do is counted, and not told.
    logging.getLogger("quic").disabled = True
    sockets = inherited(child.udp)
    certificate = Certificate(child.cert_file, child.key_file, ALPN, "DNS over QUIC")
    tap = Tap(replica)
    return Doors(child, replica, sockets, [QuicDoor(sockets, replica, certificate, tap)], tap)


def main() -> None:
    """The process for QUIC."""
    life("quic", opened)


if __name__ == "__main__":
    main()
