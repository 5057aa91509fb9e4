"""HTTP/2 without a socket: the client's side of h2 talks to the server's, in memory."""

import random

import pytest

from fedns.servers.doh import MAX_REQUESTS, Request, Response
from fedns.servers.http2 import MAX_WAITING, Http2
from fedns.servers.peer import MAX_QUERY_BYTES
from fedns.servers.web import PIECE_BYTES
from tests.servers.browsers import PATH, Answered, Browser


class Pair:
    """A client and a server, with what the server was asked."""

    def __init__(self, body: bytes = b"reply") -> None:
        self.asked: list[Request] = []
        self.body = body
        self.browser = Browser()
        self.server = Http2(self._answer)
        self.exchange()

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(413 if request.too_long else 200, [(b"x-test", b"1")], self.body)

    def exchange(self, size: int = PIECE_BYTES, *, let_through: bool = True) -> None:
        """Let both say all that they have to say, the client in pieces of so many bytes."""
        while said := self.browser.out():
            for at in range(0, len(said), size):
                if self.server.over:
                    break
                self.server.receive(said[at : at + size])
            self.browser.take(self.server.to_send(), let_through=let_through)
        self.browser.take(self.server.to_send(), let_through=let_through)


@pytest.mark.parametrize("size", [1, 10, PIECE_BYTES])
def test_requests_are_answered_in_any_split(size: int) -> None:
    """GET and POST, many at once, each with its own reply."""
    pair = Pair()
    get, post = pair.browser.ask("GET", f"{PATH}?dns=x"), pair.browser.post(b"packet")
    pair.exchange(size)
    assert [(each.method, each.target, each.body) for each in pair.asked] == [
        ("GET", f"{PATH}?dns=x", b""),
        ("POST", PATH, b"packet"),
    ]
    expected = Answered(200, {":status": "200", "x-test": "1"}, b"reply")
    assert pair.browser.answered == {get: expected, post: expected}
    assert not pair.server.pending


def test_a_response_without_a_body_ends_its_stream() -> None:
    """As one to HEAD."""
    pair = Pair(b"")
    stream = pair.browser.ask("HEAD", PATH)
    pair.exchange()
    assert pair.browser.answered[stream].body == b""


def test_a_body_that_is_too_long_is_not_waited_for() -> None:
    """It is answered at once, and the connection goes on."""
    pair = Pair()
    stream = pair.browser.ask("POST", PATH, bytes(MAX_QUERY_BYTES + 1), end=False)
    pair.exchange()
    assert pair.browser.answered[stream].status == 413
    assert stream in pair.browser.reset
    again = pair.browser.post(b"packet")
    pair.exchange()
    assert pair.browser.answered[again].status == 200


def test_a_reply_waits_for_the_clients_windows_and_others_do_not() -> None:
    """A long one comes when the window is opened, whole."""
    pair = Pair(bytes(range(256)) * 400)
    long = pair.browser.ask("GET", PATH)
    pair.exchange(let_through=False)
    assert long not in pair.browser.answered
    assert pair.server.pending
    pair.browser.h2.increment_flow_control_window(200_000)
    pair.browser.h2.increment_flow_control_window(200_000, long)
    pair.exchange()
    assert pair.browser.answered[long].body == pair.body
    assert not pair.server.pending


def test_a_client_that_lets_nothing_through_is_given_up() -> None:
    """What waits for it is bounded."""
    pair = Pair(bytes(60_000))
    for _ in range(MAX_WAITING // 60_000 + 3):
        pair.browser.ask("GET", PATH)
    pair.exchange(let_through=False)
    assert (pair.server.over, pair.server.fault) == (True, "slow_client")


def test_what_was_reset_is_not_worked_for() -> None:
    """The request and its reset come together, as in a rapid reset attack."""
    pair = Pair()
    stream = pair.browser.ask("GET", PATH)
    pair.browser.h2.reset_stream(stream)
    pair.exchange()
    assert not pair.asked
    half = pair.browser.ask("POST", PATH, b"x", end=False)
    pair.exchange()
    assert pair.server.pending
    pair.browser.h2.reset_stream(half)
    pair.exchange()
    assert (pair.server.pending, pair.server.over) == (False, False)


def test_floods_end_the_connection() -> None:
    """Rapid resets; the client is told to calm down (RFC 9113 section 7: 0xb)."""
    pair = Pair()
    for _ in range(200):
        pair.browser.h2.reset_stream(pair.browser.ask("GET", PATH))
        pair.exchange()
        if pair.server.over:
            break
    assert (pair.server.fault, pair.browser.ended) == ("flood", 0xB)
    assert not pair.asked


def test_a_connection_has_an_end() -> None:
    """After so many requests, with a goodbye that is no error."""
    pair = Pair()
    for _ in range(MAX_REQUESTS):
        pair.browser.ask("GET", PATH)
        pair.exchange()
    assert len(pair.browser.answered) == MAX_REQUESTS
    assert (pair.server.over, pair.server.fault, pair.browser.ended) == (True, "", 0)


def test_goodbyes() -> None:
    """The client's ends it; the server's tells the client which requests were answered."""
    pair = Pair()
    pair.browser.h2.close_connection()
    pair.exchange()
    assert (pair.server.over, pair.server.fault) == (True, "")
    other = Pair()
    other.server.leave()
    other.server.leave()
    other.exchange()
    assert (other.server.over, other.browser.ended) == (True, 0)


def test_what_is_no_http_is_malformed() -> None:
    """And nothing more is taken."""
    server = Http2(lambda _request: Response(200, [], b""))
    server.receive(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert (server.over, server.fault) == (True, "malformed")


def test_bytes_of_strangers_never_raise() -> None:
    """Good streams with bytes changed, cut out and repeated: each ends or goes on, and none is an error of ours."""
    chance = random.Random(8)
    browser = Browser()
    for at in range(6):
        browser.post(bytes(30 * at))
        browser.ask("GET", f"{PATH}?dns=AAAA", kind="x" * at * 50)
    good = browser.out()
    for _ in range(500):
        spoilt = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(24, len(spoilt))
            piece = spoilt[at : at + chance.randint(1, 20)]
            spoilt[at : at + chance.randint(0, 20)] = chance.choice((chance.randbytes(3), piece * 2, b""))
        server = Http2(lambda _request: Response(200, [(b"x", b"y")], b"reply"))
        for at in range(0, len(spoilt), PIECE_BYTES):
            if not server.over:
                server.receive(bytes(spoilt[at : at + PIECE_BYTES]))
                server.to_send()
