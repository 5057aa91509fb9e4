"""Queries in: strange packets are refused as the RFCs say, and what dnslib and dnspython ask is understood."""

from collections.abc import Sequence

import dns.edns
import dns.flags
import dns.message
import dns.name
import dnslib
import pytest
from dns.edns import OptionType
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers import codes
from fedns.answers.packet import Edns, Query, Refusal, parse, refuse, write

SILENCE = -1
NAME = b"\3Web\4shop\0"
QUESTION = NAME + b"\0\1\0\1"


def query(
    question: bytes = QUESTION, rest: bytes = b"", *, flags: int = 0x0100, counts: Sequence[int] = (1, 0, 0, 0)
) -> bytes:
    """A packet with id 0x1234, made by hand so that anything may be wrong with it."""
    return b"".join(number.to_bytes(2) for number in (0x1234, flags, *counts)) + question + rest


def opt(
    options: bytes = b"", *, owner: bytes = b"\0", version: int = 0, length: int | None = None, flags: int = 0x8000
) -> bytes:
    """An OPT record with DO set and a payload of 1400."""
    size = len(options) if length is None else length
    return owner + b"\0\x29\x05\x78" + bytes((0, version)) + flags.to_bytes(2) + size.to_bytes(2) + options


def option(code: int, content: bytes = b"") -> bytes:
    """One EDNS option."""
    return code.to_bytes(2) + len(content).to_bytes(2) + content


def asked(name: bytes) -> bytes:
    """A question for A of a wire name."""
    return name + b"\0\1\0\1"


TSIG = b"\3key\0" + b"\0\xfa\0\xff" + bytes(4) + b"\0\2" + b"xx"
EDNS = query(rest=opt(option(3) + option(10, b"8 bytes!")), counts=(1, 0, 0, 1))
A_RECORD = b"\0" + b"\0\1\0\1" + bytes(4) + b"\0\4" + b"\x0a\0\0\1"

GOOD: dict[str, tuple[bytes, Query]] = {
    "plain": (query(), Query(0x1234, 0x0100, NAME, 1, 1, None)),
    "root": (query(b"\0\0\6\0\3"), Query(0x1234, 0x0100, b"\0", 6, 3, None)),
    "every flag": (query(flags=0x07FF), Query(0x1234, 0x07FF, NAME, 1, 1, None)),
    "any bytes": (query(asked(b"\3\0\xff@\0")), Query(0x1234, 0x0100, b"\3\0\xff@\0", 1, 1, None)),
    "EDNS": (
        EDNS,
        Query(0x1234, 256, NAME, 1, 1, Edns(1400, 0, True, ((3, b""), (10, b"8 bytes!")))),
    ),
    # RFC 6891 section 6.1.4: a receiver ignores the bits beside DO.
    "EDNS flags of the future": (
        query(rest=opt(flags=0x7FFF), counts=(1, 0, 0, 1)),
        Query(0x1234, 256, NAME, 1, 1, Edns(1400, 0, False, ())),
    ),
}


@pytest.mark.parametrize(("wire", "parsed"), GOOD.values(), ids=GOOD.keys())
def test_a_good_query_is_read(wire: bytes, parsed: Query) -> None:
    """Case and flags stay as received, labels are folded."""
    assert parse(wire) == parsed


ADMITTED: dict[str, bytes] = {
    "longest label": query(asked(b"\x3f" + b"a" * 63 + b"\0")),
    "longest name": query(asked(b"\1a" * 127 + b"\0")),
    "32 options": query(rest=opt(option(65001) * 32), counts=(1, 0, 0, 1)),
    "largest query": query(rest=opt(option(65001, bytes(4096 - 26 - 15))), counts=(1, 0, 0, 1)),
    "largest query for a cookie": query(
        b"", opt(option(10, bytes(8)) + option(65001, bytes(4096 - 12 - 11 - 12 - 4))), counts=(0, 0, 0, 1)
    ),
}


@pytest.mark.parametrize("wire", ADMITTED.values(), ids=ADMITTED.keys())
def test_what_is_within_the_bounds_is_admitted(wire: bytes) -> None:
    """Every bound has its last good value."""
    assert isinstance(parse(wire), Query)


