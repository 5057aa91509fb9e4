"""What zones hold: every name that is answered, with what is answered, and nothing else."""

from collections.abc import Iterable, Sequence
from typing import Final

import dns.name
import dns.zone
import pytest
from msgspec import structs

from fedns.answers import codes, presentation, records
from fedns.answers.answer import Client, State
from fedns.answers.listing import NOBODY, Listing, Server
from fedns.answers.packet import Record
from fedns.answers.rules import Zone
from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.placement import Policy
from tests.answers.federations import (
    API,
    CLUSTERS,
    DB,
    FEDERAL,
    IN_EU,
    NOW,
    OUTSIDE,
    STRICT,
    ZONES,
    ask,
    balanced,
    federation,
    headless,
    packed,
    pod,
    shown,
    text,
)
from tests.answers.test_zones import CLUSTERSET, FEDERATED

STRICT_ZONE, FEDERAL_ZONE = ZONES
OLD = Zone(name="myfed.svc.cluster.local", kind="old", federation="myfed")
REVERSE = Zone(name="10.in-addr.arpa", kind="reverse")
SIX = Zone(name="d.f.ip6.arpa", kind="reverse")
ALL = (*ZONES, OLD, REVERSE, SIX)
NOT_LISTED: Final = {"_explain", "_whoami", "_clusters", "_state", "pin", "prefer", "_zone", "_region", "_cluster"}


def client(where: Location = IN_EU) -> Client:
    """Somebody at a place."""
    return Client(address=packed("10.1.7.7")[0], location=where, allowed=True, diagnostics=False)


def listed(
    zone: Zone, state: State | None = None, where: Location = IN_EU, servers: Sequence[Server] = ()
) -> list[Record]:
    """All records of a zone."""
    return list(Listing(zone, client(where), state or federation(zones=ALL), NOW, servers).records())


def lines(found: Iterable[Record]) -> list[str]:
    """Records as text."""
    return text(list(found), owner=True)


def test_a_whole_zone() -> None:
    """The SOA, then names in canonical order, each with all that it has; what answers nothing is not there."""
    api = f"api.shop.{STRICT}"
    state = federation((*API, headless("eu1", pod("10.1.0.9", ready=False))))
    assert lines(listed(STRICT_ZONE, state)) == [
        "clusterset.local. 5 SOA ns.dns.clusterset.local. hostmaster.clusterset.local. 42 7200 1800 86400 5",
        "clusterset.local. 5 NS localhost.",
        'dns-version.clusterset.local. 28800 TXT "1.0.0"',
        f"{api}. 5 A 10.96.0.1",
        *(f"{api}. {each}" for each in shown(ask(api, "SRV", state))),
        f"_https._tcp.{api}. 5 SRV 0 100 443 {api}.",
        *(f"_dns._udp.{api}. {each}" for each in shown(ask(f"_dns._udp.{api}", "SRV", state))),
    ]


@pytest.mark.parametrize("zone", ALL, ids=lambda zone: zone.kind + zone.name[:1])
@pytest.mark.parametrize("where", [IN_EU, OUTSIDE], ids=["inside", "outside"])
def test_it_is_what_is_answered(zone: Zone, where: Location) -> None:
    """Each record answers a question for its name and type, in canonical order, and dnspython can load the whole."""
    state = federation((*DB, *API, headless("us1", pod("fd00::7"), name="six")), zones=ALL)
    found = listed(zone, state, where)
    for each in found[2:]:
        name = dns.name.from_wire(each.owner, 0)[0].to_text()
        answer = ask(name, presentation.TYPES[each.rtype], state, where=where)
        assert each in [*answer.chain, *(record for group in answer.groups for record in group.records)]
    names = [dns.name.from_wire(each.owner, 0)[0] for each in found]
    assert names == sorted(names)
    assert len(set(found)) == len(found)
    origin = found[0].owner
    whole = presentation.heading(origin, zone.ttl) + "".join(presentation.line(each, origin) for each in found)
    assert len(dns.zone.from_text(whole).nodes) == len(set(names))


@pytest.mark.parametrize(
    ("name", "qtype"),
    [(name, qtype) for table in (CLUSTERSET, FEDERATED) for name, qtype, _ in table.values()],
)
def test_what_is_answered_is_in_it(name: str, qtype: str) -> None:
    """Every positive answer of the tables of names, but for what only a question can say."""
    labels = name.lower().split(".")
    known_zone = "eu-z" not in labels
    if NOT_LISTED.intersection(labels) or qtype in {"ANY", "CNAME"} or not known_zone:
        return
    state = federation()
    answer = ask(name, qtype, state)
    zone = STRICT_ZONE if labels[-1] == "local" else FEDERAL_ZONE
    kept = {(each.owner.lower(), each.rtype, each.rdata.lower()) for each in listed(zone, state)}
    records_ = [*answer.chain, *(record for group in answer.groups for record in group.records)]
    names = (codes.NS, codes.SOA)
    assert {(r.owner.lower(), r.rtype, r.rdata.lower()) for r in records_ if r.rtype not in names} <= kept


def test_shares_stand_together() -> None:
    """What takes turns in answers is one set in a zone."""
    state = federation(policies=(Policy(weights={"eu1": 1, "us1": 3}),))
    found = [
        each
        for each in lines(listed(FEDERAL_ZONE, state, Location(network="default")))
        if each.startswith(f"db.shop.{FEDERAL}. 20 A ")
    ]
    assert [each.split()[-1] for each in found] == ["10.1.0.1", "10.1.0.2", "10.2.0.1"]


