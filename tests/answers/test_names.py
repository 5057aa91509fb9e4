"""The grammar of names: every form that is read, and near misses that are not."""

from collections.abc import Mapping

import pytest

from fedns.answers.names import Asked, Grammar, Subject
from fedns.answers.rules import Zone
from fedns.federation.objects import Cluster

ZONES = (
    Zone(name="clusterset.local", kind="clusterset"),
    Zone(name="Example.COM.", kind="federation", federation="MyFed"),
    Zone(name="sub.example.com", kind="federation", federation=""),
)
CLUSTERS = (
    Cluster(name="eu1", region="EU"),
    Cluster(name="c1.fleet", region="us.east"),
    Cluster(name="fleet", region="us.east"),
    Cluster(name="bare"),
)
GRAMMAR = Grammar(ZONES, CLUSTERS)
OF_SERVICE: Mapping[str, str | bool] = {"namespace": "ns", "service": "web"}

FORMS: dict[str, tuple[Subject, Mapping[str, str | bool]]] = {
    "clusterset.local": (Subject.APEX, {}),
    "dns-version.clusterset.local": (Subject.VERSION, {}),
    "dns.clusterset.local": (Subject.EMPTY, {}),
    "ns.dns.clusterset.local": (Subject.SERVER, {}),
    "other.clusterset.local": (Subject.NOTHING, {}),
    "svc.clusterset.local": (Subject.EMPTY, {}),
    "ns.svc.clusterset.local": (Subject.NAMESPACE, {"namespace": "ns"}),
    "web.ns.svc.clusterset.local": (Subject.SERVICE, OF_SERVICE),
    "web.ns.pod.clusterset.local": (Subject.NOTHING, {}),
    "_https._tcp.web.ns.svc.clusterset.local": (Subject.SERVICE, {"port": "https", "protocol": "tcp"}),
    "_tcp.web.ns.svc.clusterset.local": (Subject.SERVICE, {"protocol": "tcp", "port": ""}),
    "_.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "_._tcp.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "_https._.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "_x._https._tcp.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "eu1.web.ns.svc.clusterset.local": (Subject.SERVICE, {"cluster": "eu1", "host": ""}),
    "pet-0.eu1.web.ns.svc.clusterset.local": (Subject.SERVICE, {"cluster": "eu1", "host": "pet-0"}),
    "c1.fleet.web.ns.svc.clusterset.local": (Subject.SERVICE, {"cluster": "c1.fleet", "host": ""}),
    "c2.fleet.web.ns.svc.clusterset.local": (Subject.SERVICE, {"cluster": "fleet", "host": "c2"}),
    "p.c1.fleet.web.ns.svc.clusterset.local": (Subject.SERVICE, {"cluster": "c1.fleet", "host": "p"}),
    "x.p.eu1.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "unknown.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "_https._tcp.p.eu1.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "_explain.web.ns.svc.clusterset.local": (Subject.SERVICE, {"explain": True, **OF_SERVICE}),
    "_explain._https._tcp.web.ns.svc.clusterset.local": (Subject.SERVICE, {"explain": True, "port": "https"}),
    "_explain.clusterset.local": (Subject.NOTHING, {"explain": False}),
    "_explain._explain.web.ns.svc.clusterset.local": (Subject.NOTHING, {}),
    "_whoami.clusterset.local": (Subject.NOTHING, {}),
    "a.pin._zone.web.ns.svc.clusterset.local": (
        Subject.SERVICE,
        {"directive": "pin", "anchor": "zone", "value": "a"},
    ),
    "example.com": (Subject.APEX, {}),
    "dns-version.example.com": (Subject.NOTHING, {}),
    "_whoami.example.com": (Subject.WHOAMI, {}),
    "_clusters.example.com": (Subject.CLUSTERS, {}),
    "_state.example.com": (Subject.STATE, {"cluster": ""}),
    "eu1._state.example.com": (Subject.STATE, {"cluster": "eu1"}),
    "c1.fleet._state.example.com": (Subject.STATE, {"cluster": "c1.fleet"}),
    "no._state.example.com": (Subject.NOTHING, {}),
    "_other.example.com": (Subject.NOTHING, {}),
    "svc.example.com": (Subject.EMPTY, {}),
    "myfed.svc.example.com": (Subject.EMPTY, {}),
    "other.svc.example.com": (Subject.NOTHING, {}),
    "ns.myfed.svc.example.com": (Subject.NAMESPACE, {"namespace": "ns"}),
    "web.ns.myfed.svc.example.com": (Subject.SERVICE, {**OF_SERVICE, "region": "", "area": ""}),
    "eu.example.com": (Subject.EMPTY, {}),
    "east.example.com": (Subject.EMPTY, {}),
    "us.east.example.com": (Subject.EMPTY, {}),
    "any.eu.example.com": (Subject.EMPTY, {}),
    "svc.eu.example.com": (Subject.EMPTY, {}),
    "svc.any.eu.example.com": (Subject.EMPTY, {}),
    "x.any.eu.example.com": (Subject.NOTHING, {}),
    "asia.example.com": (Subject.NOTHING, {}),
    "web.ns.myfed.svc.eu.example.com": (Subject.SERVICE, {"region": "EU", "area": ""}),
    "web.ns.myfed.svc.a.eu.example.com": (Subject.SERVICE, {"region": "EU", "area": "a"}),
    "web.ns.myfed.svc.a.us.east.example.com": (Subject.SERVICE, {"region": "us.east", "area": "a"}),
    "_https._tcp.web.ns.myfed.svc.eu.example.com": (Subject.SERVICE, {"region": "EU", "port": "https"}),
    "eu1.web.ns.myfed.svc.eu.example.com": (Subject.NOTHING, {}),
    "_https._tcp.p.eu1.web.ns.myfed.svc.example.com": (
        Subject.SERVICE,
        {"port": "https", "cluster": "eu1", "host": "p"},
    ),
    "_tcp.p.eu1.web.ns.myfed.svc.example.com": (Subject.SERVICE, {"protocol": "tcp", "host": "p"}),
    "a.pin._zone.web.ns.myfed.svc.eu.example.com": (Subject.NOTHING, {}),
    "a.b.prefer._region.web.ns.myfed.svc.example.com": (
        Subject.SERVICE,
        {"directive": "prefer", "anchor": "region", "value": "a.b"},
    ),
    "_https._tcp.a.pin._cluster.web.ns.myfed.svc.example.com": (Subject.SERVICE, {"anchor": "cluster", "value": "a"}),
    "pin._zone.web.ns.myfed.svc.example.com": (Subject.SERVICE, {"above_clusters": True}),
    "_zone.web.ns.myfed.svc.example.com": (Subject.SERVICE, {"above_clusters": True}),
    "_tcp.pin._zone.web.ns.myfed.svc.example.com": (Subject.NOTHING, {}),
    "a.keep._zone.web.ns.myfed.svc.example.com": (Subject.NOTHING, {}),
    "web.ns.svc.sub.example.com": (Subject.SERVICE, OF_SERVICE),
}


