"""Each reply that is nobody's answer is counted once, as what it is, every time it is sent."""

from collections.abc import Callable
from typing import Final

import dns.edns
import dns.message
import pytest
from msgspec import structs

from fedns.answers import counters
from fedns.answers.counters import ReplyCount
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.rules import RateLimit
from tests.answers.replicas import NOW, RULES, WEB, replica

COOKIE: Final = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"8 bytes!")
QUERY: Final = dns.message.make_query(WEB, "A", id=1).to_wire()
WITH_COOKIE: Final = dns.message.make_query(WEB, "A", id=1, use_edns=0, options=[COOKIE]).to_wire()
ONLY_EDNS: Final = bytes(4) + b"\0\0\0\0\0\0\0\1" + b"\0\0\x29\4\xd0\0\0\0\0\0\0"
ONLY_COOKIE: Final = ONLY_EDNS[:-2] + b"\0\x0c\0\x0a\0\x08" + b"8 bytes!"
LIMITED: Final = structs.replace(
    RULES, rate_limit=RateLimit(responses_per_second=1, slip=2), cookie_secrets=(bytes(16),)
)
TIMES: Final = 3


def asked(held: Replica, packet: bytes, times: int) -> list[bytes]:
    """The replies to the same packet, sent several times."""
    view = held.view("127.0.0.1", stream=False)
    return [respond(packet, view, held, NOW) for _ in range(times)]


def dropped(held: Replica) -> dict[str, int]:
    """What was dropped, by reason, without those that nothing was dropped for."""
    return {reason: count for reason, count in counters.drops(held.counts).items() if count}


REFUSED: Final = {
    "a fragment": (b"short", None),
    "a header without a question": (bytes(12), "FORMERR"),
    "another opcode": (b"\0\1\x28\0" + QUERY[4:], "NOTIMP"),
    "EDNS without question and cookie": (ONLY_EDNS, "FORMERR"),
    "a cookie alone": (ONLY_COOKIE, "NOERROR"),
}


@pytest.mark.parametrize(("packet", "rcode"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_question_is_counted_each_time(packet: bytes, rcode: str | None) -> None:
    """As a reply about no zone and no type, or as malformed where nothing is replied."""
    held = replica(structs.replace(RULES, cookie_secrets=(bytes(16),)))
    replies = asked(held, packet, TIMES)
    assert dropped(held) == ({} if rcode else {"malformed": TIMES})
    sent = [ReplyCount("udp", "1", "local", "none", "other", rcode, TIMES)] if rcode else []
    assert list(counters.replies(held.counts)) == sent
    # An OPT record comes back to whom sent one (RFC 6891 section 7).
    assert all(reply[11] == packet[11] for reply in replies if reply)


def test_a_server_without_cookies_knows_no_query_for_one() -> None:
    """Without a question it is malformed there, and the OPT record comes back all the same."""
    (reply,) = asked(replica(), ONLY_COOKIE, 1)
    assert (reply[3] & 0xF, reply[10:12]) == (1, b"\0\1")


LIMITS: Final[dict[str, tuple[bytes, Callable[[memoryview], int], str]]] = {
    "to TCP": (QUERY, lambda counts: counts[counters.TRUNCATED_BY_LIMIT], "NOERROR"),
    "to ask with a cookie": (WITH_COOKIE, lambda counts: counts[counters.BAD_COOKIES], "BADCOOKIE"),
}


@pytest.mark.parametrize(("packet", "told", "rcode"), LIMITS.values(), ids=LIMITS)
def test_every_second_response_over_the_limit_is_sent_elsewhere(
    packet: bytes, told: Callable[[memoryview], int], rcode: str
) -> None:
    """The first is answered; of those after it one half is dropped, the other half told what to do."""
    held = replica(LIMITED)
    replies = asked(held, packet, 7)
    assert [bool(reply) for reply in replies] == [True, False, True, False, True, False, True]
    assert told(held.counts) == 3
    assert dropped(held) == {"rate_limited": 3}
    outside = [each for each in counters.replies(held.counts) if each.zone == "none"]
    assert outside == [ReplyCount("udp", "1", "local", "none", "other", rcode, 3)]


def test_what_is_no_question_is_dropped_over_the_limit() -> None:
    """TCP would not help: one reply, then silence, each of it counted."""
    held = replica(LIMITED)
    assert [bool(reply) for reply in asked(held, bytes(12), 4)] == [True, False, False, False]
    assert dropped(held) == {"rate_limited": 3}


def test_a_header_alone_is_enough_for_a_reply_to_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve bytes get SERVFAIL, eleven silence."""

    def broken(_packet: bytes) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("fedns.answers.respond.parse", broken)
    held = replica()
    assert asked(held, b"\7\7\1\0" + bytes(8), 1) == [b"\7\7\x81\2" + bytes(8)]
    assert asked(held, bytes(11), 1) == [b""]
    # Of the flags the opcode and RD come back, as they were.
    assert asked(held, b"\7\7\xff\xff" + bytes(8), 1) == [b"\7\7\xf9\2" + bytes(8)]
    assert asked(held, b"\7\7" + bytes(10), 1) == [b"\7\7\x80\2" + bytes(8)]