def test_regions_and_topology_zones() -> None:
    """The names of each region, and of each zone that an endpoint is in: records, or aliases to the name above."""
    found = lines(listed(FEDERAL_ZONE))
    assert "db.shop.myfed.svc.us-b.us.example.com. 20 A 10.3.0.1" in found
    assert "api.shop.myfed.svc.us-b.us.example.com. 20 CNAME api.shop.myfed.svc.us.example.com." in found
    port = "_https._tcp.api.shop.myfed.svc"
    assert f"{port}.us-b.us.example.com. 20 CNAME {port}.us.example.com." in found


def test_zones_and_regions_that_no_name_can_spell() -> None:
    """A zone with a dot is none of a name's labels; a member without a region has no names of one."""
    clusters = (*CLUSTERS, structs.replace(CLUSTERS[0], name="none", region=""))
    state = federation(
        (*DB, headless("none", pod("10.9.0.1", "a.b")), headless("eu1", pod("10.8.0.1", "x.y"), name="dot")),
        clusters=clusters,
    )
    areas = {each.split()[0].partition(".svc.")[2] for each in lines(listed(FEDERAL_ZONE, state))}
    assert areas == {
        "",
        "example.com.",
        "eu.example.com.",
        "us.example.com.",
        "eu-a.eu.example.com.",
        "eu-b.eu.example.com.",
        "us-a.us.example.com.",
        "us-b.us.example.com.",
    }


def test_an_alias_stands_alone() -> None:
    """Where addresses and an alias are answered for one name, as old names do, the zone has the addresses only."""
    found = lines(listed(OLD))
    own = [each for each in found if each.startswith("db.shop.myfed")]
    assert own == ["db.shop.myfed.svc.cluster.local. 5 A 10.1.0.1"]
    abroad = [each for each in lines(listed(OLD, where=OUTSIDE)) if each.startswith("db.shop.myfed")]
    assert abroad == ["db.shop.myfed.svc.cluster.local. 20 CNAME db.shop.myfed.svc.example.com."]


def test_names_over_the_limits_are_left_out() -> None:
    """M18: a host whose name would be too long has no line, and everybody else has."""
    state = federation((headless("eu1", pod("10.1.0.1", "", "x" * 64), pod("10.1.0.2", "", "good")),))
    assert not any("x" * 64 in each for each in lines(listed(FEDERAL_ZONE, state)))
    assert any(each.startswith("good.eu1.db.shop") for each in lines(listed(FEDERAL_ZONE, state)))


def test_name_servers_that_are_given() -> None:
    """They stand in NS, the first in the SOA, and those inside the zone bring their addresses."""
    servers = (
        Server(records.name("b.ns.clusterset.local"), packed("192.0.2.1", "fd00::1")),
        Server(records.name("ns.example.net")),
    )
    listing = Listing(STRICT_ZONE, client(), federation(), NOW, servers)
    found = lines(listing.records())
    assert found[0].startswith("clusterset.local. 5 SOA b.ns.clusterset.local. hostmaster.clusterset.local. 42 ")
    assert found[1:3] == [
        "clusterset.local. 5 NS b.ns.clusterset.local.",
        "clusterset.local. 5 NS ns.example.net.",
    ]
    assert {"b.ns.clusterset.local. 5 A 192.0.2.1", "b.ns.clusterset.local. 5 AAAA fd00::1"} < set(found)
    assert listing.taken() == ""
    assert listing.origin == records.name("clusterset.local")


def test_a_name_server_at_a_name_that_has_records() -> None:
    """It is told by its name: both cannot stand there."""
    servers = (Server(records.name(f"db.shop.{STRICT}"), packed("192.0.2.1")),)
    assert Listing(STRICT_ZONE, client(), federation(), NOW, servers).taken() == f"db.shop.{STRICT}"


def test_nobody_serves_it_by_default() -> None:
    """No address of the zone's own name server is known, and a zone may not name one without."""
    assert [each.rdata for each in listed(STRICT_ZONE) if each.rtype == codes.NS] == [NOBODY]


def test_the_zone_s_own_name_server_where_it_is_known() -> None:
    """Its addresses stand in the zone, and its name at the apex."""
    first = federation()
    rules = structs.replace(first.rules, advertise=packed("192.0.2.53"))
    state = State(rules=rules, catalog=first.catalog, statuses=first.statuses, holders=first.holders)
    found = [line for line in lines(listed(STRICT_ZONE, state)) if "ns.dns" in line]
    assert [line.split()[2:] for line in found[1:]] == [["NS", "ns.dns.clusterset.local."], ["A", "192.0.2.53"]]


def test_every_label_of_a_zone_is_listed() -> None:
    """Federations that share a zone stand in it side by side."""
    zones = (FEDERAL_ZONE, structs.replace(FEDERAL_ZONE, federation="other"))
    found = lines(listed(FEDERAL_ZONE, federation((*API,), zones=zones)))
    assert {line.split(".")[2] for line in found if line.startswith("api.shop.")} == {"myfed", "other"}


def test_members_that_are_unknown_add_nothing() -> None:
    """While a member has never been read, names that only it could have are simply not there."""
    state = federation((*API,), states={"us1": Freshness.SYNCING})
    balanced_only = {each.split()[0] for each in lines(listed(STRICT_ZONE, state))}
    assert f"api.shop.{STRICT}." in balanced_only


def test_a_service_without_ports() -> None:
    """Its addresses alone."""
    state = federation((balanced("eu1", pod("10.1.0.5"), ips=packed("10.96.0.9"), ports=()),))
    found = [each for each in lines(listed(STRICT_ZONE, state)) if each.startswith("api")]
    assert found == [f"api.shop.{STRICT}. 5 A 10.96.0.9"]
