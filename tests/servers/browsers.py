"""A client of DNS over HTTPS that speaks HTTP/2, by the client's side of h2; and doors for it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset

from fedns.answers.replica import Replica
from fedns.servers.doh import MEDIA_TYPE
from fedns.servers.stream import StreamDoor
from fedns.servers.tls import Certificate
from fedns.servers.web import ALPN, Web
from tests.servers.streams import connect, opened

PATH = "/dns-query"


class Answered(NamedTuple):
    """A response as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes


class Browser:
    """The client's side of a connection: what is to be sent goes out by `out`, what comes in goes into `take`."""

    def __init__(self) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.answered: dict[int, Answered] = {}
        self.reset: set[int] = set()
        self.ended: int | None = None
        self._heads: dict[int, tuple[dict[str, str], bytearray]] = {}

    def ask(self, method: str, target: str, body: bytes = b"", kind: str = "", *, end: bool = True) -> int:
        """Begin a request; returns the number of its stream."""
        stream = self.h2.get_next_available_stream_id()
        named = {":method": method, ":scheme": "https", ":authority": "test", ":path": target}
        if kind:
            named["content-type"] = kind
        self.h2.send_headers(stream, list(named.items()), end_stream=end and not body)
        if body:
            self.h2.send_data(stream, body, end_stream=end)
        return stream

    def post(self, packet: bytes) -> int:
        """A query in a POST."""
        return self.ask("POST", PATH, packet, MEDIA_TYPE)

    def out(self) -> bytes:
        """What is to be sent."""
        return self.h2.data_to_send()

    def take(self, chunk: bytes, *, let_through: bool = True) -> None:
        """Take what the server sent; unless it is let through, no window is opened again."""
        for event in self.h2.receive_data(chunk):
            match event:
                case ResponseReceived(stream_id=int(stream), headers=headers):
                    self._heads[stream] = {str(name): str(value) for name, value in headers or ()}, bytearray()
                case DataReceived(stream_id=int(stream), data=bytes(some), flow_controlled_length=int(size)):
                    self._heads[stream][1].extend(some)
                    if let_through:
                        self.h2.acknowledge_received_data(size, stream)
                case StreamEnded(stream_id=int(stream)):
                    head, body = self._heads.pop(stream)
                    self.answered[stream] = Answered(int(head[":status"]), head, bytes(body))
                case StreamReset(stream_id=int(stream)):
                    self.reset.add(stream)
                case ConnectionTerminated(error_code=code):
                    self.ended = int(code or 0)
                case _:
                    pass


def trusting(certificate: Path, alpn: Iterable[str] = ALPN[:1]) -> ssl.SSLContext:
    """A client's side of TLS."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols(list(alpn))
    return context


@asynccontextmanager
async def door(
    listener: socket.socket, pair: tuple[Path, Path], held: Replica | None = None
) -> AsyncIterator[StreamDoor]:
    """An open door of HTTPS."""
    certificate = Certificate(str(pair[0]), str(pair[1]), ALPN)
    async with opened(listener, certificate, held, secure="https", speaks=partial(Web, path=PATH)) as made:
        yield made


class Session:
    """A browser with a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.browser = Browser()
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, listener: socket.socket, certificate: Path) -> "Session":
        """Connect."""
        return cls(*await connect(listener, trusting(certificate)))

    async def answer(self, stream: int) -> Answered:
        """Send what is to be sent, and wait for one response; raises EOFError when the server hangs up."""
        async with asyncio.timeout(20):
            while stream not in self.browser.answered:
                self.writer.write(self.browser.out())
                chunk = await self.reader.read(65_536)
                if not chunk:
                    raise EOFError
                self.browser.take(chunk)
        return self.browser.answered[stream]
