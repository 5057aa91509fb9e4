"""PTR: every address that is handed out has its names, and the tree above it has no holes."""

from typing import Final

import dns.rcode
import pytest
from msgspec import structs

from fedns.answers import codes
from fedns.answers.reverse import MAX_NAMES
from fedns.answers.rules import Zone
from fedns.answers.wire import Change, Members, NewRules
from fedns.federation.health import Freshness
from fedns.federation.objects import Export
from tests.answers.federations import API, DB, ZONES, ask, balanced, errors, federation, headless, pod, shown
from tests.answers.replicas import NOW, RULES, export, fresh, replica
from tests.answers.replicas import ask as ask_door

REVERSE: Final = (
    Zone(name="10.in-addr.arpa", kind="reverse", ttl=30),
    Zone(name="113.0.203.in-addr.arpa", kind="reverse"),
    Zone(name="d.f.ip6.arpa", kind="reverse"),
)
SIX: Final = headless("eu1", pod("fd00::1:2", host="pet-6"), name="six")
STATE: Final = federation((*DB, *API, SIX), zones=(*ZONES, *REVERSE))
HOME: Final = "shop.myfed.svc.example.com."
SIX_NAME: Final = "2.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"

TABLE = {
    "headless, with a hostname": ("1.0.1.10.in-addr.arpa", "PTR", [f"30 PTR pet-0.eu1.db.{HOME}"]),
    "headless, without": ("2.0.1.10.in-addr.arpa", "PTR", [f"30 PTR 10-1-0-2.eu1.db.{HOME}"]),
    "headless, not ready": ("9.0.1.10.in-addr.arpa", "PTR", ["NXDOMAIN"]),
    "dotted cluster id": ("1.0.3.10.in-addr.arpa", "PTR", [f"30 PTR pet-0.c1.fleet.db.{HOME}"]),
    "cluster IP": ("1.0.96.10.in-addr.arpa", "PTR", [f"30 PTR eu1.api.{HOME}"]),
    "pod of a ClusterIP service": ("5.0.1.10.in-addr.arpa", "PTR", [f"30 PTR eu1.api.{HOME}"]),
    "load balancer": ("1.113.0.203.in-addr.arpa", "PTR", [f"5 PTR eu1.api.{HOME}"]),
    "IPv6": (SIX_NAME, "PTR", [f"5 PTR pet-6.eu1.six.{HOME}"]),
    "IPv6, upper case": (SIX_NAME.upper(), "PTR", [f"5 PTR pet-6.eu1.six.{HOME}"]),
    "other type": ("1.0.1.10.in-addr.arpa", "A", ["NODATA"]),
    "ANY": ("1.0.1.10.in-addr.arpa", "ANY", ['3600 HINFO "RFC8482" ""']),
    "nobody's address": ("77.0.1.10.in-addr.arpa", "PTR", ["NXDOMAIN"]),
    "a part of addresses": ("1.10.in-addr.arpa", "PTR", ["NODATA"]),
    "a part of none": ("77.10.in-addr.arpa", "PTR", ["NXDOMAIN"]),
    "a part of an IPv6 address": (SIX_NAME[20:], "PTR", ["NODATA"]),
    "apex": ("10.in-addr.arpa", "PTR", ["NODATA"]),
    "apex, NS": ("10.in-addr.arpa", "NS", ["30 NS ns.dns.10.in-addr.arpa."]),
    "server": ("ns.dns.10.in-addr.arpa", "A", ["NODATA"]),
    "leading zero": ("01.0.1.10.in-addr.arpa", "PTR", ["NXDOMAIN"]),
    "too large": ("256.0.1.10.in-addr.arpa", "PTR", ["NXDOMAIN"]),
    "too long": ("1.1.0.1.10.in-addr.arpa", "PTR", ["NXDOMAIN"]),
    "no nibble": ("g.d.f.ip6.arpa", "PTR", ["NXDOMAIN"]),
    "below an IPv6 address": (f"0.{SIX_NAME}", "PTR", ["NXDOMAIN"]),
    "outside": ("1.0.0.127.in-addr.arpa", "PTR", ["REFUSED"]),
}


@pytest.mark.parametrize(("name", "qtype", "expected"), TABLE.values(), ids=TABLE)
def test_names_of_addresses(name: str, qtype: str, expected: list[str]) -> None:
    """An address has the names that hand it out; octets and nibbles are read exactly; RFC 8020 holds above them."""
    assert shown(ask(name, qtype, STATE)) == expected


