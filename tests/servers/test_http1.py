"""HTTP/1.1 without a socket: texts in, texts out."""

import random

import pytest

from fedns.servers.doh import MAX_REQUESTS, Request, Response
from fedns.servers.http1 import Http1
from fedns.servers.peer import MAX_QUERY_BYTES

GET = b"GET /dns-query?dns=x HTTP/1.1\r\nHost: test\r\n\r\n"
TYPE = b"Content-Type: application/dns-message\r\n"
POST = b"POST /dns-query HTTP/1.1\r\nHost: test\r\n" + TYPE + b"Content-Length: 6\r\n\r\npacket"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"


class Talk:
    """A server, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.server = Http1(self._answer)

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        body = b"" if request.method == "HEAD" else b"reply"
        status = 200 if request.method in {"GET", "POST", "HEAD"} else 405
        return Response(413 if request.too_long else status, [(b"content-length", b"5")], body)

    def say(self, text: bytes, size: int = 1024) -> bytes:
        """What comes back."""
        for at in range(0, len(text), size):
            if not self.server.over:
                self.server.receive(text[at : at + size])
        return self.server.to_send()


@pytest.mark.parametrize("size", [1, 7, 1024])
def test_requests_are_answered_in_order_and_in_any_split(size: int) -> None:
    """Pipelined, by GET and POST, with a length or in chunks."""
    talk = Talk()
    back = talk.say(GET + POST + CHUNKED, size)
    assert talk.asked == [
        Request("GET", "/dns-query?dns=x"),
        Request("POST", "/dns-query", "application/dns-message", b"packet"),
        Request("POST", "/a", "", b"abcd"),
    ]
    assert back.count(b"HTTP/1.1 200") == back.count(b"reply") == 3
    assert (talk.server.over, talk.server.pending) == (False, False)


def test_who_wants_to_be_told_to_go_on_is_told() -> None:
    """Expect: 100-continue; then the request is pending until its end."""
    talk = Talk()
    head, _, body = POST.partition(b"\r\n\r\n")
    assert talk.say(head + b"\r\nExpect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 100")
    assert talk.server.pending
    assert talk.say(body).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("text", "status", "fault"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400", "malformed"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400", "malformed"),
        (b"GET /" + b"a" * 20_000, b"431", "malformed"),
        (GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET, b"200", ""),
        (b"GET / HTTP/1.0\r\n\r\n", b"200", ""),
        (
            b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9999\r\n\r\n" + bytes(MAX_QUERY_BYTES + 1),
            b"413",
            "",
        ),
    ],
    ids=["TLS", "no host", "a long line", "a last request", "HTTP/1.0", "a long body"],
)
def test_what_ends_the_connection(text: bytes, status: bytes, fault: str) -> None:
    """With a last word, and nothing more is taken."""
    talk = Talk()
    back = talk.say(text)
    assert (talk.server.over, talk.server.fault) == (True, fault)
    assert back.startswith(b"HTTP/1.1 " + status)
    assert back.count(b"HTTP/1.1") == 1
    assert b"onnection: close" in back


def test_head_has_no_body() -> None:
    """Nor breaks what comes after it."""
    talk = Talk()
    back = talk.say(GET.replace(b"GET", b"HEAD") + GET)
    assert back.count(b"HTTP/1.1 200") == 2
    assert back.count(b"reply") == 1


def test_a_connection_has_an_end() -> None:
    """After so many requests; the last response says so."""
    talk = Talk()
    back = talk.say(GET * (MAX_REQUESTS + 5))
    assert len(talk.asked) == MAX_REQUESTS
    assert back.lower().count(b"connection: close") == 1
    assert talk.server.over


def test_a_client_that_has_gone_and_a_server_that_leaves() -> None:
    """Either end is an orderly one."""
    gone = Talk()
    gone.server.receive(b"")
    assert (gone.server.over, gone.server.fault) == (True, "")
    left = Talk()
    left.server.leave()
    assert (left.server.over, left.say(GET)) == (True, b"")


def test_bytes_of_strangers_never_raise() -> None:
    """Good requests with bytes changed, cut out and repeated."""
    chance = random.Random(8)
    others = GET.replace(b"GET", b"CONNECT") + GET.replace(b"\r\n\r\n", b"\r\nUpgrade: h2c\r\n\r\n")
    good = GET + POST + CHUNKED + others
    for _ in range(1500):
        spoilt = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(spoilt))
            piece = spoilt[at : at + chance.randint(1, 20)]
            spoilt[at : at + chance.randint(0, 20)] = chance.choice((chance.randbytes(3), piece * 2, b""))
        Talk().say(bytes(spoilt), 100)
