"""dnstap: every field of both messages, for every transport and family."""

import pytest

from fedns.answers import counters
from fedns.servers.dnstap import Exchange, messages
from tests.servers.collectors import decoded

FOUR, SIX = (b"\xc0\0\2\1", 4000), (b"\x20\1" + bytes(14), 65_535)
ASKED, ANSWERED = 1_700_000_000_000_000_001, 1_700_000_000_999_999_999


@pytest.mark.parametrize(("name", "number"), [("udp", 1), ("tcp", 2), ("dot", 3), ("https", 4), ("quic", 7)])
@pytest.mark.parametrize("end", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_all_fields_are_there(name: str, number: int, end: tuple[bytes, int]) -> None:
    """By their numbers in dnstap.proto; a query has no reply."""
    transport = counters.TRANSPORTS.index(name)
    server = (end[0][::-1], 53)
    packet, reply = b"packet" * 50, b"reply"
    told = messages(Exchange(transport, end, server, ASKED, ANSWERED, packet, reply), b"me", b"fedns 1")
    query, response = (decoded(each) for each in told)
    for each in (query, response):
        assert (each[1], each[2], each[15]) == (b"me", b"fedns 1", 1)
    ends = {
        2: 1 if end is FOUR else 2,
        3: number,
        4: end[0],
        5: server[0],
        6: end[1],
        7: 53,
        8: 1_700_000_000,
        9: 1,
    }
    assert isinstance(query[14], bytes)
    assert isinstance(response[14], bytes)
    assert decoded(query[14]) == {1: 5, **ends, 10: packet}
    assert decoded(response[14]) == {1: 6, **ends, 12: 1_700_000_000, 13: 999_999_999, 14: reply}


def test_every_transport_has_a_number() -> None:
    """One that is new here must be told to collectors, too."""
    for transport in range(len(counters.TRANSPORTS)):
        assert messages(Exchange(transport, FOUR, FOUR, 0, 0, b"", b""), b"", b"")
