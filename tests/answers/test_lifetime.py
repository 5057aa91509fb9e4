"""Lifetime: what dnspython reads in a reply, for every kind of reply."""

import dns.message
import dns.rdatatype
import pytest

from fedns.answers.lifetime import lifetime
from fedns.answers.respond import respond
from tests.answers.replicas import NOW, WEB, ZONE, replica


@pytest.mark.parametrize(
    ("name", "qtype", "kept"),
    [
        (WEB, "A", 5),
        (f"_http._tcp.{WEB}", "SRV", 5),
        ("example.com", "SOA", 5),
        (f"none.shop.{ZONE}", "A", 5),
        (WEB, "MX", 5),
        ("example.org", "A", 0),
    ],
    ids=["addresses", "services", "a zone", "no such name", "no such type", "refused"],
)
def test_a_reply_lives_as_long_as_its_shortest_record(name: str, qtype: str, kept: int) -> None:
    """With TTLs of its own for each record, and with and without EDNS; what says nothing is not kept."""
    held = replica()
    for edns in (False, 0):
        packet = dns.message.make_query(name, qtype, use_edns=edns).to_wire()
        reply = respond(packet, held.view("127.0.0.1", stream=True), held, NOW)
        assert lifetime(reply) == kept
        message = dns.message.from_wire(reply)
        section = message.answer or message.authority
        if not section:
            continue
        section[-1].ttl = 3
        assert lifetime(message.to_wire()) == 3
        section[-1].ttl = 9
        if section[-1].rdtype == dns.rdatatype.SOA and not message.answer:
            assert lifetime(message.to_wire()) == 5, "the minimum of the SOA bounds it"


def test_what_has_no_question_is_not_kept() -> None:
    """A reply that is but a header."""
    assert lifetime(bytes(12)) == 0