BAD: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", SILENCE),
    "11 bytes": (query()[:11], SILENCE),
    "a response": (query(flags=0x8000), SILENCE),
    "a response with an unknown opcode": (query(flags=0xF800), SILENCE),
    "header only": (query(b""), codes.FORMERR),
    "QDCOUNT 0": (query(b"", counts=(0, 0, 0, 0)), codes.FORMERR),
    "QDCOUNT 0 with EDNS and no cookie": (query(b"", opt(option(3)), counts=(0, 0, 0, 1)), codes.FORMERR),
    "QDCOUNT 0 with a cookie of 9 bytes": (query(b"", opt(option(10, bytes(9))), counts=(0, 0, 0, 1)), codes.FORMERR),
    "QDCOUNT 0 with EDNS 1": (query(b"", opt(option(10, bytes(8)), version=1), counts=(0, 0, 0, 1)), codes.BADVERS),
    "QDCOUNT 0 with a TSIG": (query(b"", TSIG, counts=(0, 0, 0, 1)), codes.NOTAUTH),
    "QDCOUNT 0 with a cookie and ANCOUNT 1": (
        query(b"", opt(option(10, bytes(8))), counts=(0, 1, 0, 1)),
        codes.FORMERR,
    ),
    "QDCOUNT 2 with a cookie": (query(b"", opt(option(10, bytes(8))), counts=(2, 0, 0, 1)), codes.FORMERR),
    "QDCOUNT 0 with a question": (query(counts=(0, 0, 0, 0)), codes.FORMERR),
    "QDCOUNT 2": (query(QUESTION * 2, counts=(2, 0, 0, 0)), codes.FORMERR),
    "10,877 pointer questions": (
        query(QUESTION + b"\xc0\x0c\0\1\0\1" * 10_877, counts=(10_878, 0, 0, 0)),
        codes.FORMERR,
    ),
    "ANCOUNT 1": (query(rest=A_RECORD, counts=(1, 1, 0, 0)), codes.FORMERR),
    "NSCOUNT 1": (query(rest=A_RECORD, counts=(1, 0, 1, 0)), codes.FORMERR),
    "NSCOUNT 2": (query(rest=A_RECORD * 2, counts=(1, 0, 2, 0)), codes.FORMERR),
    "IXFR": (query(NAME + b"\0\xfb\0\1", A_RECORD, counts=(1, 0, 1, 0)), codes.REFUSED),
    "IXFR with two SOA records": (query(NAME + b"\0\xfb\0\1", A_RECORD * 2, counts=(1, 0, 2, 0)), codes.FORMERR),
    "ARCOUNT 3": (query(rest=opt() * 3, counts=(1, 0, 0, 3)), codes.FORMERR),
    "label type 0x40": (query(asked(b"\x40a\0")), codes.FORMERR),
    "label type 0x80": (query(asked(b"\3web\x80a\0")), codes.FORMERR),
    "pointer": (query(asked(b"\xc0\x0c")), codes.FORMERR),
    "pointer after a label": (query(asked(b"\3web\xc0\x0c")), codes.FORMERR),
    "name of 256": (query(asked(b"\1a" * 126 + b"\2aa\0")), codes.FORMERR),
    "name without end": (query(b"\1a" * 2000), codes.FORMERR),
    "trailing byte": (query(rest=b"\0"), codes.FORMERR),
    "trailing OPT": (query(rest=opt()), codes.FORMERR),
    "trailing byte after OPT": (query(rest=opt() + b"\0", counts=(1, 0, 0, 1)), codes.FORMERR),
    "4,097 bytes": (query(rest=opt(option(65001, bytes(4097 - 26 - 15))), counts=(1, 0, 0, 1)), codes.FORMERR),
    "two OPT": (query(rest=opt() * 2, counts=(1, 0, 0, 2)), codes.FORMERR),
    "OPT in the answer section": (query(rest=opt(), counts=(1, 1, 0, 0)), codes.FORMERR),
    "OPT in the authority section": (query(rest=opt(), counts=(1, 0, 1, 0)), codes.FORMERR),
    "OPT that is not the root's": (query(rest=opt(owner=b"\1a\0"), counts=(1, 0, 0, 1)), codes.FORMERR),
    "OPT behind a pointer": (query(rest=opt(owner=b"\xc0\x15"), counts=(1, 0, 0, 1)), codes.FORMERR),
    "OPT after TSIG": (query(rest=TSIG + opt(), counts=(1, 0, 0, 2)), codes.FORMERR),
    "OPT longer than the packet": (query(rest=opt(length=1), counts=(1, 0, 0, 1)), codes.FORMERR),
    "option without length": (query(rest=opt(b"\0\3\0"), counts=(1, 0, 0, 1)), codes.FORMERR),
    "option longer than OPT": (query(rest=opt(b"\0\3\0\1"), counts=(1, 0, 0, 1)), codes.FORMERR),
    "malformed cookie": (query(rest=opt(option(10, bytes(7))), counts=(1, 0, 0, 1)), codes.FORMERR),
    "33 options": (query(rest=opt(option(65001) * 33), counts=(1, 0, 0, 1)), codes.FORMERR),
    "another record": (query(rest=A_RECORD, counts=(1, 0, 0, 1)), codes.FORMERR),
    "another record beside OPT": (query(rest=opt() + A_RECORD, counts=(1, 0, 0, 2)), codes.FORMERR),
    "EDNS version 1": (query(rest=opt(version=1), counts=(1, 0, 0, 1)), codes.BADVERS),
    "EDNS version 255": (query(rest=opt(version=255), counts=(1, 0, 0, 1)), codes.BADVERS),
    "EDNS version 1 with other options": (query(rest=opt(b"odd", version=1), counts=(1, 0, 0, 1)), codes.BADVERS),
    "TSIG": (query(rest=TSIG, counts=(1, 0, 0, 1)), codes.NOTAUTH),
    "OPT and TSIG": (query(rest=opt() + TSIG, counts=(1, 0, 0, 2)), codes.NOTAUTH),
}


