"""Single values: what is read, and what is refused with which cure."""

from typing import Any

import pytest

from fedns.settings import values
from fedns.settings.kinds import Leaf
from fedns.settings.schema import Address

DURATION, LISTEN, CIDR, REVERSE = values.duration("d"), values.listen("l"), values.cidr("c"), values.reverse("r")
WHOLE, NUMBER, NAME = values.whole("w", 0, 100), values.number("n", zero=False), values.dns_name("n")
QUANTITY, SELECTOR = values.quantity("q", 1, 1 << 40), values.selector("s")
ENDPOINT, URL = values.endpoint("e"), values.url("u")
LABEL, TARGET, CHOICE = values.dns_name("n", labels=1), values.target("t"), values.choice("c", "a", "b", later=("c",))

GOOD: list[tuple[Leaf, str, Any]] = [
    (DURATION, "500ms", 0.5), (DURATION, "10s", 10.0), (DURATION, "5m", 300.0), (DURATION, "1.5h", 5400.0),
    (values.duration("d", zero=True), "0s", 0.0),
    (LISTEN, "0.0.0.0:53", Address("0.0.0.0", 53)), (LISTEN, "[::]:53", Address("::", 53)),
    (LISTEN, "[2001:DB8::1]:65535", Address("2001:db8::1", 65535)), (values.listen("l", off=True), "off", None),
    (ENDPOINT, "10.0.0.1:53", Address("10.0.0.1", 53)), (ENDPOINT, "[fd00::1]:80", Address("fd00::1", 80)),
    *((URL, each, each) for each in ("http://a", "https://a.b:8443/x?y=z", "http://[fd00::1]:80/healthz")),
    (ENDPOINT, "peers.fedns.svc:53", Address("peers.fedns.svc", 53)),
    (CIDR, "10.0.0.0/8", "10.0.0.0/8"), (CIDR, "2001:DB8::/32", "2001:db8::/32"), (CIDR, "::/0", "::/0"),
    (CIDR, "10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    (WHOLE, "0", 0), (WHOLE, "100", 100), (NUMBER, "1", 1.0), (NUMBER, "0.25", 0.25),
    (NAME, "example.com.", "example.com"), (NAME, "eu1", "eu1"), (LABEL, "eu-west1", "eu-west1"),
    (TARGET, "192.0.2.1", b"\xc0\x00\x02\x01"), (TARGET, "2001:db8::1", b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\1"),
    (CHOICE, "a", "a"),
    (QUANTITY, "1024", 1024), (QUANTITY, "2k", 2000), (QUANTITY, "2Ki", 2048), (QUANTITY, "512Mi", 512 << 20),
    (QUANTITY, "1G", 10**9), (QUANTITY, "1Gi", 1 << 30), (QUANTITY, "1T", 10**12), (QUANTITY, "1Ti", 1 << 40),
    *((SELECTOR, each, each) for each in (
        "a=b", "a==b", "a != b", "a", "!a", "a in (b)", "a notin (b, c.d_e)", "x.io/a=b,c,!d , e in (f,)", "a=",
    )),
    (values.pattern("p"), "*", "*"), (values.pattern("p"), "team-*", "team-*"),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "text", "value"), GOOD, ids=[text for _, text, _ in GOOD])
def test_good_values_are_read(leaf: Leaf, text: str, value: Any) -> None:
    """Durations are seconds, addresses to hand out are packed, CIDRs and names are in their normal form."""
    assert leaf.check(text) == value


BAD: list[tuple[Leaf, str, str]] = [
    (DURATION, "5", "did you mean 5s?"), (DURATION, "5 s", "write 10s, 500ms"), (DURATION, "-5s", "not a duration"),
    (DURATION, "1m30s", "not a duration"), (DURATION, "0s", "longer than nothing"), (DURATION, "5S", "not a duration"),
    (DURATION, "\u0665s", "not a duration"),
    (LISTEN, ":53", "0.0.0.0:53 for IPv4 or [::]:53"), (LISTEN, "53", "write 0.0.0.0:53"),
    (LISTEN, "0.0.0.0", "write 0.0.0.0:53"), (LISTEN, "::1:53", "write 0.0.0.0:53 or [::]:53"),
    (LISTEN, "0.0.0.0:0", "from 1 to 65535"), (LISTEN, "0.0.0.0:65536", "from 1 to 65535"),
    (LISTEN, "localhost:53", "127.0.0.1 for localhost"), (LISTEN, "[127.0.0.1]:53", "not an IP address"),
    (LISTEN, "[fe80::1%eth0]:53", "not an IP address"), (LISTEN, "off", "write 0.0.0.0:53"),
    *((URL, each, "not the URL of a page") for each in ("a:80", "ftp://a/", "http://", "http://a b/", "http://[x", "http://a:0")),
    (URL, "http://me:secret@a/", "has a name or a password in it"),
    (ENDPOINT, "10.0.0.1", "not a host with a port"), (ENDPOINT, "fd00::1:53", "not a host with a port"),
    (ENDPOINT, "a:0", "from 1 to 65535"), (ENDPOINT, "[1:2]:53", "1:2 is not an IPv6 address"),
    (ENDPOINT, "http://a:80", "not a host with a port"),
    (CIDR, "10.0.0.1", "did you mean 10.0.0.1/32?"), (CIDR, "::1", "did you mean ::1/128?"),
    (CIDR, "10.1.2.3/16", "did you mean 10.1.0.0/16?"), (CIDR, "10.0.0.0/33", "not a CIDR"),
    (REVERSE, "0.0.0.0/0", "all of the reverse tree"), (REVERSE, "10.0.0.128/25", "give 10.0.0.0/24"),
    (REVERSE, "fd00::/126", "give fd00::/124"), (REVERSE, "10.1.2.3/16", "did you mean 10.1.0.0/16?"),
    (CIDR, "office", "not a CIDR"), (CIDR, "10.0/8", "not a CIDR"),
    (WHOLE, "101", "from 0 to 100"), (WHOLE, "-1", "from 0 to 100"), (WHOLE, "010", "plain decimal"),
    (WHOLE, "0x10", "plain decimal"), (WHOLE, "1_0", "plain decimal"), (WHOLE, "1.0", "plain decimal"),
    (NUMBER, "0", "more than 0"), (NUMBER, "-1", "not a number"), (NUMBER, ".inf", "not a number"),
    (NUMBER, "1e3", "not a number"),
    (NAME, "Example.com", "did you mean example.com?"), (NAME, "a..b", "not a DNS name"), (NAME, "", "not a DNS name"),
    (NAME, "-a", "not a DNS name"), (NAME, "a" * 64, "63 characters"), (NAME, ".".join(["a" * 60] * 5), "not a DNS"),
    (LABEL, "eu.west", "not a DNS label"), (LABEL, "a_b", "not a DNS label"),
    (TARGET, "127.0.0.1", "cannot be handed out"), (TARGET, "fe80::1", "cannot be handed out"),
    (TARGET, "224.0.0.1", "cannot be handed out"), (TARGET, "::", "cannot be handed out"),
    (TARGET, "gateway", "not an IP address"),
    (CHOICE, "c", "not supported yet in this version"), (CHOICE, "x", "there is a, b"),
    (values.text("t"), " ", "is empty"),
    *((QUANTITY, each, "write 512Mi or 1Gi") for each in ("1MB", "1m", "1.5Gi", "-1", "1 Gi", "1e3", "1ki", "\u0661")),
    (QUANTITY, "0", "out of bounds"), (QUANTITY, "2Ti", "out of bounds"),
    *((SELECTOR, each, "no requirement of a label selector") for each in (
        "a b", "a in b", "a in ()b", "a=b,", "=b", "a=b c", "a>1", "-a=b", "a=b)", "a/b/c=d", "a=" + "b" * 64,
    )),
    (SELECTOR, "", "would take every object"),
    (values.pattern("p"), "A*", "* for any characters"), (values.pattern("p"), "a" * 64, "* for any characters"),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "text", "words"), BAD, ids=[f"{leaf.expected}: {text[:30]}" for leaf, text, _ in BAD])
def test_bad_values_are_refused_with_a_cure(leaf: Leaf, text: str, words: str) -> None:
    """The sentence says what is wrong, and what to write."""
    with pytest.raises(ValueError) as caught:
        leaf.check(text)
    assert words in str(caught.value)
