"""Replies out: dnslib and dnspython read what was meant, within the limit, and flags are those of the RFCs."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dnslib
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers import codes, packet, records
from fedns.answers.packet import Edns, Query, Record, write, write_options

NAME = records.name("Web.shop")
TEXT_LABEL = st.text("abcXYZ019-_", min_size=1, max_size=10).map(str.encode)

# Few labels, so that names share suffixes.
WIRE_NAMES = st.lists(st.sampled_from([b"web", b"Shop", b"eu1", b"svc"]) | TEXT_LABEL, max_size=5).map(records.name)
TTLS = st.integers(0, 2**31 - 1)
SHORT = st.integers(0, 65535)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(records.a, WIRE_NAMES, TTLS, st.binary(min_size=4, max_size=4)),
    st.builds(records.aaaa, WIRE_NAMES, TTLS, st.binary(min_size=16, max_size=16)),
    st.builds(records.srv, WIRE_NAMES, TTLS, SHORT, SHORT, SHORT, WIRE_NAMES),
    st.builds(records.txt, WIRE_NAMES, TTLS, st.text(max_size=20)),
    st.builds(records.txt, WIRE_NAMES, TTLS, st.integers(1, 9000).map("x".__mul__)),
    st.builds(records.ns, WIRE_NAMES, TTLS, WIRE_NAMES),
    st.builds(records.ptr, WIRE_NAMES, TTLS, WIRE_NAMES),
    st.builds(records.cname, WIRE_NAMES, TTLS, WIRE_NAMES),
    st.builds(records.soa, WIRE_NAMES, TTLS, WIRE_NAMES, WIRE_NAMES, st.integers(0, 2**32 - 1)),
)
SECTION = st.lists(RECORDS, max_size=8)


def question(name: bytes = NAME, *, edns: bool = True, dnssec_ok: bool = False, flags: int = 0x0100) -> Query:
    """A query for A."""
    said = Edns(1400, 0, dnssec_ok, ((3, b""),)) if edns else None
    return Query(0x1234, flags, name, 1, 1, said)


def read(wire: bytes) -> dns.message.Message:
    """A reply as dnspython reads it, one record an RRset."""
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def same(found: list[Any], meant: Sequence[Record]) -> bool:
    """Whether dnspython found these records; names are equal whatever their case."""
    return [(rrset.name, rrset.rdtype, rrset.ttl, rrset[0]) for rrset in found] == [
        (
            dns.name.from_wire(record.owner, 0)[0],
            record.rtype,
            record.ttl,
            dns.rdata.from_wire(RdataClass.IN, RdataType.make(record.rtype), record.rdata, 0, len(record.rdata)),
        )
        for record in meant
    ]


@given(WIRE_NAMES, SECTION, SECTION, SECTION, st.booleans())
def test_replies_read_back(
    name: bytes, answers: list[Record], authority: list[Record], additional: list[Record], edns: bool
) -> None:
    """Other programs read the records that were meant, also in messages over 16 KiB."""
    wire = write(question(name, edns=edns), 0, answers, authority, additional, limit=65_535)
    message = read(wire)
    assert same(message.answer, answers)
    assert same(message.authority, authority)
    assert same(message.additional, additional)
    assert message.question[0].name.to_wire() == name
    assert message.edns == (0 if edns else -1)
    reread = dnslib.DNSRecord.parse(wire)
    meant = list(chain(answers, authority, additional))
    found = [*reread.rr, *reread.auth, *(record for record in reread.ar if record.rtype != codes.OPT)]
    assert [(record.rname, record.rtype, record.ttl) for record in found] == [
        (dnslib.DNSLabel(dns.name.from_wire(record.owner, 0)[0].labels[:-1]), record.rtype, record.ttl)
        for record in meant
    ]


def test_a_reply_of_64_kib_reads_back() -> None:
    """Pointers stay within 14 bits where the message is much longer, and it is still compressed."""
    answers = [
        records.ns(records.name(f"{at % 997}.shop"), 5, records.name(f"{at % 991}.Web.shop")) for at in range(3000)
    ]
    wire = write(question(), 0, answers, limit=65_535)
    assert 50_000 < len(wire) < 65_535
    assert same(read(wire).answer, answers)
    assert [record.rdata.label for record in dnslib.DNSRecord.parse(wire).rr] == [
        dnslib.DNSLabel(f"{at % 991}.web.shop") for at in range(3000)
    ]


@given(SECTION, SECTION, SECTION, st.integers(packet.MIN_LIMIT_BYTES, 4096), st.booleans())
def test_a_reply_fits_its_limit(
    answers: list[Record], authority: list[Record], additional: list[Record], limit: int, edns: bool
) -> None:
    """Additional records go first; TC says that answers went; no RRset is ever cut."""
    wire = write(question(edns=edns), 0, answers, authority, additional, limit=limit, options=[(15, b"\0\3old")])
    assert len(wire) <= limit
    message = read(wire)
    if message.flags & dns.flags.TC:
        assert message.answer == message.authority == message.additional == []
    else:
        assert same(message.answer, answers)
        assert same(message.authority, authority)
        assert same(message.additional, additional[: len(message.additional)])


ADDRESSES = [records.a(NAME, 5, bytes((10, 0, 0, at))) for at in range(20)]
EXTRA = [records.a(records.name(f"{host}.shop"), 5, bytes((10, 0, 1, at))) for host in "ab" for at in range(3)]
SOA = records.soa(records.name("shop"), 5, records.name("ns.shop"), records.name("admin.shop"), 1)
STALE = [(codes.EDE, b"\0\3eu1 is stale for 12 s")]


def size(*sections: Sequence[Record], options: Sequence[tuple[int, bytes]] = ()) -> int:
    """How long the reply with all of this is."""
    return len(write(question(), 0, *sections, limit=65_535, options=options))


FITS: dict[str, tuple[int, tuple[int, int, int, bool]]] = {
    "all": (size(ADDRESSES, [SOA], EXTRA, options=STALE), (20, 1, 6, True)),
    "a byte less": (size(ADDRESSES, [SOA], EXTRA, options=STALE) - 1, (20, 1, 3, True)),
    "one RRset more": (size(ADDRESSES, [SOA], EXTRA[:3], options=STALE), (20, 1, 3, True)),
    "part of an RRset": (size(ADDRESSES, [SOA], EXTRA[:2], options=STALE), (20, 1, 0, True)),
    "nothing more": (size(ADDRESSES, [SOA], options=STALE), (20, 1, 0, True)),
    "no options": (size(ADDRESSES, [SOA], options=STALE) - 1, (20, 1, 0, False)),
    "just the answer": (size(ADDRESSES, [SOA]), (20, 1, 0, False)),
    "TC": (size(ADDRESSES, [SOA]) - 1, (0, 0, 0, True)),
    "TC in the answer": (packet.MIN_LIMIT_BYTES, (0, 0, 0, True)),
}


@pytest.mark.parametrize(("limit", "kept"), FITS.values(), ids=FITS.keys())
def test_what_does_not_fit_goes_in_order(limit: int, kept: tuple[int, int, int, bool]) -> None:
    """Additional RRsets go first and whole, then the options, then everything with TC set."""
    message = read(write(question(), 0, ADDRESSES, [SOA], EXTRA, limit=limit, options=STALE))
    assert (len(message.answer), len(message.authority), len(message.additional), bool(message.options)) == kept
    assert bool(message.flags & dns.flags.TC) == (not message.answer)


def test_the_longest_question_always_fits() -> None:
    """The least limit holds the header, the longest name and OPT, whatever else was meant to go along."""
    name = b"\1a" * 127 + b"\0"
    wire = write(question(name), 0, ADDRESSES, limit=packet.MIN_LIMIT_BYTES, options=STALE)
    assert len(wire) == packet.MIN_LIMIT_BYTES
    assert read(wire).question[0].name.to_wire() == name


def test_a_record_beyond_any_limit_is_truncation() -> None:
    """Data that no record can hold (over 64 KiB) sets TC instead of raising."""
    message = read(write(question(), 0, [records.txt(NAME, 5, "x" * 70_000)], limit=65_535))
    assert message.flags & dns.flags.TC


FLAGS: dict[str, tuple[Query, bool, bool, str]] = {
    "authoritative": (question(), True, False, "QR AA RD"),
    "no recursion desired": (question(flags=0), True, False, "QR AA"),
    "nothing else is echoed": (question(flags=0x07FF), True, False, "QR AA RD"),
    "not authoritative": (question(), False, False, "QR RD"),
    "truncated at will": (question(), True, True, "QR AA TC RD"),
}


@pytest.mark.parametrize(("asked", "aa", "tc", "flags"), FLAGS.values(), ids=FLAGS.keys())
def test_flags_of_a_reply(asked: Query, *, aa: bool, tc: bool, flags: str) -> None:
    """RD is echoed; RA, Z, AD and CD are not set, whatever the query said (RFC 1035, 4035, 8906)."""
    message = read(write(asked, 0, [], limit=512, aa=aa, tc=tc))
    assert dns.flags.to_text(message.flags) == flags
    assert (message.id, message.rcode()) == (0x1234, 0)


@pytest.mark.parametrize(
    ("asked", "tc", "flags"), [(question(), False, 0x8100), (question(flags=0x07FF), True, 0x8300)]
)
def test_flags_of_a_reply_without_records(asked: Query, *, tc: bool, flags: int) -> None:
    """Who answers nothing is no authority: RD comes back, TC is set at will, and the rcode is whole."""
    message = read(write_options(asked, codes.BADCOOKIE, STALE, tc=tc))
    assert (message.flags & 0xFFF0, message.rcode()) == (flags, codes.BADCOOKIE)
    plain = write_options(question(edns=False, flags=0), codes.NOERROR, STALE)
    assert plain == b"\x12\x34\x80\0\0\1" + bytes(6) + NAME + b"\0\1\0\1"


def test_an_answer_alone_is_cut_at_its_limit() -> None:
    """With no other section, too, a byte too many is truncation."""
    fits = size(ADDRESSES)
    assert len(read(write(question(), 0, ADDRESSES, limit=fits)).answer) == 20
    assert len(write(question(), 0, ADDRESSES, limit=fits - 1)) < fits - 1


def test_types_of_one_owner_are_rrsets_of_their_own() -> None:
    """RFC 2181 section 5: an RRset has one owner and one type, so A may go along where AAAA does not fit."""
    pair = [records.a(NAME, 5, bytes(4)), records.aaaa(NAME, 5, bytes(16))]
    message = read(write(question(), 0, [], [], pair, limit=size([], [], pair) - 1))
    assert same(message.additional, pair[:1])


EDNS: dict[str, tuple[Query, int, tuple[int, int, bool, int]]] = {
    "no EDNS": (question(edns=False), codes.NXDOMAIN, (-1, 0, False, codes.NXDOMAIN)),
    "EDNS": (question(), codes.NXDOMAIN, (0, 1232, False, codes.NXDOMAIN)),
    "DO": (question(dnssec_ok=True), codes.NOERROR, (0, 1232, True, codes.NOERROR)),
    "extended rcode": (question(), codes.BADCOOKIE, (0, 1232, False, codes.BADCOOKIE)),
    "largest rcode without EDNS": (question(edns=False), 15, (-1, 0, False, 15)),
    "least extended rcode without EDNS": (question(edns=False), codes.BADVERS, (-1, 0, False, codes.SERVFAIL)),
    "extended rcode without EDNS": (question(edns=False), codes.BADCOOKIE, (-1, 0, False, codes.SERVFAIL)),
}


@pytest.mark.parametrize(("asked", "rcode", "said"), EDNS.values(), ids=EDNS.keys())
def test_opt_of_a_reply(asked: Query, rcode: int, said: tuple[int, int, bool, int]) -> None:
    """OPT answers OPT, with version 0, our payload and DO as asked (RFC 6891); without it there are 4 bits of rcode."""
    message = read(write(asked, rcode, [], limit=512, options=STALE))
    assert (message.edns, message.payload, bool(message.ednsflags & 0x8000), message.rcode()) == said
    # RFC 6891 section 6.1.4: no flag beside DO.
    assert not message.ednsflags & 0x7FFF
    assert [(option.otype, option.to_wire()) for option in message.options] == (STALE if asked.edns else [])


def test_owners_take_the_case_of_the_question() -> None:
    """Resolvers that play with case (0x20) find their own letters in question and answer."""
    message = read(write(question(b"\3wEb\4sHOP\0"), 0, ADDRESSES[:1], limit=512))
    assert message.answer[0].name.labels == (b"wEb", b"sHOP", b"")


def test_the_target_of_srv_is_never_compressed() -> None:
    """RFC 2782: the whole name stands in the data, though the message has it already."""
    record = records.srv(NAME, 5, 0, 100, 443, NAME)
    assert record.rdata in write(question(), 0, [record], limit=512)
