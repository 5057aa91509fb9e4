"""What fedns tells people: the lines of `_explain`, `_whoami`, `_clusters` and `_state`."""

import dns.edns
import dns.message
import pytest
from msgspec import structs

from fedns.answers.explain import UnexplainedError, explained, lines, state_lines
from fedns.answers.packet import Query, parse
from fedns.answers.resolve import Client, resolve
from fedns.answers.rules import Zone
from fedns.federation.health import Freshness, Status
from fedns.federation.placement import Placement, Policy
from tests.answers.federations import (
    API,
    DB,
    FEDERAL,
    IN_EU,
    NOW,
    OUTSIDE,
    STRICT,
    ZONES,
    ask,
    federation,
    headless,
    packed,
    pod,
    shown,
)

LADDER = "ladder zone,cluster,region,jurisdiction,any, minReady 1, spill proportional"


def test_every_candidate_has_a_line() -> None:
    """Those that answer with their share, then the others by rung and member, with the reason; never remembered."""
    answer = ask(f"_explain.db.shop.{FEDERAL}", "TXT")
    assert not answer.cacheable
    told = [line.split('"')[1].replace("kind=PodIP state=fresh age=2s ", "") for line in shown(answer)]
    assert told[:5] == [
        "rung=zone tier=a cluster=eu1 zone=eu-a address=10.1.0.1 ready=1 share=1/1 chosen=yes",
        "rung=cluster tier=a cluster=eu1 zone=eu-b address=10.1.0.2 ready=1 chosen=no why=farther",
        "rung=any tier=a cluster=c1.fleet zone=us-b address=10.3.0.1 ready=1 chosen=no why=farther",
        "rung=any tier=a cluster=us1 zone=us-a address=10.2.0.1 ready=1 chosen=no why=farther",
        "rung=- tier=- cluster=eu1 zone=eu-a address=10.1.0.9 ready=0 chosen=no why=unready",
    ]


@pytest.mark.parametrize(
    ("name", "qtype", "expected"),
    [
        (f"_explain.web.shop.{STRICT}", "TXT", "NXDOMAIN"),
        (f"_explain.db.shop.{STRICT}", "A", "NODATA"),
    ],
)
def test_nothing_to_explain(name: str, qtype: str, expected: str) -> None:
    """A service that does not exist has no explanation, and an explanation has no address."""
    assert shown(ask(name, qtype)) == [expected]


def test_conflicts_are_explained() -> None:
    """Behind the candidates stands what the exports disagree about: one line for each aspect."""
    told = shown(ask(f"_explain.db.shop.{FEDERAL}", "TXT"))[5:]
    assert [line.replace('\\"', "'") for line in told] == [
        (
            "0 TXT \"conflict=PortConflict clusters=eu1 why=Conflicting ports. Using 'https 443/TCP' from the export in"
            " 'c1.fleet', which has precedence. 1/3 clusters disagree.\""
        )
    ]


def test_unready_service_is_explained() -> None:
    """Where the service itself is NXDOMAIN, its explanation says why."""
    state = federation([headless("eu1", pod("10.1.0.1", ready=False))])
    told = shown(ask(f"_explain.db.shop.{STRICT}", "TXT", state))
    assert len(told) == 1
    assert told[0].endswith('why=unready"')


def test_explained_as_by_dns() -> None:
    """Commands tell the lines of `_explain` after the place and the policy, for a name of DNS or a service's own."""
    state = federation(policies=(Policy(jurisdictions=("eu",), weights={"us1": 1, "eu1": 2}),))
    answer = ask(f"_explain.db.shop.{FEDERAL}", "TXT", state)
    told = explained(state, "shop/db", IN_EU, NOW).lines()
    assert told[:2] == [
        "shop/db for a client at cluster=eu1 zone=eu-a region=eu jurisdiction=eu network=default (rule 10.1.0.0/16)",
        f"{LADDER}, jurisdictions eu, weights eu1=2,us1=1, whenAllUnhealthy open",
    ]
    assert told[-1].startswith("conflict=PortConflict")
    assert len(told[2:]) == len(shown(answer))
    candidates = [line.split('"')[1] for line in shown(answer) if "conflict=" not in line]
    assert told[2:][: len(candidates)] == candidates
    assert explained(state, f"_explain.DB.shop.{FEDERAL}.", IN_EU, NOW).lines() == told
    plain = explained(state, f"us1.api.shop.{FEDERAL}", OUTSIDE, NOW).plain()
    assert plain["service"] == "shop/api"
    assert list(plain["policy"]["jurisdictions"]) == ["eu"]
    assert plain["candidates"][0]["cluster"] == "eu1"
    assert plain["candidates"][0]["why"] == "outside-asked-part"
    assert plain["candidates"][0]["ready"] == 1


def test_explained_without_more() -> None:
    """Where there is no federation zone, the clusterset zone serves; nobody known of has a line, too."""
    state = federation([headless("eu1")], zones=(ZONES[0],))
    assert explained(state, "shop/db", OUTSIDE, NOW).lines()[1:] == [
        f"{LADDER}, whenAllUnhealthy open",
        "no candidates",
    ]


