"""The packet door: whatever comes in, what goes out is right, fits, and is counted."""

from collections import Counter
from typing import Any

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.answers import counters
from fedns.answers import respond as module
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.rules import RateLimit
from fedns.answers.wire import Change, Members, NewRules, Replace
from tests.answers.replicas import NOW, RULES, WEB, ZONE, addresses, ask, export, replica

COOKIE = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"8 bytes!")
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


def test_a_plain_packet_is_found_by_its_bytes_the_third_time() -> None:
    """The first asking resolves, the second is found by its question, from then on no packet is parsed."""
    held = replica()
    for misses, parsed in ((1, 0), (1, 1), (1, 1), (1, 1)):
        ask(held, WEB)
        assert (held.counts[counters.MISSES], held.counts[counters.PARSED_HITS]) == (misses, parsed)


def test_random_case_cookies_and_sizes_have_one_answer() -> None:
    """What changes nothing of the answer costs no second resolution, and the addresses go round over all of them."""
    held = replica(structs.replace(RULES, cookie_secrets=(bytes(16),)))
    cookie = [dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"8 bytes!")]
    firsts: Counter[str] = Counter()
    for name in (WEB, WEB.upper(), WEB.title()):
        for flags in (0, dns.flags.AD, dns.flags.CD):
            query = dns.message.make_query(name, "A", use_edns=0, payload=1200)
            query.flags |= flags
            reply = dns.message.from_wire(respond(query.to_wire(), held.view("127.0.0.1", stream=False), held, NOW))
            assert reply.question[0].name.to_text(omit_final_dot=True) == name
            firsts[addresses(reply)[0]] += 1
            ask(held, name, payload=1190, options=cookie)
    assert sorted(firsts.values()) == [3, 3, 3]
    assert held.counts[counters.MISSES] == 1
    assert held.counts[counters.PARSED_HITS] > 9


def test_a_query_for_a_cookie_alone_is_answered() -> None:
    """RFC 7873 section 5.4: no question, no answer, a cookie; without cookies it is malformed."""
    query = dns.message.make_query(WEB, "A", use_edns=0)
    query.use_edns(options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"8 bytes!")])
    query.question.clear()
    held = replica(structs.replace(RULES, cookie_secrets=(bytes(16),)))
    reply = dns.message.from_wire(respond(query.to_wire(), held.view("127.0.0.1", stream=False), held, NOW))
    assert (reply.rcode(), reply.question) == (0, [])
    (cookie,) = reply.options
    query.use_edns(options=[cookie])
    reply = dns.message.from_wire(respond(query.to_wire(), held.view("127.0.0.1", stream=False), held, NOW))
    assert reply.options == (cookie,)
    held = replica()
    reply = dns.message.from_wire(respond(query.to_wire(), held.view("127.0.0.1", stream=False), held, NOW))
    assert reply.rcode() == 1


LIMIT = RateLimit(responses_per_second=10, slip=2)
LIMITED = structs.replace(RULES, rate_limit=LIMIT, cookie_secrets=(bytes(16),))


def flood(held: Replica, packet: bytes, count: int, *, source: str = "192.0.2.1") -> list[dns.message.Message]:
    """The replies to one packet sent again and again within a moment."""
    view = held.view(source, stream=False)
    replies = (respond(packet, view, held, NOW) for _ in range(count))
    return [dns.message.from_wire(each) for each in replies if each]


def test_who_asks_too_much_is_sent_to_tcp_now_and_then() -> None:
    """Over the limit half is dropped, half is TC without content; other prefixes and TCP are not limited."""
    held = replica(LIMITED)
    replies = flood(held, QUERY, 30)
    cut = [each for each in replies if each.flags & dns.flags.TC]
    assert (len(replies), len(cut)) == (20, 10)
    assert not any(each.answer for each in cut)
    assert held.counts[counters.TRUNCATED_BY_LIMIT] == 10
    assert held.counts[counters.DROPS + counters.DROP_REASONS.index("rate_limited")] == 10
    assert not flood(held, b"\1\2" + QUERY[2:12] + b"\xff", 1)
    assert not flood(held, dns.message.make_query(WEB, "A", use_edns=0, options=[COOKIE]).to_wire()[:12], 1)
    assert len(flood(held, QUERY, 5, source="192.0.3.1")) == 5
    assert addresses(ask(held, WEB, source="192.0.2.1", stream=True))


