"""Clients of DNS over QUIC, by the client's side of aioquic: in memory, and over UDP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent

from fedns.answers.replica import Replica
from fedns.servers.doq import Doq
from fedns.servers.quic import QuicDoor, configuration
from fedns.servers.tap import Tap
from fedns.servers.tls import Certificate
from tests.answers.replicas import replica

CLIENT = ("192.0.2.1", 4000)


def calling(certificate: Path, alpn: tuple[str, ...] = ("doq",)) -> QuicConfiguration:
    """A client's side."""
    made = QuicConfiguration(is_client=True, alpn_protocols=list(alpn), server_name="127.0.0.1")
    made.load_verify_locations(cafile=str(certificate))
    return made


class Dialer(QuicConnectionProtocol):
    """A client over UDP, which remembers how its connection ended."""

    ended: int | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            self.ended = event.error_code
        super().quic_event_received(event)

    async def ask(self, packet: bytes) -> bytes:
        """One query on a stream of its own; its reply, empty for none."""
        reader, writer = await self.create_stream()
        writer.write(len(packet).to_bytes(2) + packet)
        writer.write_eof()
        body = await reader.read()
        assert len(body) < 2 or int.from_bytes(body[:2]) == len(body) - 2
        return body[2:]


@asynccontextmanager
async def dialled(server: tuple[Any, ...], certificate: Path, **how: Any) -> AsyncIterator[Dialer]:
    """A client that has connected."""
    connection = QuicConnection(configuration=calling(certificate, **how))
    loop = asyncio.get_running_loop()
    transport, dialer = await loop.create_datagram_endpoint(lambda: Dialer(connection), local_addr=("127.0.0.1", 0))
    try:
        dialer.connect(server)
        await asyncio.wait_for(dialer.wait_connected(), 20)
        yield dialer
    finally:
        dialer.close()
        transport.close()


@asynccontextmanager
async def door(server: socket.socket, pair: tuple[Path, Path], held: Replica | None = None) -> AsyncIterator[QuicDoor]:
    """An open door, swept as a process does it."""
    held = held or replica()
    certificate = Certificate(str(pair[0]), str(pair[1]), ("doq",), "QUIC")
    made = QuicDoor([server], held, certificate, Tap(held))
    loop = asyncio.get_running_loop()
    made.start(loop)

    async def sweep() -> None:
        while True:
            made.sweep(monotonic())
            await asyncio.sleep(0.05)

    task = loop.create_task(sweep())
    try:
        yield made
    finally:
        task.cancel()
        made.leave(loop)
        made.stop(loop)


class Pair:
    """A client and a server in memory; `answer` is the packet door."""

    def __init__(self, pair: tuple[Path, Path], answer: Callable[[bytes], bytes]) -> None:
        self.client = QuicConnection(configuration=calling(pair[0]))
        self.client.connect(("127.0.0.1", 853), monotonic())
        first = self.client.original_destination_connection_id
        made = configuration(str(pair[0]), str(pair[1]))
        assert made is not None
        server = QuicConnection(configuration=made, original_destination_connection_id=first)
        self.routes: dict[bytes, Doq] = {}
        self.server = Doq(server, answer, self.routes, first, monotonic())
        self.told: list[QuicEvent] = []
        self.answered = 0
        self.exchange()

    def exchange(self) -> None:
        """Let both say all that they have to say."""
        busy = True
        while busy:
            said = self.client.datagrams_to_send(monotonic())
            for datagram, _ in said:
                self.server.connection.receive_datagram(datagram, CLIENT, monotonic())
                self.answered += self.server.take(monotonic())
            replied = self.server.to_send(monotonic())
            for datagram, _ in replied:
                self.client.receive_datagram(datagram, ("127.0.0.1", 853), monotonic())
                while (event := self.client.next_event()) is not None:
                    self.told.append(event)
            busy = bool(said or replied)

    def send(self, body: bytes, *, end: bool = True) -> int:
        """Bytes on a new stream; returns its number."""
        stream = self.client.get_next_available_stream_id()
        self.client.send_stream_data(stream, body, end_stream=end)
        self.exchange()
        return stream
