"""Building: every key of a file arrives in the settings, and what is missing takes its default."""

import socket
from pathlib import Path

import pytest

from fedns.answers.rules import Zone
from fedns.federation.failover import Failover
from fedns.federation.health import Freshness
from fedns.federation.isolation import Isolation
from fedns.federation.locality import ClientRule
from fedns.federation.objects import AddressKind
from fedns.federation.placement import Policy, Rung
from fedns.settings.load import parse
from fedns.settings.schema import Address, Kept, Kubeconfig, Local, Logging, Replicas, Settings
from tests.settings.conftest import GOOD

FULL = """\
apiVersion: fedns.io/v1alpha1
kind: FednsConfig
dns: {listen: ["127.0.0.1:53"], workers: 3, allow: ["10.0.0.0/8"], nsid: me, lameduck: 1s}
metrics: {listen: "off"}
ready: {listen: "127.0.0.1:8181"}
diagnostics: {allow: []}
zones: {clusterset: {ttl: 1}, federation: {name: example.com, federation: myfed, negativeTTL: 2}}
local: {cluster: eu1, zone: b, whenStale: demote}
clusters:
  - {name: eu1, kubeconfig: {path: /a, context: b}, region: r, jurisdiction: j, network: n, exports: [All],
     addresses: [Gateway, PodIP], clusterIPsRoutable: true, gateway: {ips: [192.0.2.1]}, weight: 0, capacity: 2,
     cost: 0.5, trust: {rank: 1}}
clients: [{cidrs: ["10.1.0.0/16"], region: r, zone: z, jurisdiction: j, network: n}]
freshness: {probeInterval: 1s, unsyncedAfter: 1m}
isolation: {share: 0.7, window: 1m}
failover: {budget: 0.2, window: 2m}
state: {path: orders}
forced: {eu1: stale}
snapshot: {path: kept, interval: 1s}
replicas: {addresses: ["peers:53"], bound: 4s}
policies:
  - {match: {namespaces: [shop], services: ["w*"]}, ladder: [region, any], minReady: "50%", spill: none, ttl: 0,
     jurisdictions: [j], weights: {eu1: 1}, whenAllUnhealthy: closed, maxAnswers: 4, largeAnswers: truncate}
logging: {level: debug, format: json}
"""


def settings(text: str) -> Settings:
    """The settings of a text."""
    return parse(text, Path("/etc"), {}, {}, check_files=False)


def test_every_key_arrives() -> None:
    """What the file says is what the settings say."""
    read = settings(FULL)
    assert (read.dns.listen, read.dns.workers, read.dns.lameduck) == ((Address("127.0.0.1", 53),), 3, 1.0)
    assert (read.dns.allow, read.dns.nsid, read.diagnostics) == (("10.0.0.0/8",), "me", ())
    assert (read.metrics, read.ready) == (None, Address("127.0.0.1", 8181))
    assert read.zones[0] == Zone(name="clusterset.local", kind="clusterset", ttl=1)
    assert read.zones[1] == Zone(name="example.com", kind="federation", federation="myfed", negative_ttl=2)
    assert read.local == Local(cluster="eu1", zone="b", when_stale="demote")
    rule = ClientRule(cidrs=("10.1.0.0/16",), region="r", zone="z", jurisdiction="j", network="n")
    assert read.clients == (rule,)
    assert (read.freshness.probe_interval, read.freshness.unsynced_after) == (1.0, 60.0)
    assert read.isolation == Isolation(share=0.7, window=60.0)
    assert (read.failover, read.state) == (Failover(budget=0.2, window=120.0), "/etc/orders")
    assert read.forced == {"eu1": Freshness.STALE}
    assert read.snapshot == Kept(path="/etc/kept", interval=1.0)
    assert read.replicas == Replicas(addresses=(Address("peers", 53),), bound=4.0)
    assert read.logging == Logging(level="debug", format="json")


def test_a_member_arrives() -> None:
    """Places, addresses and trust are the cluster's; credentials and exports the member's."""
    (member,) = settings(FULL).clusters
    assert (member.kubeconfig, member.in_cluster) == (Kubeconfig(path="/a", context="b"), False)
    assert member.exports == ("All",)
    cluster = member.cluster
    assert (cluster.name, cluster.region, cluster.jurisdiction, cluster.network) == ("eu1", "r", "j", "n")
    assert cluster.addresses == (AddressKind.GATEWAY, AddressKind.POD_IP)
    assert (cluster.cluster_ips_routable, cluster.gateway_ips) == (True, (b"\xc0\x00\x02\x01",))
    assert (cluster.weight, cluster.capacity, cluster.cost, cluster.trust_rank) == (0, 2.0, 0.5, 1)


