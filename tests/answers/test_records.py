"""Records: names and data in wire form, checked against dnspython."""

from ipaddress import ip_address

import dns.name
import dns.rdata
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers import codes, records
from fedns.answers.compression import MAX_NAME_BYTES
from fedns.answers.packet import Record

OWNER = records.name("web.shop.svc.clusterset.local")
TARGET = records.name("eu1.example.com")

NAMES: dict[str, tuple[str | tuple[str | bytes, ...], bytes]] = {
    "text": ("web.shop", b"\3web\4shop\0"),
    "final dot": ("web.shop.", b"\3web\4shop\0"),
    "root": (".", b"\0"),
    "empty": ("", b"\0"),
    "case kept": ("Web", b"\3Web\0"),
    "labels": (("web", b"shop"), b"\3web\4shop\0"),
    "no labels": ((), b"\0"),
    "dot inside a label": ((b"a.b", "c"), b"\3a.b\1c\0"),
    "any byte": ((b"\x00\xff",), b"\2\x00\xff\0"),
    "longest label": ("a" * 63, b"\x3f" + b"a" * 63 + b"\0"),
    "longest name": (("a",) * 127, b"\1a" * 127 + b"\0"),
}


@pytest.mark.parametrize(("source", "wire"), NAMES.values(), ids=NAMES.keys())
def test_names(source: str | tuple[str | bytes, ...], wire: bytes) -> None:
    """Text is cut at its dots, labels are taken as they are."""
    assert records.name(source) == wire


ILLEGAL: dict[str, str | tuple[str | bytes, ...]] = {
    "empty label": "web..shop",
    "leading dot": ".web",
    "two final dots": "web..",
    "empty label apart": ("web", b""),
    "long label": "a" * 64,
    "long name": ("a",) * 126 + ("aa",),
    "no ASCII": "wéb",
}


@pytest.mark.parametrize("source", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_illegal_names_are_errors(source: str | tuple[str | bytes, ...]) -> None:
    """A name that no message may carry is never made."""
    with pytest.raises(ValueError, match=r"label|name|ordinal"):
        records.name(source)


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=4))
def test_names_equal_those_of_dnspython(labels: list[bytes]) -> None:
    """Any legal labels give the bytes that dnspython gives."""
    if sum(map(len, labels)) + len(labels) < MAX_NAME_BYTES:
        assert records.name(labels) == dns.name.Name([*labels, b""]).to_wire()


RECORDS: dict[str, tuple[Record, str]] = {
    "a": (records.a(OWNER, 5, ip_address("10.0.0.1").packed), "10.0.0.1"),
    "aaaa": (records.aaaa(OWNER, 5, ip_address("2001:db8::1").packed), "2001:db8::1"),
    "srv": (records.srv(OWNER, 5, 10, 33, 443, TARGET), "10 33 443 eu1.example.com."),
    "txt": (records.txt(OWNER, 5, "1.0.0"), '"1.0.0"'),
    "txt, two strings": (records.txt(OWNER, 5, "one two", "three"), '"one two" "three"'),
    "txt, none": (records.txt(OWNER, 5), '""'),
    "txt, empty": (records.txt(OWNER, 5, "", "x"), '"" "x"'),
    "txt, 255": (records.txt(OWNER, 5, "a" * 255), f'"{"a" * 255}"'),
    "txt, 256": (records.txt(OWNER, 5, "a" * 256), f'"{"a" * 255}" "a"'),
    "txt, not ASCII": (records.txt(OWNER, 5, "é"), '"\\195\\169"'),
    "hinfo": (records.hinfo(OWNER, 5), '"RFC8482" ""'),
    "ns": (records.ns(OWNER, 5, TARGET), "eu1.example.com."),
    "ptr": (records.ptr(OWNER, 5, TARGET), "eu1.example.com."),
    "cname": (records.cname(OWNER, 5, TARGET), "eu1.example.com."),
    "soa": (
        records.soa(OWNER, 5, TARGET, OWNER, 2**32 - 1, refresh=1, retry=2, expire=3, minimum=4),
        "eu1.example.com. web.shop.svc.clusterset.local. 4294967295 1 2 3 4",
    ),
    "soa, usual times": (
        records.soa(OWNER, 5, TARGET, TARGET, 7),
        "eu1.example.com. eu1.example.com. 7 7200 1800 86400 5",
    ),
}


@pytest.mark.parametrize(("record", "text"), RECORDS.values(), ids=RECORDS.keys())
def test_record_data_reads_as_meant(record: Record, text: str) -> None:
    """The oracle prints the data as the zone text meant, and writes the same bytes."""
    assert record.owner == OWNER
    assert record.ttl == 5
    parsed = dns.rdata.from_wire(RdataClass.IN, RdataType.make(record.rtype), record.rdata, 0, len(record.rdata))
    assert parsed.to_text() == text
    assert parsed.to_wire() == record.rdata


def test_only_types_of_rfc_1035_are_compressed() -> None:
    """RFC 3597 section 4 and RFC 2782: a name in the data of other types, SRV above all, stays whole."""
    compressed = {record.rtype for record, _ in RECORDS.values() if record.compress}
    assert compressed == {codes.NS, codes.PTR, codes.CNAME, codes.SOA}