def test_a_good_cookie_lifts_the_limit_and_another_one_is_told_so() -> None:
    """Under pressure a client without a good cookie gets BADCOOKIE with one; with that one it is not limited."""
    held = replica(LIMITED)
    flood(held, QUERY, 20)
    query = dns.message.make_query(WEB, "A", use_edns=0, options=[COOKIE])
    (told, *_) = flood(held, query.to_wire(), 2)
    assert (told.rcode(), told.answer) == (dns.rcode.BADCOOKIE, [])
    assert held.counts[counters.BAD_COOKIES] == 1
    query.use_edns(options=list(told.options))
    replies = flood(held, query.to_wire(), 50)
    assert len([each for each in replies if len(addresses(each)) == 3]) == 50
    query.question.clear()
    assert len(flood(held, query.to_wire(), 3)) == 3
    query.use_edns(options=[COOKIE])
    assert not flood(held, query.to_wire(), 3)


@pytest.mark.parametrize("options", [[], [COOKIE]], ids=["plain", "a client's cookie"])
def test_a_forger_gains_nothing(options: list[dns.edns.Option]) -> None:
    """10,000 queries a second with forged addresses of one /24: less comes out than 1.5 times what goes in."""
    held = replica(structs.replace(LIMITED, rate_limit=RateLimit()), pods=30)
    packet = dns.message.make_query(WEB, "A", use_edns=0, payload=4096, options=options).to_wire()
    sent = 0
    for number in range(20_000):
        view = held.view(bytes((192, 0, 2, number & 255)), stream=False)
        sent += len(respond(packet, view, held, NOW + number / 10_000))
    assert sent / (20_000 * len(packet)) <= 1.5


QUESTIONS = st.tuples(
    st.sampled_from([f"{host}.shop.{ZONE}" for host in ("web", "api", "db")] + [ZONE, f"shop.{ZONE}", "example.com"])
    | st.sampled_from([f"{host}.shop.svc.clusterset.local" for host in ("web", "api")] + [f"eu1.web.shop.{ZONE}"]),
    st.sampled_from(["A", "AAAA", "SRV", "SOA", "ANY"]),
    st.sampled_from([0, 512, 700, 1232]),
    st.booleans(),
    st.sampled_from(["127.0.0.1", "10.9.0.1"]),
    st.sampled_from([(), (COOKIE,), (dns.edns.ECSOption("10.9.7.0", 24),)]),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(("eu1", "us1")), st.sampled_from(("web", "api", "db")), st.integers(0, 3), st.integers())
    | QUESTIONS,
    max_size=30,
)
TRUSTING = structs.replace(RULES, ecs_from=("127.0.0.1/32",), cookie_secrets=(bytes(16),))


def change(held: Replica, cluster: str, name: str, pods: int) -> None:
    """A service of so many pods, or none."""
    made = [bytes((10, 1 + (cluster == "us1"), 0, pod)) for pod in range(1, pods + 1)]
    held.apply(Change(cluster, "shop", name, export(cluster, made, "eu-a", name=name) if pods else None), NOW)


@given(STEPS)
def test_a_remembered_answer_is_a_fresh_one(steps: list[tuple[Any, ...]]) -> None:
    """After any changes, whatever was asked in between: what is remembered is what would be made now, in any case."""
    held = replica(TRUSTING)
    for step in steps:
        if len(step) == 4:
            change(held, *step[:3])
            continue
        name, qtype, payload, upper, source, options = step
        for asked in (name, name.upper() if upper else name):
            # Twice and more: the second level, and then the first.
            remembered = [_content(held, asked, qtype, source, payload, options) for _ in range(3)]
            fresh = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
            fresh.apply(NewRules(held.rules), NOW)
            fresh.apply(Members(tuple(held.statuses.values())), NOW)
            for cluster in ("eu1", "us1"):
                fresh.apply(Replace(cluster, tuple(held.catalog.exports_of(cluster)), first=True, last=True), NOW)
            assert {*remembered} == {_content(fresh, asked, qtype, source, payload, options)}


def _content(
    held: Replica, name: str, qtype: str, source: str, payload: int, options: tuple[dns.edns.Option, ...]
) -> str:
    """A reply as text, whatever the order of its records, without its id."""
    reply = ask(held, name, qtype, source=source, payload=payload, options=options if payload else ())
    reply.id = 0
    return "\n".join(sorted(reply.to_text().splitlines()))


def test_extended_errors_are_counted_on_every_level() -> None:
    """Resolved, found by the question, or found by the packet: each reply counts under its code."""
    held = replica()
    held.tick(NOW + 400)
    for _ in range(4):
        ask(held, WEB, now=NOW + 400)
    assert counters.edes(held.counts)[3] == 4
