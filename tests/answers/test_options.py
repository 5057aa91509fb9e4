"""EDNS options: whole, few, and of legal shape where their shape is known."""

import dns.edns
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers import codes
from fedns.answers.options import MAX_OPTIONS, read_options

UNKNOWN = 65_001


def option(code: int, content: bytes = b"") -> bytes:
    """One option in wire form."""
    return code.to_bytes(2) + len(content).to_bytes(2) + content


GOOD: dict[str, list[tuple[int, bytes]]] = {
    "none": [],
    "one": [(codes.NSID, b"")],
    "the same twice": [(UNKNOWN, b"a"), (UNKNOWN, b"b")],
    "as many as allowed": [(UNKNOWN, b"")] * MAX_OPTIONS,
    "client cookie": [(codes.COOKIE, bytes(8))],
    "shortest server cookie": [(codes.COOKIE, bytes(16))],
    "longest server cookie": [(codes.COOKIE, bytes(40))],
    "subnet, no family": [(codes.CLIENT_SUBNET, b"\0\0\0\0")],
    "subnet, IPv4 withheld": [(codes.CLIENT_SUBNET, b"\0\1\0\0")],
    "subnet, IPv4 /24": [(codes.CLIENT_SUBNET, b"\0\1\x18\0\x0a\1\2")],
    "subnet, IPv4 /20": [(codes.CLIENT_SUBNET, b"\0\1\x14\0\x0a\1\xf0")],
    "subnet, IPv4 /32": [(codes.CLIENT_SUBNET, b"\0\1\x20\0\x0a\1\2\3")],
    "subnet, IPv6 /128": [(codes.CLIENT_SUBNET, b"\0\2\x80\0" + b"\xff" * 16)],
}


@pytest.mark.parametrize("options", GOOD.values(), ids=GOOD.keys())
def test_good_options_are_read(options: list[tuple[int, bytes]]) -> None:
    """Options come out as they went in, in their order."""
    assert read_options(b"".join(option(*each) for each in options)) == tuple(options)


BAD: dict[str, bytes] = {
    "cut in the code": b"\0",
    "cut in the length": b"\0\3\0",
    "cut in the content": b"\0\3\0\2x",
    "cut after a good one": option(codes.NSID) + b"\0\3\0\1",
    "too many": option(UNKNOWN) * (MAX_OPTIONS + 1),
    "empty cookie": option(codes.COOKIE),
    "cookie of 7": option(codes.COOKIE, bytes(7)),
    "cookie of 9": option(codes.COOKIE, bytes(9)),
    "cookie of 15": option(codes.COOKIE, bytes(15)),
    "cookie of 41": option(codes.COOKIE, bytes(41)),
    "empty subnet": option(codes.CLIENT_SUBNET),
    "subnet of 3": option(codes.CLIENT_SUBNET, b"\0\1\0"),
    "subnet, unknown family": option(codes.CLIENT_SUBNET, b"\0\3\0\0"),
    "subnet, no family but a prefix": option(codes.CLIENT_SUBNET, b"\0\0\x08\0\x0a"),
    "subnet, scope in a query": option(codes.CLIENT_SUBNET, b"\0\1\x08\x08\x0a"),
    "subnet, IPv4 /33": option(codes.CLIENT_SUBNET, b"\0\1\x21\0\x0a\1\2\3\0"),
    "subnet, IPv6 /129": option(codes.CLIENT_SUBNET, b"\0\2\x81\0" + bytes(17)),
    "subnet, too few bytes": option(codes.CLIENT_SUBNET, b"\0\1\x18\0\x0a\1"),
    "subnet, too many bytes": option(codes.CLIENT_SUBNET, b"\0\1\x18\0\x0a\1\2\0"),
    "subnet, bits beyond the prefix": option(codes.CLIENT_SUBNET, b"\0\1\x14\0\x0a\1\xf8"),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_malformed_options_are_none(content: bytes) -> None:
    """One malformed option spoils all: the query gets FORMERR (RFC 6891, 7871, 7873)."""
    assert read_options(content) is None


@given(st.ip_addresses(), st.integers(0, 128))
def test_subnets_of_dnspython_are_legal(address: object, prefix: int) -> None:
    """Every client subnet that dnspython writes is read."""
    text = str(address)
    length = min(prefix, 32 if "." in text and ":" not in text else 128)
    content = dns.edns.ECSOption(text, length).to_wire()
    assert content is not None
    assert read_options(option(codes.CLIENT_SUBNET, content)) == ((codes.CLIENT_SUBNET, content),)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(content: bytes) -> None:
    """No content raises, and what is read takes all its bytes."""
    options = read_options(content)
    assert options is None or b"".join(option(*each) for each in options) == content
