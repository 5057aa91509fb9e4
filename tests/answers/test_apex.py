"""The records at a zone's own name."""

import pytest
from msgspec import structs

from fedns.answers.answer import State
from tests.answers.federations import ask, federation, packed, shown, text

SOA = "SOA ns.dns.{0}. hostmaster.{0}. 42 7200 1800 86400 {1}"


@pytest.mark.parametrize(
    ("zone", "ttl", "minimum"), [("clusterset.local", 5, 5), ("example.com", 20, 7)], ids=["clusterset", "federation"]
)
def test_soa_and_ns(zone: str, ttl: int, minimum: int) -> None:
    """SOA has CoreDNS's times, and the negative TTL as its minimum, which is its TTL in negative answers too."""
    assert shown(ask(zone, "SOA")) == [f"{ttl} " + SOA.format(zone, minimum)]
    assert shown(ask(zone, "NS")) == [f"{ttl} NS ns.dns.{zone}."]
    denied = ask(f"none.{zone}", "A")
    assert text(denied.authority, owner=True) == [f"{zone}. {minimum} " + SOA.format(zone, minimum)]


def test_name_server() -> None:
    """It has the addresses that are configured, which come with its name; without any it has none."""
    state = federation()
    assert shown(ask("ns.dns.example.com", "A", state)) == ["NODATA"]
    known = State(
        rules=structs.replace(state.rules, advertise=packed("2001:db8::53", "192.0.2.53")),
        catalog=state.catalog,
        statuses=state.statuses,
        holders=state.holders,
    )
    assert shown(ask("ns.dns.example.com", "A", known)) == ["20 A 192.0.2.53"]
    assert shown(ask("ns.dns.example.com", "AAAA", known)) == ["20 AAAA 2001:db8::53"]
    assert shown(ask("ns.dns.example.com", "TXT", known)) == ["NODATA"]
    (group,) = ask("example.com", "NS", known).groups
    assert text(group.additional) == ["20 AAAA 2001:db8::53", "20 A 192.0.2.53"]


def test_owner_as_asked() -> None:
    """The owner of the answer is the name as it was asked."""
    records = ask("ClusterSet.Local", "SOA").groups[0].records
    assert text(records, owner=True)[0].startswith("ClusterSet.Local. 5 SOA")


def test_version() -> None:
    """M2: the version of the schema, for as long as in the specification's example."""
    assert shown(ask("dns-version.clusterset.local", "TXT")) == ['28800 TXT "1.0.0"']
    assert shown(ask("dns-version.clusterset.local", "AAAA")) == ["NODATA"]
