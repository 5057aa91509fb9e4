"""DNS over QUIC without a socket: one query a stream, and what ends a connection."""

from pathlib import Path
from time import monotonic

import dns.edns
import dns.message
import pytest
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived

from fedns.servers.doq import HANDSHAKE_SECONDS, KEPT_SECONDS, Code
from fedns.servers.peer import IDLE_SECONDS, MAX_QUERY_BYTES, WRITE_STALL_SECONDS
from tests.answers.replicas import WEB
from tests.servers.dialers import Pair
from tests.settings.certificates import write_pair

QUERY = dns.message.make_query(WEB, "A", id=0).to_wire()
ALIVE = dns.edns.GenericOption(dns.edns.OptionType.make(11), b"")


def framed(packet: bytes) -> bytes:
    """A query as it travels."""
    return len(packet).to_bytes(2) + packet


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return write_pair(tmp_path_factory.mktemp("quic"), "one")


@pytest.fixture
def pair(files: tuple[Path, Path]) -> Pair:
    """A client and a server whose handshake is done; the packet door reverses, and is silent to short ones."""
    made = Pair(files, lambda packet: packet[::-1] if len(packet) >= 12 else b"")
    assert made.server.ready
    return made


def replies(pair: Pair) -> dict[int, bytes]:
    """What has come on each stream."""
    found: dict[int, bytes] = {}
    for event in pair.told:
        if isinstance(event, StreamDataReceived):
            found[event.stream_id] = found.get(event.stream_id, b"") + event.data
    return found


def test_each_stream_has_its_reply(pair: Pair) -> None:
    """With its length before it, and then the stream ends (RFC 9250 section 4.2)."""
    streams = [pair.send(framed(QUERY)) for _ in range(300)]
    assert replies(pair) == dict.fromkeys(streams, framed(QUERY[::-1]))
    assert all(event.end_stream for event in pair.told if isinstance(event, StreamDataReceived))
    assert pair.answered == 300


def test_a_query_may_come_in_pieces(pair: Pair) -> None:
    """It is answered when its stream ends, and has a deadline until then."""
    stream = pair.send(framed(QUERY)[:5], end=False)
    assert pair.server.deadline <= monotonic() + WRITE_STALL_SECONDS
    pair.client.send_stream_data(stream, framed(QUERY)[5:], end_stream=True)
    pair.exchange()
    assert replies(pair)[stream] == framed(QUERY[::-1])
    assert pair.server.deadline > monotonic() + KEPT_SECONDS - 20


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (framed(b"\0\1" + QUERY[2:]), Code.PROTOCOL_ERROR),
        (framed(dns.message.make_query(WEB, "A", id=0, use_edns=0, options=[ALIVE]).to_wire()), Code.PROTOCOL_ERROR),
        (framed(QUERY)[:-1], Code.PROTOCOL_ERROR),
        (framed(QUERY) * 2, Code.PROTOCOL_ERROR),
        (b"\0", Code.PROTOCOL_ERROR),
        (b"", Code.PROTOCOL_ERROR),
        (framed(bytes(11)), Code.PROTOCOL_ERROR),
        (framed(bytes(MAX_QUERY_BYTES + 1)), Code.EXCESSIVE_LOAD),
    ],
    ids=["an id", "keepalive", "a stump", "two queries", "half a length", "nothing", "no query", "too long"],
)
def test_what_ends_the_connection(pair: Pair, body: bytes, code: Code) -> None:
    """RFC 9250 section 4.3.3, with its code; nothing more is answered."""
    pair.send(body)
    pair.client.handle_timer(monotonic() + 60)
    told = pair.client.next_event()
    assert isinstance(told, ConnectionTerminated)
    assert told.error_code == code
    assert (pair.server.over, pair.server.code) == (True, code)
    assert pair.answered == 0


def test_a_stream_of_one_way_ends_the_connection(pair: Pair) -> None:
    """Queries have replies, so both sides must be able to speak."""
    stream = pair.client.get_next_available_stream_id(is_unidirectional=True)
    pair.client.send_stream_data(stream, framed(QUERY), end_stream=True)
    pair.exchange()
    assert pair.server.code == Code.PROTOCOL_ERROR


def test_a_query_that_is_given_up_leaves_nothing(pair: Pair) -> None:
    """Others on the connection go on."""
    stream = pair.send(b"\0", end=False)
    assert pair.server._begun
    pair.client.reset_stream(stream, Code.REQUEST_CANCELLED)
    pair.exchange()
    assert not pair.server._begun
    again = pair.send(framed(QUERY))
    assert replies(pair)[again] == framed(QUERY[::-1])


def test_routes_are_its_own_and_leave_with_it(pair: Pair) -> None:
    """Every id that the client may call it by leads to it."""
    assert len(pair.routes) > 2
    assert set(pair.routes.values()) == {pair.server}
    pair.server.end(Code.NO_ERROR)
    pair.exchange()
    pair.server.forget()
    assert not pair.routes


def test_a_handshake_has_a_deadline_and_a_first_query_another(files: tuple[Path, Path]) -> None:
    """Then those of queries count."""
    before = monotonic()
    pair = Pair(files, lambda packet: packet)
    assert before + IDLE_SECONDS <= pair.server.deadline <= monotonic() + IDLE_SECONDS
    assert HANDSHAKE_SECONDS < IDLE_SECONDS < KEPT_SECONDS


def test_there_is_nothing_to_resume(pair: Pair) -> None:
    """Without session tickets no early data can be sent, or replayed (RFC 9250 section 4.5)."""
    tickets: list[object] = []
    pair.client._session_ticket_handler = tickets.append
    pair.send(framed(QUERY))
    assert not tickets