def test_names_over_the_limits_are_explained() -> None:
    """Behind the candidates stands whose names are too long, and in which zone."""
    zones = (Zone(name=f"{'z' * 63}.{'y' * 63}.{'x' * 63}.{'w' * 45}", kind="clusterset"),)
    told = explained(federation([headless("eu1", pod("10.1.0.1"))], zones=zones), "shop/db", OUTSIDE, NOW)
    what = f"Names over 255 bytes are left out: hosts, ports under svc.{zones[0].name}."
    assert told.conflicts == (f"conflict=name-too-long clusters=eu1 why={what}",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("db.shop.example.org", "is in no zone of this fedns: it has clusterset.local, Example.com"),
        ("shop/gone", "no member exports shop/gone"),
        ("_clusters.example.com", "it names no service"),
        (f"shop.{FEDERAL}", "it names no service"),
    ],
)
def test_what_cannot_be_explained(name: str, words: str) -> None:
    """Other names are told what is wrong with them."""
    with pytest.raises(UnexplainedError, match=words):
        explained(federation((*DB, *API)), name, IN_EU, NOW)


def test_no_candidates() -> None:
    """A service without endpoints is said to have no candidates."""
    assert shown(ask(f"_explain.db.shop.{STRICT}", "TXT", federation([headless("eu1")]))) == ['0 TXT "no candidates"']
    assert lines(Placement((), ()), {}, NOW) == ["no candidates"]


def test_unknown_status_and_age() -> None:
    """A member that nobody has reported is syncing, and was never heard."""
    state = federation([DB[1]])
    state.statuses.clear()
    told = shown(ask(f"_explain.db.shop.{STRICT}", "TXT", state))
    assert "state=syncing age=never" in told[0]


def test_whoami() -> None:
    """The address seen, the place found, by which rule, and the ladder."""
    answer = ask("_whoami.example.com", "TXT")
    assert not answer.cacheable
    assert shown(answer) == [
        '0 TXT "address=10.1.7.7 subnet=none"',
        '0 TXT "cluster=eu1 zone=eu-a region=eu jurisdiction=eu network=default"',
        '0 TXT "rule=10.1.0.0/16"',
        '0 TXT "ladder=zone,cluster,region,jurisdiction,any"',
    ]
    assert shown(ask("_whoami.example.com", "TXT", where=OUTSIDE))[1:3] == [
        '0 TXT "cluster=- zone=- region=- jurisdiction=- network=-"',
        '0 TXT "rule=-"',
    ]


def test_whoami_with_client_subnet() -> None:
    """A client subnet that was sent is seen, and not believed."""
    option = dns.edns.ECSOption("192.0.2.0", 24)
    query = parse(dns.message.make_query("_whoami.example.com", "TXT", use_edns=0, options=[option]).to_wire())
    assert isinstance(query, Query)
    client = Client(address=packed("::1")[0], location=IN_EU, allowed=True, diagnostics=True)
    assert shown(resolve(query, client, federation(), NOW))[0] == '0 TXT "address=::1 subnet=ignored"'
    plain = structs.replace(query, edns=None)
    assert shown(resolve(plain, client, federation(), NOW))[0] == '0 TXT "address=::1 subnet=none"'


def test_clusters() -> None:
    """One pointer per member, to the name of its state."""
    assert shown(ask("_clusters.example.com", "PTR")) == [
        "0 PTR eu1._state.example.com.",
        "0 PTR us1._state.example.com.",
        "0 PTR c1.fleet._state.example.com.",
    ]
    assert shown(ask("_clusters.example.com", "A")) == ["NODATA"]
    assert shown(ask("_clusters.example.com", "PTR", federation((), clusters=()))) == ["NODATA"]


def test_state_of_a_member() -> None:
    """Freshness, age, whether it was read, how many services, and the reason where there is one."""
    assert shown(ask("eu1._state.example.com", "TXT")) == ['0 TXT "state=fresh age=2s synced=yes services=2"']
    state = federation((), states={"eu1": Freshness.SYNCING})
    assert state_lines("eu1", state, NOW) == ["state=syncing age=never synced=no services=0"]
    state.statuses["eu1"] = Status(cluster="eu1", joined=0.0, reason="refused")
    assert state_lines("eu1", state, NOW)[1] == "reason=refused"
    assert state_lines("gone", state, NOW) == ["state=syncing age=never synced=no services=0"]


def test_ladders_that_services_ask_for_are_explained() -> None:
    """What the service said is told with the ladder, by DNS and by commands; who runs in the zone is not all."""
    there = structs.replace(pod("10.1.0.1", "eu-a"), hinted=("eu-b",))
    here = structs.replace(pod("10.1.0.2", "eu-b"), hinted=("eu-a",))
    said = structs.replace(headless("eu1", there, here), traffic="PreferSameZone")
    state = federation([said], policies=(Policy(from_service=True),))
    ladder = "zone,cluster,region,jurisdiction,any"
    told = shown(ask(f"_explain.db.shop.{FEDERAL}", "TXT", state))
    assert told[-1] == f'0 TXT "ladder={ladder} trafficDistribution=PreferSameZone export=eu1 hints=yes"'
    assert "rung=zone" in told[0]
    assert "zone=eu-b" in told[0]
    assert "rung=cluster" in told[1]
    assert "why=farther" in told[1]
    policy = explained(state, "shop/db", IN_EU, NOW).lines()[1]
    assert policy.startswith(f"ladder {ladder} (trafficDistribution=PreferSameZone export=eu1 hints=yes), minReady 1")
