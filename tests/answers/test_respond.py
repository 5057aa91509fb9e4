"""The packet door: whatever comes in, what goes out is right, fits, and is counted."""

from collections import Counter

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.answers import counters
from fedns.answers import respond as module
from fedns.answers.respond import respond
from tests.answers.replicas import NOW, RULES, WEB, addresses, ask, replica

QUERY = dns.message.make_query(WEB, "A").to_wire()


@given(st.binary(max_size=200) | st.builds(lambda tail: QUERY[:20] + tail, st.binary(max_size=80)))
def test_no_bytes_make_it_raise_or_answer_too_long(packet: bytes) -> None:
    """Any bytes: silence, or a reply with the same id that says it is one, within the client's size."""
    held = replica()
    for stream in (False, True):
        reply = respond(packet, held.view("127.0.0.1", stream=stream), held, NOW)
        assert len(reply) <= (65_535 if stream else 1232)
        if reply:
            assert reply[:2] == packet[:2]
            assert reply[2] & 0x80
    assert held.counts[counters.DROPS + counters.DROP_REASONS.index("fault")] == 0


def test_addresses_take_turns_in_the_first_place() -> None:
    """The order goes round from one response to the next, remembered or not."""
    held = replica()
    firsts = Counter(addresses(ask(held, WEB))[0] for _ in range(9))
    assert set(firsts.values()) == {3}
    assert held.counts[counters.MISSES] == 1


@pytest.mark.parametrize("payload", [0, 512, 1232, 4096])
def test_a_large_set_goes_out_in_windows_without_truncation(payload: int) -> None:
    """What does not fit into UDP is shown in turns, every address equally often; TCP has all of them."""
    held = replica(pods=300)
    seen: Counter[str] = Counter()
    while not seen or len(seen) < 300:
        reply = ask(held, WEB, payload=payload)
        assert not reply.flags & dns.flags.TC
        seen.update(addresses(reply))
    assert max(seen.values()) - min(seen.values()) <= 1
    assert len(addresses(ask(held, WEB, stream=True))) == 300


def test_clients_in_other_places_have_their_own_answers() -> None:
    """The view decides, also when the packet is the same."""
    held = replica()
    assert {each[:5] for each in addresses(ask(held, WEB))} == {"10.1."}
    assert {each[:5] for each in addresses(ask(held, WEB, source="10.9.0.1"))} == {"10.2."}


def test_the_server_names_itself_where_asked() -> None:
    """NSID (RFC 5001) is in the reply only when the query asks, and only when one is configured."""
    option = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
    assert [each.to_wire() for each in ask(replica(), WEB, options=[option]).options] == [b"here"]
    assert not ask(replica(), WEB).options
    assert not ask(replica(structs.replace(RULES, nsid="")), WEB, options=[option]).options


def test_extended_errors_need_edns() -> None:
    """An unusual answer says why, but only to a client that sent an OPT record (RFC 8914)."""
    held = replica()
    assert [each.code for each in ask(held, "example.org").extended_errors()] == [20]
    assert not ask(held, "example.org", payload=0).extended_errors()


def test_malformed_packets_are_refused_or_dropped_and_counted() -> None:
    """A broken query is FORMERR under its own id; a reply or a fragment of a header is silence."""
    held = replica()
    view = held.view("127.0.0.1", stream=False)
    assert respond(QUERY[:14], view, held, NOW)[3] & 15 == 1
    assert not respond(QUERY[:8], view, held, NOW)
    assert held.counts[counters.DROPS + counters.DROP_REASONS.index("malformed")] == 1
    assert [(each.rcode, each.sent) for each in counters.replies(held.counts)] == [("FORMERR", 1)]


def test_a_bug_costs_one_servfail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong inside becomes SERVFAIL and a count, or silence where there is not even a header."""

    def broken(_packet: bytes) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "parse", broken)
    held = replica()
    view = held.view("127.0.0.1", stream=False)
    reply = dns.message.from_wire(respond(QUERY, view, held, NOW))
    assert (reply.rcode(), reply.id) == (2, int.from_bytes(QUERY[:2]))
    assert not respond(b"short", view, held, NOW)
    assert held.counts[counters.DROPS + counters.DROP_REASONS.index("fault")] == 2


def test_a_bug_in_a_remembered_answer_costs_one_servfail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later responses are encoded when their turn comes: the promise holds there too."""
    held = replica()
    view = held.view("127.0.0.1", stream=False)
    assert dns.message.from_wire(respond(QUERY, view, held, NOW)).rcode() == 0

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "write", broken)
    assert dns.message.from_wire(respond(QUERY, view, held, NOW)).rcode() == 2


def test_uncacheable_answers_are_made_each_time() -> None:
    """What depends on the client's own address is never remembered."""
    held = replica()
    for source in ("127.0.0.1", "127.0.0.2"):
        assert source in ask(held, "_whoami.example.com", "TXT", source=source).answer[0].to_text()