def test_an_address_has_all_its_names_within_a_bound() -> None:
    """A balancer's address that many services share has a name for each, in order, a hundred at most."""
    shared = (b"\n\0\0\1",)
    for count, expected in ((2, 2), (MAX_NAMES + 5, MAX_NAMES)):
        exports = [balanced("eu1", name=f"s{at:03}", lb=shared) for at in range(count)]
        answer = ask("1.0.0.10.in-addr.arpa", "PTR", federation(exports, zones=(*ZONES, *REVERSE)))
        assert shown(answer) == [f"30 PTR eu1.s{at:03}.{HOME}" for at in range(expected)]


def test_what_is_known_of_a_lost_member_is_marked() -> None:
    """The names of a stale member's addresses stay, with a short TTL and a mark; a no is marked as well."""
    state = federation((*DB, *API), zones=(*ZONES, *REVERSE), states={"eu1": Freshness.STALE})
    answer = ask("1.0.1.10.in-addr.arpa", "PTR", state)
    assert (shown(answer), errors(answer)) == ([f"5 PTR pet-0.eu1.db.{HOME}"], [codes.EDE_STALE_ANSWER])
    assert errors(ask("77.0.1.10.in-addr.arpa", "PTR", state)) == [codes.EDE_STALE_NXDOMAIN]
    suspect = federation((*DB, *API), zones=(*ZONES, *REVERSE), states={"eu1": Freshness.SUSPECT})
    answer = ask("1.0.1.10.in-addr.arpa", "PTR", suspect)
    assert (shown(answer), errors(answer)) == ([f"5 PTR pet-0.eu1.db.{HOME}"], [])


def test_a_member_that_was_never_read_may_own_any_address() -> None:
    """No address is nobody's before everybody has been read."""
    state = federation(DB, zones=(*ZONES, *REVERSE), states={"us1": Freshness.SYNCING})
    assert shown(ask("77.0.1.10.in-addr.arpa", "PTR", state)) == ["SERVFAIL"]


def test_a_name_over_the_limits_is_left_out() -> None:
    """M18: what cannot be a name is none, and the address has no other."""
    long = "a" * 63
    named = Export("c" * 63, long, long, 1, headless=False, cluster_ips=(b"\n\0\0\1",))
    clusters = (structs.replace(STATE.rules.clusters[0], name="c" * 63),)
    zones = (Zone(name=f"{'e' * 50}.com", kind="federation", federation="myfed"), *REVERSE)
    state = federation([named], clusters=clusters, zones=zones)
    assert shown(ask("1.0.0.10.in-addr.arpa", "PTR", state)) == ["NXDOMAIN"]


def test_without_a_federation_zone_addresses_have_no_names() -> None:
    """The clusterset zone has none for them (M8)."""
    assert shown(ask("1.0.1.10.in-addr.arpa", "PTR", federation(DB, zones=(ZONES[0], *REVERSE)))) == ["NXDOMAIN"]


def test_remembered_names_follow_their_service() -> None:
    """A pod that goes or comes is in the next answer about its address, and about the addresses around it."""
    held = replica(structs.replace(RULES, zones=(*RULES.zones, *REVERSE)))
    old, new, around = "1.0.1.10.in-addr.arpa", "1.5.1.10.in-addr.arpa", "5.1.10.in-addr.arpa"

    def asked() -> list[tuple[str, list[str]]]:
        replies = [ask_door(held, name, "PTR") for name in (old, new, around)]
        return [
            (dns.rcode.to_text(reply.rcode()), [str(record) for found in reply.answer for record in found])
            for reply in replies
        ]

    home = f"eu1.web.{HOME}"
    assert asked() == [("NOERROR", [f"10-1-0-1.{home}"]), ("NXDOMAIN", []), ("NXDOMAIN", [])]
    held.apply(Change("eu1", "shop", "web", export("eu1", [b"\x0a\x01\x05\x01"], "eu-a")), NOW)
    assert asked() == [("NXDOMAIN", []), ("NOERROR", [f"10-1-5-1.{home}"]), ("NOERROR", [])]
    held.apply(NewRules(structs.replace(held.rules, clusters=held.rules.clusters[1:])), NOW)
    held.apply(Members((fresh("us1"),)), NOW)
    assert asked()[1:] == [("NXDOMAIN", []), ("NXDOMAIN", [])]
