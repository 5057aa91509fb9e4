"""The order of the checks, and the names that are no services."""

import pytest

from fedns.answers import codes
from fedns.answers.resolve import HINFO_TTL
from fedns.federation.health import Freshness
from tests.answers.federations import DB, FEDERAL, STRICT, ask, errors, federation, shown, text

REFUSED = {
    "client not allowed": (f"db.shop.{STRICT}", "A", "IN", {"allowed": False}, codes.EDE_PROHIBITED),
    "not allowed, outside": ("example.org", "A", "IN", {"allowed": False}, codes.EDE_PROHIBITED),
    "outside the zones": ("example.org", "A", "IN", {}, codes.EDE_NOT_AUTHORITATIVE),
    "other class": (f"db.shop.{STRICT}", "A", "CH", {}, codes.EDE_NOT_AUTHORITATIVE),
    "zone transfer": ("clusterset.local", "AXFR", "IN", {}, codes.EDE_PROHIBITED),
    "explain": (f"_explain.db.shop.{STRICT}", "TXT", "IN", {"diagnostics": False}, codes.EDE_PROHIBITED),
    "whoami": ("_whoami.example.com", "TXT", "IN", {"diagnostics": False}, codes.EDE_PROHIBITED),
    "clusters": ("_clusters.example.com", "PTR", "IN", {"diagnostics": False}, codes.EDE_PROHIBITED),
    "state": ("eu1._state.example.com", "TXT", "IN", {"diagnostics": False}, codes.EDE_PROHIBITED),
}  # fmt: skip

NAMES = {
    "apex": ("clusterset.local", "A", "NODATA"),
    "version": ("dns-version.clusterset.local", "TXT", '28800 TXT "1.0.0"'),
    "version, other type": ("dns-version.clusterset.local", "A", "NODATA"),
    "svc": (STRICT, "A", "NODATA"),
    "namespace": (f"shop.{STRICT}", "A", "NODATA"),
    "federation's namespace": (f"shop.{FEDERAL}", "A", "NODATA"),
    "unknown namespace": (f"none.{STRICT}", "A", "NXDOMAIN"),
    "unknown label": ("www.clusterset.local", "A", "NXDOMAIN"),
    "server": ("ns.dns.clusterset.local", "A", "NODATA"),
    "region": ("eu.example.com", "A", "NODATA"),
    "whoami": ("_whoami.example.com", "A", "NODATA"),
    "states": ("_state.example.com", "TXT", "NODATA"),
    "ANY": (f"shop.{STRICT}", "ANY", f'{HINFO_TTL} HINFO "RFC8482" ""'),
    "ANY of nothing": (f"none.{STRICT}", "ANY", "NXDOMAIN"),
}


@pytest.mark.parametrize(("name", "qtype", "qclass", "client", "code"), REFUSED.values(), ids=REFUSED)
def test_refused(name: str, qtype: str, qclass: str, client: dict[str, bool], code: int) -> None:
    """What is not for this client, or not ours, is refused with the reason, and never remembered."""
    answer = ask(
        name,
        qtype,
        qclass=qclass,
        allowed=client.get("allowed", True),
        diagnostics=client.get("diagnostics", True),
    )
    assert (shown(answer), errors(answer)) == (["REFUSED"], [code])
    assert not answer.aa
    assert not answer.cacheable
    assert not answer.authority


@pytest.mark.parametrize(("name", "qtype", "expected"), NAMES.values(), ids=NAMES)
def test_names_that_are_no_services(name: str, qtype: str, expected: str) -> None:
    """Names above services are NODATA (RFC 8020); negative answers carry the SOA; all are authoritative."""
    answer = ask(name, qtype)
    assert shown(answer) == [expected]
    assert bool(answer.authority) == (expected in {"NODATA", "NXDOMAIN"})
    assert answer.aa


def test_other_answers_name_what_they_depend_on() -> None:
    """An answer says which service or namespace it rests on, so that it is forgotten when that changes."""
    assert ask(f"db.shop.{STRICT}").key == ("shop", "db")
    assert ask(f"none.shop.{STRICT}").key == ("shop", "")
    assert ask(f"_http._tcp.none.shop.{STRICT}").key == ("shop", "none")
    assert ask(f"shop.{STRICT}").key == ("shop", "")
    assert ask("clusterset.local", "SOA").key is None


def test_owner_keeps_the_case_of_the_question() -> None:
    """M3: the answer repeats the name as it was asked."""
    group = ask("dB.Shop.svc.CLUSTERSET.local").groups[0]
    assert text(group.records, owner=True) == ["dB.Shop.svc.CLUSTERSET.local. 5 A 10.1.0.1"]


def test_a_member_without_any_status_is_not_read() -> None:
    """Before anything was said about a member, it may own any name."""
    state = federation([DB[0]])
    del state.statuses["us1"]
    assert shown(ask(f"web.shop.{STRICT}", state=state)) == ["SERVFAIL"]
    assert state.freshness("us1") is Freshness.SYNCING