def test_a_policy_arrives() -> None:
    """All of its keys, with what it matches."""
    assert settings(FULL).policies == (
        Policy(
            namespaces=("shop",),
            services=("w*",),
            ladder=(Rung.REGION, Rung.ANY),
            min_ready="50%",
            spill="none",
            jurisdictions=("j",),
            weights={"eu1": 1},
            when_all_unhealthy="closed",
            ttl=0,
            max_answers=4,
            large_answers="truncate",
        ),
    )


def test_what_is_missing_takes_its_default() -> None:
    """The server's name is the host's, and only the clusterset zone is served."""
    read = settings(GOOD)
    assert read == Settings(clusters=read.clusters, dns=read.dns)
    assert read.dns.nsid == socket.gethostname()
    assert [zone.name for zone in read.zones] == ["clusterset.local"]
    assert read.clusters[0].in_cluster
    assert read.clusters[1].kubeconfig == Kubeconfig(path="/etc/us1.yaml")


def test_prefixes_become_zones_of_the_reverse_tree() -> None:
    """They are cut at the next octet or nibble; these and the old names live as long as the federation zone's."""
    text = """zones:
  federation: {name: example.com, federation: myfed, ttl: 7, negativeTTL: 3}
  reverse: [10.0.0.0/8, 172.16.0.0/15, 192.0.2.0/24, "fd00::/8", "2001:db8::/47"]
  clusterLocal: {}
"""
    zones = settings(GOOD + text).zones
    assert {(each.ttl, each.negative_ttl) for each in zones[1:]} == {(7, 3)}
    assert [each.name for each in zones if each.kind == "reverse"] == [
        "10.in-addr.arpa",
        "16.172.in-addr.arpa",
        "17.172.in-addr.arpa",
        "2.0.192.in-addr.arpa",
        "d.f.ip6.arpa",
        "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    ]
    assert [each.name for each in zones if each.kind == "old"] == ["myfed.svc.cluster.local"]


def test_several_federations() -> None:
    """Each is a zone; old names go to the first of those with their label, reverse zones live as long as the first."""
    text = """zones:
  federation: {name: example.com, federation: one, ttl: 7}
  federations:
    - {name: example.com, federation: two, ttl: 8}
    - {name: example.org, federation: one, ttl: 9}
  clusterLocal: {}
"""
    zones = settings(GOOD + text).zones
    assert [(each.name, each.federation, each.ttl) for each in zones if each.kind == "federation"] == [
        ("example.com", "one", 7),
        ("example.com", "two", 8),
        ("example.org", "one", 9),
    ]
    assert {(each.name, each.ttl) for each in zones if each.kind == "old"} == {
        ("one.svc.cluster.local", 7),
        ("two.svc.cluster.local", 8),
    }


@pytest.mark.parametrize(
    ("dns", "addresses"),
    [
        pytest.param("{}", [], id="every interface"),
        pytest.param('{listen: ["0.0.0.0:53", "127.0.0.1:5353"]}', [], id="none of its own"),
        pytest.param('{listen: ["192.0.2.1:53", "192.0.2.1:5353", "[2001:db8::1]:53"]}', [4, 16], id="chosen ones"),
        pytest.param('{listen: ["192.0.2.1:53"], advertise: []}', [], id="told not to"),
        pytest.param('{advertise: ["192.0.2.53"]}', [4], id="told"),
    ],
)
def test_what_zones_call_this_server(dns: str, addresses: list[int]) -> None:
    """By default the addresses that it was given to listen on."""
    assert [len(each) for each in settings(GOOD + f"dns: {dns}\n").dns.advertise] == addresses


def test_a_ladder_that_services_ask_for() -> None:
    """The word instead of a list of rungs."""
    asked, named = settings(f"{GOOD}policies: [{{ladder: fromService}}, {{ladder: [any]}}]\n").policies
    assert asked == Policy(from_service=True)
    assert named == Policy(ladder=(Rung.ANY,))
