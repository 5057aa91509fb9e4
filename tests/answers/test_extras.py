"""EDNS options that change nothing of the answer: said back at its end, on the transports where they belong."""

from collections.abc import Sequence

import dns.edns
import dns.message
import pytest
from msgspec import structs

from fedns.answers import codes
from fedns.answers.extras import KEEPALIVE, PADDING_BYTES
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from tests.answers.replicas import NOW, RULES, WEB, addresses, ask, replica

COOKIE = dns.edns.GenericOption(dns.edns.OptionType.make(codes.COOKIE), b"8 bytes!")
ALIVE = dns.edns.GenericOption(dns.edns.OptionType.make(codes.TCP_KEEPALIVE), b"")
PADDING = dns.edns.GenericOption(dns.edns.OptionType.make(codes.PADDING), bytes(9))
NSID = dns.edns.GenericOption(dns.edns.OptionType.make(codes.NSID), b"")
UNKNOWN = dns.edns.GenericOption(dns.edns.OptionType.make(65_001), b"x")


def wire(held: Replica, options: Sequence[dns.edns.Option], *, stream: bool = False, secure: str = "") -> bytes:
    """The reply to a question with options, as it travels."""
    query = dns.message.make_query(WEB, "A", use_edns=0, payload=1232, options=list(options))
    return respond(query.to_wire(), held.view("127.0.0.1", stream=stream, secure=secure), held, NOW)


def codes_of(reply: bytes) -> list[int]:
    """The options of a reply."""
    return sorted(int(each.otype) for each in dns.message.from_wire(reply).options)


def secret(**changes: object) -> Replica:
    """A replica with a cookie secret."""
    return replica(structs.replace(RULES, cookie_secrets=(bytes(16),), **changes))


def test_a_client_that_shows_a_cookie_gets_one_that_is_good() -> None:
    """The reply has the client's own cookie and ours; shown again, it comes back as it is."""
    held = secret()
    (first,) = ask(held, WEB, options=[COOKIE]).options
    assert first.to_wire()[:8] == b"8 bytes!"
    (again,) = ask(
        held, WEB, options=[dns.edns.GenericOption(dns.edns.OptionType.make(codes.COOKIE), first.to_wire())]
    ).options
    assert again.to_wire() == first.to_wire()


def test_cookies_can_be_off() -> None:
    """Then the option is one that is not known."""
    assert not ask(secret(cookies=False), WEB, options=[COOKIE]).options


@pytest.mark.parametrize(
    ("stream", "secure", "told"),
    [(False, "", []), (True, "", [11]), (True, "dot", [11, 12]), (True, "https", [12]), (True, "quic", [12])],
    ids=["UDP", "TCP", "TLS", "HTTPS", "QUIC"],
)
def test_keepalive_and_padding_have_their_transports(told: list[int], *, stream: bool, secure: str) -> None:
    """Keepalive on TCP and TLS only (RFC 7828, 9250), padding where it hides something (RFC 8467), to whole blocks."""
    reply = wire(replica(), [ALIVE, PADDING], stream=stream, secure=secure)
    assert codes_of(reply) == told
    assert reply.endswith(KEEPALIVE) is (11 in told)
    assert (len(reply) % PADDING_BYTES == 0) is bool(secure)
    assert len(addresses(dns.message.from_wire(reply))) == 3


def test_all_supported_options_are_answered_at_once() -> None:
    """As BIND does (RFC 8906 section 8.2.5): and what is not known is not echoed."""
    subnet = dns.edns.ECSOption("10.9.1.0", 24)
    reply = dns.message.from_wire(wire(secret(), [UNKNOWN, NSID, COOKIE, subnet]))
    assert {int(each.otype) for each in reply.options} == {codes.NSID, codes.COOKIE, codes.CLIENT_SUBNET}
    assert not reply.extended_errors()


def test_options_that_are_appended_leave_room_for_themselves() -> None:
    """However large the set: never over the client's size, and no record is lost."""
    held = replica(structs.replace(RULES, cookie_secrets=(bytes(16),)), pods=300)
    for payload in (512, 600, 1231, 1232):
        for options in ([COOKIE], [COOKIE, NSID, dns.edns.ECSOption("2001:db8::", 128)]):
            reply = ask(held, WEB, payload=payload, options=options)
            assert len(reply.options) == len(options)
            assert len(addresses(reply)) > 10


def test_options_go_behind_an_extended_error() -> None:
    """An answer with options of its own gets more of them, and one whose options did not fit has only those."""
    held = secret()
    reply = ask(held, "example.org", options=[COOKIE, NSID])
    assert sorted(int(each.otype) for each in reply.options) == [codes.NSID, codes.COOKIE, codes.EDE]
    narrow = replica(structs.replace(RULES, cookie_secrets=(bytes(16),), nsid="n" * 128), pods=300)
    reply = ask(narrow, WEB, options=[COOKIE, NSID])
    assert codes.COOKIE in {int(each.otype) for each in reply.options}


def test_a_trusted_resolver_asks_for_its_client() -> None:
    """The answer is that of the client's place, the scope says how far it holds, a hint wins over a subnet."""
    held = replica(structs.replace(RULES, ecs_from=("127.0.0.1/32",)))
    subnet = dns.edns.ECSOption("10.9.1.0", 24)
    hint = dns.edns.GenericOption(dns.edns.OptionType.make(codes.LOCATION), b"cluster=eu1 zone=eu-a")
    reply = ask(held, WEB, options=[subnet])
    assert {each[:5] for each in addresses(reply)} == {"10.2."}
    assert [(each.address, each.srclen, each.scopelen) for each in reply.options] == [("10.9.1.0", 24, 16)]
    assert {each[:5] for each in addresses(ask(held, WEB, options=[subnet, hint]))} == {"10.1."}
    assert {each[:5] for each in addresses(ask(held, WEB, source="127.0.0.2", options=[subnet, hint]))} == {"10.1."}
    told = [each.to_text() for each in ask(held, "_whoami.example.com", "TXT", options=[subnet]).answer]
    assert any("subnet=10.9.1.0/24" in each for each in told)
    assert any("rule=10.9.0.0/16" in each for each in told)
    told = [each.to_text() for each in ask(held, "_whoami.example.com", "TXT", options=[hint]).answer]
    assert any("rule=hint" in each for each in told)
