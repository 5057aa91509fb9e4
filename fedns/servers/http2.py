"""HTTP/2 (RFC 9113) on one connection, by the library h2: bytes in, requests answered, bytes out.

It knows no socket. A reply that the client's flow control does not let through waits, and no other does; what waits is
bounded.
"""

from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from fedns.servers.doh import MAX_HEAD_BYTES, MAX_REQUESTS, Answer, Request, Response
from fedns.servers.frames import Meter
from fedns.servers.peer import MAX_QUERY_BYTES

MAX_STREAMS: Final = 100
MAX_WAITING: Final = 256 * 1024
"""Bytes of replies that a client does not let through: one that has more is given up."""
_SETTINGS: Final = {
    SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
    SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES,
    SettingCodes.INITIAL_WINDOW_SIZE: 65_535,
}


class Http2:
    """The server's side. `fault` says why it is over: a reason of DROP_REASONS, empty for an orderly end."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        self._connection.local_settings = Settings(client=False, initial_values=_SETTINGS)
        self._connection.decoder.max_header_list_size = MAX_HEAD_BYTES
        self._connection.initiate_connection()
        self._meter = Meter(MAX_HEAD_BYTES)
        self._requests: dict[int, tuple[Request, bytearray]] = {}
        self._waiting: dict[int, bytes] = {}
        self._count = 0
        self.over = False
        self.fault = ""

    @property
    def pending(self) -> bool:
        """Whether a request has begun, or a reply has not been let through."""
        return bool(self._requests or self._waiting)

    def receive(self, chunk: bytes) -> int:
        """Take bytes; returns how many requests were answered."""
        before = self._count
        if not self._meter.take(chunk):
            self._end(ErrorCodes.ENHANCE_YOUR_CALM, "flood")
            return 0
        try:
            events = self._connection.receive_data(chunk)
            # What the client, or the library, has given up further on in these bytes is not worked for.
            if any(isinstance(event, ConnectionTerminated) for event in events):
                # It says goodbye, after which nothing may be sent.
                self.over = True
                return 0
            gone = {event.stream_id for event in events if isinstance(event, StreamReset)}
            for event in events:
                if getattr(event, "stream_id", None) not in gone:
                    self._take(event)
        except ProtocolError:
            # The library has put the reason into a GOAWAY already.
            self.over, self.fault = True, "malformed"
            return 0
        for stream in gone:
            self._requests.pop(stream, None)
            self._waiting.pop(stream, None)
        if sum(map(len, self._waiting.values())) > MAX_WAITING:
            self._end(ErrorCodes.ENHANCE_YOUR_CALM, "slow_client")
        elif self._count >= MAX_REQUESTS and not self.over:
            self.leave()
        return self._count - before

    def to_send(self) -> bytes:
        """What is to be sent now."""
        return self._connection.data_to_send()

    def forget(self) -> None:
        """The connection is gone: so is all that was known of it."""
        # The library's object is a ring, which would wait for the garbage collector, and that is seldom.
        vars(self._connection).clear()

    def leave(self) -> None:
        """Take no more requests: GOAWAY tells the client which were answered."""
        self._end(ErrorCodes.NO_ERROR, "")

    def _end(self, code: ErrorCodes, fault: str) -> None:
        if not self.over:
            self._connection.close_connection(code)
        self.over, self.fault = True, fault

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(stream), headers=headers):
                named = {str(name): str(value) for name, value in headers or ()}
                request = Request(named.get(":method", ""), named.get(":path", ""), named.get("content-type", ""))
                self._requests[stream] = (request, bytearray())
            case DataReceived(stream_id=int(stream)):
                self._add(stream, event)
            case StreamEnded(stream_id=int(stream)) if stream in self._requests:
                request, body = self._requests.pop(stream)
                self._respond(stream, self._answer(request._replace(body=bytes(body))))
            case WindowUpdated() | RemoteSettingsChanged():
                for stream in list(self._waiting):
                    self._write(stream, self._waiting.pop(stream))
            case _:
                pass

    def _add(self, stream: int, event: DataReceived) -> None:
        if event.flow_controlled_length:
            self._connection.acknowledge_received_data(event.flow_controlled_length, stream)
        if stream not in self._requests:
            return
        request, body = self._requests[stream]
        body += event.data or b""
        if len(body) > MAX_QUERY_BYTES:
            # It is answered at once; the rest of the body need not come (RFC 9113 section 8.1).
            del self._requests[stream]
            self._respond(stream, self._answer(request._replace(too_long=True)))
            if event.stream_ended is None and stream not in self._waiting:
                self._connection.reset_stream(stream, ErrorCodes.NO_ERROR)

    def _respond(self, stream: int, response: Response) -> None:
        self._count += 1
        self._meter.earn()
        headers = [(b":status", b"%d" % response.status), *response.headers]
        self._connection.send_headers(stream, headers, end_stream=not response.body)
        self._write(stream, response.body)

    def _write(self, stream: int, body: bytes) -> None:
        """As much as the client's windows allow; the rest waits."""
        connection, at = self._connection, 0
        while at < len(body):
            size = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size, len(body) - at)
            if size <= 0:
                self._waiting[stream] = body[at:]
                return
            connection.send_data(stream, body[at : at + size], end_stream=at + size == len(body))
            at += size