@pytest.mark.parametrize(("wire", "rcode"), BAD.values(), ids=BAD.keys())
def test_a_bad_packet_is_refused(wire: bytes, rcode: int) -> None:
    """What breaks the rules of admission is not resolved; the header's id comes back, or nothing does."""
    refusal = parse(wire)
    assert isinstance(refusal, Refusal)
    assert refusal.rcode == rcode
    reply = refuse(refusal)
    if rcode == SILENCE:
        assert reply == b""
    else:
        message = dns.message.from_wire(reply)
        assert (message.id, message.rcode(), message.answer, message.authority) == (0x1234, rcode, [], [])
        assert len(reply) <= max(len(wire), 12) + len(opt())


@pytest.mark.parametrize("size", range(len(EDNS)))
def test_a_query_cut_anywhere_is_refused(size: int) -> None:
    """No beginning of a query passes for a whole one."""
    refusal = parse(EDNS[:size])
    assert isinstance(refusal, Refusal)
    assert refusal.rcode == (SILENCE if size < 12 else codes.FORMERR)


def test_only_ascii_letters_fold() -> None:
    """RFC 4343 section 3: in labels; the name itself stays as it came."""
    name = b"\4W\xc3\x89b\1Z\0"
    parsed = parse(query(asked(name)))
    assert isinstance(parsed, Query)
    assert (parsed.name, parsed.labels) == (name, (b"w\xc3\x89b", b"z"))


def test_a_query_for_a_cookie_alone_has_no_question() -> None:
    """RFC 7873 section 5.4: admitted with an empty name."""
    admitted = parse(query(b"", opt(option(10, bytes(8))), counts=(0, 0, 0, 1)))
    assert isinstance(admitted, Query)
    assert admitted == Query(0x1234, 0x0100, b"", 0, 0, Edns(1400, 0, True, ((10, bytes(8)),)))
    assert admitted.labels == ()


