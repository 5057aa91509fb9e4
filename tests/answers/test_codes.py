"""Codes: the numbers are those that another implementation reads in the registries."""

import dns.edns
import dns.flags
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from fedns.answers import codes

TYPES = [
    *("A", "NS", "CNAME", "SOA", "PTR", "HINFO", "MX", "TXT", "AAAA", "SRV"),
    *("OPT", "SVCB", "HTTPS", "TSIG", "IXFR", "AXFR", "ANY"),
]
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "NOTAUTH", "BADVERS", "BADCOOKIE"]
OPTIONS = {"NSID": "NSID", "CLIENT_SUBNET": "ECS", "COOKIE": "COOKIE", "PADDING": "PADDING", "EDE": "EDE"}
ERRORS = {
    "EDE_OTHER": "OTHER",
    "EDE_STALE_ANSWER": "STALE_ANSWER",
    "EDE_NOT_READY": "NOT_READY",
    "EDE_BLOCKED": "BLOCKED",
    "EDE_FILTERED": "FILTERED",
    "EDE_PROHIBITED": "PROHIBITED",
    "EDE_STALE_NXDOMAIN": "STALE_NXDOMAIN_ANSWER",
    "EDE_NOT_AUTHORITATIVE": "NOT_AUTHORITATIVE",
    "EDE_NO_REACHABLE_AUTHORITY": "NO_REACHABLE_AUTHORITY",
    "EDE_NETWORK_ERROR": "NETWORK_ERROR",
}


@pytest.mark.parametrize("name", TYPES)
def test_record_types(name: str) -> None:
    """Each type has its number."""
    assert getattr(codes, name) == dns.rdatatype.from_text(name)


@pytest.mark.parametrize("name", RCODES)
def test_response_codes(name: str) -> None:
    """Each response code has its number, extended ones too."""
    assert getattr(codes, name) == dns.rcode.from_text(name)


@pytest.mark.parametrize(("ours", "theirs"), OPTIONS.items(), ids=OPTIONS)
def test_edns_options(ours: str, theirs: str) -> None:
    """Each option has its number."""
    assert getattr(codes, ours) == getattr(dns.edns.OptionType, theirs)


@pytest.mark.parametrize(("ours", "theirs"), ERRORS.items(), ids=ERRORS)
def test_extended_errors(ours: str, theirs: str) -> None:
    """Each extended error has its number (RFC 8914)."""
    assert getattr(codes, ours) == getattr(dns.edns.EDECode, theirs)


def test_classes_opcodes_and_flags() -> None:
    """The rest of the header."""
    assert (codes.IN, codes.CH, codes.ANY_CLASS) == (dns.rdataclass.IN, dns.rdataclass.CH, dns.rdataclass.ANY)
    assert codes.QUERY == dns.opcode.QUERY
    assert (codes.QR, codes.AA, codes.TC, codes.RD) == (dns.flags.QR, dns.flags.AA, dns.flags.TC, dns.flags.RD)
