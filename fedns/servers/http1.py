"""HTTP/1.1 (RFC 9112) on one connection, by the library h11: bytes in, requests answered, bytes out.

It knows no socket. RFC 8484 recommends HTTP/2; this is for simple clients, and proxies that speak the older one.
"""

from typing import Final

import h11

from fedns.servers.doh import MAX_HEAD_BYTES, MAX_REQUESTS, Answer, Request, Response
from fedns.servers.peer import MAX_QUERY_BYTES

_OVER: Final = (h11.PAUSED, h11.NEED_DATA)


class Http1:
    """The server's side. `fault` says why it is over: a reason of DROP_REASONS, empty for an orderly end."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._request: Request | None = None
        self._body = bytearray()
        self._out = bytearray()
        self._count = 0
        self.over = False
        self.fault = ""

    @property
    def pending(self) -> bool:
        """Whether a request has begun."""
        return self._request is not None or bool(self._connection.trailing_data[0])

    def receive(self, chunk: bytes) -> int:
        """Take bytes; returns how many requests were answered."""
        before = self._count
        self._connection.receive_data(chunk)
        while not self.over:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint)
                # Its frames hold it, and all of the connection with it, until the garbage collector looks: seldom.
                error.__traceback__ = None
                break
            if event in _OVER:
                break
            self._take(event)
        return self._count - before

    def to_send(self) -> bytes:
        """What is to be sent now."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def forget(self) -> None:
        """The connection is gone: nothing holds on to what was known of it."""

    def leave(self) -> None:
        """Take no more requests; each response so far was whole."""
        self.over = True

    def _take(self, event: object) -> None:
        match event:
            case h11.Request():
                media_type = next((value for name, value in event.headers if name == b"content-type"), b"")
                method, target = event.method.decode("latin-1"), event.target.decode("latin-1")
                self._request = Request(method, target, media_type.decode("latin-1"))
                if self._connection.they_are_waiting_for_100_continue:
                    self._say(h11.InformationalResponse(status_code=100, headers=[]))
            case h11.Data():
                self._body += event.data
                if len(self._body) > MAX_QUERY_BYTES and self._request is not None:
                    # It is answered at once, and the rest of the body is not waited for: the connection is over.
                    self._respond(self._answer(self._request._replace(too_long=True)), last=True)
            case h11.EndOfMessage():
                assert self._request is not None
                last = self._count + 1 >= MAX_REQUESTS
                self._respond(self._answer(self._request._replace(body=bytes(self._body))), last=last)
            case _:
                # The client has closed its side.
                self.over = True

    def _respond(self, response: Response, *, last: bool) -> None:
        self._count += 1
        headers = [*response.headers, *([(b"connection", b"close")] if last else [])]
        self._say(h11.Response(status_code=response.status, headers=headers))
        self._say(h11.Data(data=response.body))
        self._say(h11.EndOfMessage())
        self._request = None
        self._body.clear()
        self.over = last or self._connection.our_state is not h11.DONE
        if not self.over:
            self._connection.start_next_cycle()

    def _refuse(self, status: int) -> None:
        """What is no HTTP: told so where nothing else is being said, and ended."""
        self.over, self.fault = True, "malformed"
        if self._connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._say(h11.Response(status_code=status, headers=[(b"content-length", b"0"), (b"connection", b"close")]))
            self._say(h11.EndOfMessage())

    def _say(self, event: h11.Event) -> None:
        self._out += self._connection.send(event) or b""