@pytest.mark.parametrize("opcode", range(1, 16))
def test_other_opcodes_are_not_implemented(opcode: int) -> None:
    """RFC 8906 section 8.1.3: the opcode comes back, no other flag and no section does."""
    refusal = parse(query(flags=opcode << 11 | 0x07FF))
    assert isinstance(refusal, Refusal)
    assert refuse(refusal) == b"\x12\x34" + (0x8000 | opcode << 11 | codes.NOTIMP).to_bytes(2) + bytes(8)


def test_a_refusal_keeps_the_question_and_edns() -> None:
    """BADVERS needs an OPT record of version 0 (RFC 6891 section 6.1.3), which echoes neither DO nor options."""
    refusal = parse(query(rest=opt(option(3), version=1), flags=0x07FF, counts=(1, 0, 0, 1)))
    assert isinstance(refusal, Refusal)
    message = dns.message.from_wire(refuse(refusal))
    assert message.question[0].to_text() == "Web.shop. IN A"
    assert (message.edns, message.payload, message.ednsflags & 0x8000, message.options) == (0, 1232, 0, ())
    assert message.flags == dns.flags.QR | dns.flags.RD


@given(st.binary(max_size=600) | st.builds(query, st.binary(max_size=40), st.binary(max_size=40)))
def test_any_bytes_are_parsed(wire: bytes) -> None:
    """Nothing that a stranger sends raises."""
    parsed = parse(wire)
    if isinstance(parsed, Refusal):
        refuse(parsed)


@given(st.data())
def test_any_damage_to_a_query_is_survived(data: st.DataObject) -> None:
    """A query with some bytes changed is read, or refused, and gets a reply of its id that other programs can read."""
    wire = bytearray(EDNS)
    for at in data.draw(st.lists(st.integers(2, len(wire) - 1), max_size=4)):
        wire[at] = data.draw(st.integers(0, 255))
    parsed = parse(bytes(wire))
    reply = refuse(parsed) if isinstance(parsed, Refusal) else write(parsed, 0, [], limit=512)
    if reply:
        assert dns.message.from_wire(reply).id == 0x1234


LABEL = st.binary(min_size=1, max_size=20)
TEXT_LABEL = st.text("abcXYZ019-_", min_size=1, max_size=10).map(str.encode)
LABELS = st.lists(LABEL, max_size=8)
TYPES = st.integers(1, 65535).filter(lambda rtype: rtype not in {codes.OPT, codes.TSIG})


@given(
    LABELS,
    TYPES,
    st.integers(512, 65535),
    st.booleans(),
    st.lists(st.tuples(st.integers(65001, 65534), st.binary(max_size=20)), max_size=5),
)
def test_queries_of_dnspython_are_read(
    labels: list[bytes], rtype: int, payload: int, dnssec_ok: bool, options: list[tuple[int, bytes]]
) -> None:
    """Whatever dnspython asks is understood in every field."""
    name = dns.name.Name([*labels, b""])
    message = dns.message.make_query(
        name,
        RdataType.make(rtype),
        use_edns=0,
        want_dnssec=dnssec_ok,
        payload=payload,
        options=[dns.edns.GenericOption(OptionType.make(code), content) for code, content in options],
    )
    expected = Edns(payload, 0, dnssec_ok, tuple(options))
    wire = name.to_wire()
    assert wire is not None
    parsed = parse(message.to_wire())
    assert parsed == Query(message.id, int(message.flags), wire, rtype, 1, expected)
    assert parsed.labels == tuple(label.lower() for label in labels)


@given(st.lists(TEXT_LABEL, max_size=6), TYPES, st.booleans())
def test_queries_of_dnslib_are_read(labels: list[bytes], rtype: int, edns: bool) -> None:
    """Whatever dnslib asks is understood."""
    message = dnslib.DNSRecord(q=dnslib.DNSQuestion(dnslib.DNSLabel(labels), rtype))
    if edns:
        message.add_ar(dnslib.EDNS0(udp_len=1400, flags="do"))
    parsed = parse(bytes(message.pack()))
    assert isinstance(parsed, Query)
    assert (parsed.id, parsed.qtype) == (message.header.id, rtype)
    assert parsed.labels == tuple(label.lower() for label in labels)
    assert parsed.edns == (Edns(1400, 0, True, ()) if edns else None)