def read(name: str, grammar: Grammar = GRAMMAR) -> Asked | None:
    """Read a name given as text."""
    return grammar.read([label.encode() for label in name.split(".")] if name else [])


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    """A name is read as one thing, or as nothing that can exist."""
    subject, said = FORMS[name]
    asked = read(name)
    assert asked is not None
    assert asked.subject is subject
    assert {field: getattr(asked, field) for field in said} == said


@pytest.mark.parametrize("name", ["", "com", "local", "xclusterset.local", "example.org"])
def test_outside(name: str) -> None:
    """What is in no zone of ours is not read; a label that merely ends like the zone is outside."""
    assert read(name) is None


def test_no_zones_and_the_root() -> None:
    """Without zones nothing is ours; the root as a zone holds everything."""
    assert read("a.b", Grammar((), ())) is None
    asked = read("web.ns.svc", Grammar((Zone(name=".", kind="clusterset"),), ()))
    assert asked is not None
    assert asked.subject is Subject.SERVICE


def test_several_federations() -> None:
    """Zones of one name are one zone with several labels; what stands at the apex is the first one's."""
    zones = (*ZONES[1:2], Zone(name="example.com", kind="federation", federation="Other", ttl=9), ZONES[2])
    grammar = Grammar(zones, CLUSTERS)
    for name, zone, home in (
        ("web.ns.myfed.svc.example.com", zones[0], "web.ns.MyFed.svc.example.com"),
        ("p.eu1.web.ns.other.svc.example.com", zones[1], "web.ns.Other.svc.example.com"),
        ("web.ns.other.svc.eu.example.com", zones[1], "web.ns.Other.svc.example.com"),
    ):
        asked = read(name, grammar)
        assert asked is not None
        assert (asked.subject, asked.zone, ".".join(asked.home)) == (Subject.SERVICE, zone, home)
    apex, none = read("example.com", grammar), read("web.ns.third.svc.example.com", grammar)
    assert apex is not None
    assert none is not None
    assert (apex.zone, none.subject) == (zones[0], Subject.NOTHING)


def test_above_dotted_names() -> None:
    """A name above dotted cluster ids or regions exists; it is not one itself."""
    grammar = Grammar(ZONES, CLUSTERS[1:2])
    service = read("fleet.web.ns.svc.clusterset.local", grammar)
    assert service is not None
    assert (service.above_clusters, service.cluster) == (True, "")
    state = read("fleet._state.example.com", grammar)
    region = read("east.example.com", grammar)
    assert state is not None
    assert region is not None
    assert (state.subject, region.subject) == (Subject.STATE, Subject.EMPTY)


@pytest.mark.parametrize("name", ["_tcp.fleet.web.ns.svc.clusterset.local", "_zone.web.ns.svc.clusterset.local"])
def test_strange_bytes(name: str) -> None:
    """Labels that are no text at all are read too."""
    assert GRAMMAR.read([b"\xff\x00", *[label.encode() for label in name.split(".")]]) is not None


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("web.ns.svc.clusterset.local", "web.ns.svc.clusterset.local"),
        ("p.eu1.web.ns.myfed.svc.example.com", "web.ns.MyFed.svc.example.com"),
        ("web.ns.myfed.svc.eu.example.com", "web.ns.MyFed.svc.example.com"),
        ("web.ns.svc.sub.example.com", "web.ns.svc.sub.example.com"),
    ],
)
def test_home(name: str, home: str) -> None:
    """The service's own name has neither region nor cluster."""
    asked = read(name)
    assert asked is not None
    assert ".".join(asked.home) == home
