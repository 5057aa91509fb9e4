"""Text of master files: what dnspython reads from it is what the records were."""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers import presentation, records
from fedns.answers.packet import Record

ORIGIN = records.name("example.com")
OWNER = records.name("web.Example.com")

labels = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (records.a(OWNER, 5, b"\x0a\0\0\1"), "web\t5\tIN\tA\t10.0.0.1\n"),
        (records.aaaa(OWNER, 5, b"\xfd" + bytes(14) + b"\1"), "web\t5\tIN\tAAAA\tfd00::1\n"),
        (records.ns(ORIGIN, 5, records.name("ns.dns.example.com")), "@\t5\tIN\tNS\tns.dns\n"),
        (records.cname(OWNER, 5, records.name("web.other.net")), "web\t5\tIN\tCNAME\tweb.other.net.\n"),
        (records.ptr(OWNER, 5, records.name("notexample.com")), "web\t5\tIN\tPTR\tnotexample.com.\n"),
        (records.srv(OWNER, 5, 0, 50, 443, OWNER), "web\t5\tIN\tSRV\t0 50 443 web\n"),
        (records.txt(OWNER, 5, 'a "b" \\;', ""), 'web\t5\tIN\tTXT\t"a \\034b\\034 \\092;" ""\n'),
        (
            records.soa(ORIGIN, 5, OWNER, records.name("hostmaster.other.net"), 7, minimum=3),
            "@\t5\tIN\tSOA\tweb hostmaster.other.net. 7 7200 1800 86400 3\n",
        ),
    ],
    ids=lambda value: value.split("\t")[3] if isinstance(value, str) else "",
)
def test_records(record: Record, line: str) -> None:
    """One line each: names in the zone are relative, all others end with a dot, the zone itself is an @."""
    assert presentation.line(record, ORIGIN) == line


@given(labels)
def test_names_come_back(given_labels: list[bytes]) -> None:
    """Any bytes in a label, and the root: absolute, or relative to their last labels."""
    wire = records.name(given_labels)
    name = dns.name.Name([*given_labels, b""])
    assert dns.name.from_text(presentation.name(wire)) == name
    above = records.name(given_labels[1:])
    relative = presentation.name(wire, above)
    assert not relative.endswith(".") or relative.endswith("\\.")
    assert dns.name.from_text(relative, dns.name.from_wire(above, 0)[0]) == name
    assert presentation.name(b"\0") == "."


@given(st.lists(st.text(max_size=300), min_size=1, max_size=3))
def test_strings_come_back(texts: list[str]) -> None:
    """Any bytes in a character-string, and strings that take several."""
    record = records.txt(OWNER, 5, *texts)
    _owner, ttl, _class, kind, content = presentation.line(record, ORIGIN).removesuffix("\n").split("\t")
    read = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), content)
    assert (ttl, read.to_wire()) == ("5", record.rdata)


def test_the_heading() -> None:
    """The zone's name in full, and a default TTL, as RFC 2308 section 4 wants it."""
    assert presentation.heading(ORIGIN, 20) == "$ORIGIN example.com.\n$TTL 20\n"
