"""Members by all of their keys: trust, imports and their sources, Secrets; what contradicts what."""

from pathlib import Path

import pytest

from fedns.federation.objects import AddressKind, Cluster
from fedns.settings import membership
from fedns.settings.load import parse
from fedns.settings.schema import (
    Address,
    ClusterProfiles,
    ClustersFrom,
    Exec,
    Kubeconfig,
    Lookup,
    PathProbe,
    Provider,
    Secrets,
    Settings,
    Trust,
)
from fedns.settings.told import rules
from tests.settings.conftest import GOOD, Reading

HUB = """\
  - name: hub
    kubeconfig: {path: /hub, allowExec: true}
    source: imports
    trust: {rank: 2, namespaces: [shop, "x-*"], cidrs: [10.0.0.0/8], maxServices: 1, maxEndpoints: 2,
      maxEventsPerSecond: 3, maxBytes: 512Mi}
    sources:
      - {name: ap1, region: r, jurisdiction: j, network: n, weight: 1, capacity: 2, cost: 3, clusterIPsRoutable: true,
         gateway: {ips: [192.0.2.1]}, addresses: [Gateway]}
      - {name: ap2}
"""
IMPORTED = (AddressKind.CLUSTER_SET_IP, AddressKind.POD_IP, AddressKind.GATEWAY)


def settings(text: str) -> Settings:
    """The settings of a text."""
    return parse(text, Path("/etc"), {}, {}, check_files=False)


def test_a_hub_arrives() -> None:
    """Sources are clusters told of by their hub, trusted as far as it is, at places of their own."""
    hub = settings(GOOD + HUB).clusters[2]
    assert (hub.source, hub.cluster.addresses, hub.cluster.via) == ("imports", IMPORTED, "")
    first, second = hub.sources
    assert first == Cluster(
        name="ap1",
        via="hub",
        region="r",
        jurisdiction="j",
        network="n",
        addresses=(AddressKind.GATEWAY,),
        cluster_ips_routable=True,
        gateway_ips=(b"\xc0\x00\x02\x01",),
        weight=1,
        capacity=2.0,
        cost=3.0,
        trust_rank=2,
    )
    assert second == Cluster(name="ap2", via="hub", addresses=IMPORTED, trust_rank=2)


def test_data_paths_arrive() -> None:
    """Of a member and of its sources, each of one kind; what is not given has its default."""
    more = """\
      - {name: ap3, dataPath: {dns: {server: "[fd00::1]:53", name: web}, interval: 1s, timeout: 3s, failures: 4}}
    dataPath: {http: "https://gw/healthz"}
"""
    hub = settings(GOOD + HUB + more).clusters[2]
    lookup = Lookup(server=Address("fd00::1", 53), name="web")
    assert hub.data_paths == {
        "hub": PathProbe(http="https://gw/healthz"),
        "ap3": PathProbe(dns=lookup, interval=1.0, timeout=3.0, failures=4),
    }
    assert [each.target for each in hub.data_paths.values()] == ["https://gw/healthz", "dns [fd00::1]:53 web"]
    assert PathProbe(tcp=Address("gw", 443)).target == "tcp gw:443"


def test_workers_know_the_sources() -> None:
    """They are clusters like members."""
    assert [cluster.name for cluster in rules(settings(GOOD + HUB)).clusters] == ["eu1", "us1", "hub", "ap1", "ap2"]


def test_trust_arrives() -> None:
    """Every limit, and its default."""
    _, us1, hub = settings(GOOD + HUB).clusters
    assert hub.trust == Trust(
        namespaces=("shop", "x-*"),
        cidrs=("10.0.0.0/8",),
        max_services=1,
        max_endpoints=2,
        max_events_per_second=3,
        max_bytes=512 << 20,
    )
    assert us1.trust == Trust()
    assert hub.kubeconfig == Kubeconfig(path="/hub", allow_exec=True)


def test_where_members_come_from_arrives() -> None:
    """With a label that is the default; the file then needs the local cluster alone."""
    text = GOOD.replace("  - {name: us1, region: us-east1, kubeconfig: {path: us1.yaml}}\n", "local: {cluster: eu1}\n")
    read = settings(text + "clustersFrom: {secrets: {namespace: fedns}}\n")
    secrets = Secrets(namespace="fedns", label_selector="fedns.io/cluster=true")
    assert read.clusters_from == ClustersFrom(secrets=secrets)
    assert [member.name for member in read.clusters] == ["eu1"]
    read = settings(text + "clustersFrom: {secrets: {namespace: a, labelSelector: 'x in (a, b), !y'}}\n")
    assert read.clusters_from.secrets == Secrets(namespace="a", label_selector="x in (a, b), !y")
    assert settings(GOOD).clusters_from.secrets is None


AT = "clustersFrom.clusterProfiles"
INVENTORY = """local: {cluster: eu1}
clustersFrom:
  clusterProfiles:
    namespace: fleet
    providers:
      - {name: tokens, tokenFile: "/t/{name}"}
      - {name: runs, exec: {command: run, args: [a], env: {B: c}}}
"""


def test_an_inventory_arrives() -> None:
    """With the standard's region unless another property is said to be it; the others are believed where it is said."""
    text = GOOD + INVENTORY
    found = settings(text).clusters_from
    run = Exec(command="run", args=("a",), env={"B": "c"})
    providers = (Provider(name="tokens", token_file="/t/{name}"), Provider(name="runs", exec=run))
    assert found == ClustersFrom(cluster_profiles=ClusterProfiles(namespace="fleet", providers=providers))
    profiles = settings(
        text + "    properties: {cost: my/cost}\n    labelSelector: x=y\n"
    ).clusters_from.cluster_profiles
    assert profiles is not None
    assert profiles.properties == {"region": "topology.kubernetes.io/region", "cost": "my/cost"}
    assert profiles.label_selector == "x=y"


def test_credentials_are_never_shown() -> None:
    """A kubeconfig that is printed, alone or in settings, shows no content."""
    assert "token" not in repr(Kubeconfig(path="secret a/b", content="token"))


def test_a_source_has_what_a_member_has_of_a_place() -> None:
    """No key is known to one only, but for those of the way to it and of trust."""
    sources = membership.CLUSTER.keys["sources"]
    own = {"kubeconfig", "inCluster", "source", "sources", "exports", "hostNames", "namespaceAnnotations", "trust"}
    assert set(sources.item.keys) == set(membership.CLUSTER.keys) - own  # type: ignore[attr-defined]


WRONG = {
    "exports of imports": (HUB + "    exports: [All]\n", "clusters[2].exports", 15, "none is exported here"),
    "sources of exports": (
        "  - {name: a, kubeconfig: {path: a}, sources: [{name: b}]}\n", "clusters[2].sources", 6, "add source: imports",
    ),
    "own name": (HUB.replace("ap1", "hub"), "clusters[2].sources[0].name", 12, "its entry stands for it"),
    "name of a member": (HUB.replace("ap1", "us1"), "clusters[2].sources[0].name", 12, "(the other in line 5)"),
    "source twice": (HUB.replace("ap2", "ap1"), "clusters[2].sources[1].name", 14, "(the other in line 12)"),
    "source without a name": (HUB.replace("name: ap2", "weight: 1"), "clusters[2].sources[1].name", 14, "is missing"),
    "kind twice": (HUB.replace("[Gateway]", "[PodIP, PodIP]"), "clusters[2].sources[0].addresses", 13, "twice"),
    "namespace twice": (HUB.replace('"x-*"', "shop"), "clusters[2].trust.namespaces", 9, "twice"),
    "no pattern": (HUB.replace("x-*", "X"), "clusters[2].trust.namespaces[1]", 9, "* for any characters"),
    "no prefix": (HUB.replace("10.0.0.0/8", "10.0.0.1"), "clusters[2].trust.cidrs[0]", 9, "10.0.0.1/32"),
    "nothing believed": (HUB.replace("[10.0.0.0/8]", "[]"), "clusters[2].trust.cidrs", 9, "empty list"),
    "no quantity": (HUB.replace("512Mi", "512MB"), "clusters[2].trust.maxBytes", 10, "write 512Mi"),
    "bare bytes": (HUB.replace("512Mi", "512"), "clusters[2].trust.maxBytes", 10, "from 1Mi to 65536Mi"),
    "no services": (HUB.replace("maxServices: 1", "maxServices: 0"), "clusters[2].trust.maxServices", 9, "from 1 to"),
    "unreadable source": (HUB.replace("imports", "both"), "clusters[2].source", 8, "not one of the words"),
    "key of members": (HUB.replace("{name: ap2}", "{name: ap2, trust: {}}"), "clusters[2].sources[1].trust", 14, "key"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "line", "words"), WRONG.values(), ids=WRONG)
def test_wrong_members_are_told(text: str, path: str, line: int, words: str, reading: Reading) -> None:
    """Each is one problem, at its line."""
    (problem,) = reading.added(text)
    assert (problem.path, problem.line) == (path, line)
    assert words in problem.sentence


SECRETS = "clustersFrom: {secrets: {namespace: fedns}}\n"
PICKED = "local: {cluster: eu1}\nclustersFrom: {secrets: {namespace: fedns, labelSelector: PICK}}"
DISCOVERED = {
    "no local cluster": (SECRETS, "clustersFrom", "add local: {cluster: ...}"),
    "unknown local cluster": (f"{SECRETS}local: {{cluster: us2}}", "local.cluster", "did you mean us1?"),
    "local cluster told of": (f"{HUB}{SECRETS}local: {{cluster: ap1}}", "local.cluster", "name one of eu1, us1, hub"),
    "nothing": ("clustersFrom: {}", "clustersFrom", "give secrets or clusterProfiles"),
    "nodes without a local cluster": ("clientsFrom: {nodes: true}", "clientsFrom.nodes", "add local: {cluster: ...}"),
    "nodes of a cluster told of": (
        f"{HUB}clientsFrom: {{nodes: true}}\nlocal: {{cluster: ap1}}", "local.cluster", "clientsFrom.nodes is read in",
    ),
    "no namespace": ("local: {cluster: eu1}\nclustersFrom: {secrets: {}}", "clustersFrom.secrets.namespace", "missing"),
    "no providers": (INVENTORY.partition("    providers")[0], f"{AT}.providers", "is missing"),
    "no credentials": (INVENTORY.replace(', tokenFile: "/t/{name}"', ""), f"{AT}.providers[0]", "exec or tokenFile"),
    "both": (INVENTORY.replace("name: runs", "name: runs, tokenFile: /t"), f"{AT}.providers[1]", "one of them"),
    "half a path": (INVENTORY.replace("/t/", "t/"), f"{AT}.providers[0].tokenFile", "from / on"),
    "half a program": (INVENTORY.replace(": run,", ": ./run,"), f"{AT}.providers[1].exec.command", "on PATH"),
    "twice": (INVENTORY.replace("name: runs", "name: tokens"), f"{AT}.providers", "stands twice"),
    "no property": (f"{INVENTORY}    properties: {{zone: x}}", f"{AT}.properties.zone", "not a known key"),
    "no selector": (PICKED.replace("PICK", "a b"), "clustersFrom.secrets.labelSelector", "write key=value"),
    "every Secret": (PICKED.replace("PICK", "''"), "clustersFrom.secrets.labelSelector", "would take every object"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "words"), DISCOVERED.values(), ids=DISCOVERED)
def test_wrong_places_of_members_are_told(text: str, path: str, words: str, reading: Reading) -> None:
    """Secrets are read in a cluster that is followed, and by a selector that Kubernetes understands."""
    (problem,) = reading.added(f"{text}\n")
    assert problem.path == path
    assert words in problem.sentence


NAMED = [
    "clients: [{cidrs: [10.0.0.0/8], cluster: NAME}]\n",
    "policies: [{weights: {NAME: 1}}]\n",
]


@pytest.mark.parametrize("text", [*NAMED, "local: {cluster: NAME}\n"])
def test_a_source_can_be_named_like_a_member(text: str, reading: Reading) -> None:
    """Where clients are, where fedns is, and in shares."""
    assert reading.added(HUB + text.replace("NAME", "ap1")) == []


@pytest.mark.parametrize("text", NAMED)
def test_clusters_that_are_yet_to_come_can_be_named(text: str, reading: Reading) -> None:
    """Where members are discovered, an unknown name may be one of them; elsewhere it is a mistake."""
    text = "local: {cluster: eu1}\n" + text.replace("NAME", "later")
    assert reading.added(SECRETS + text) == []
    assert len(reading.added(text)) == 1


def test_a_zone_needs_its_source_to_have_a_region(reading: Reading) -> None:
    """As with members."""
    (problem,) = reading.added(HUB + "local: {cluster: ap2, zone: a}\n")
    assert problem.sentence.endswith("give ap2 its region")


def test_names_of_hosts_arrive() -> None:
    """By address, unless pods are asked for."""
    members = settings(GOOD + HUB + "    hostNames: pod\n").clusters
    assert [each.host_names for each in members] == ["address", "address", "pod"]


def test_nodes_are_the_local_clusters() -> None:
    """The local member is followed for its nodes, and no other."""
    read = settings(GOOD + "local: {cluster: eu1}\nclientsFrom: {nodes: true}\n")
    assert {each.name: each.nodes for each in read.clusters}["eu1"]
    assert sum(each.nodes for each in read.clusters) == 1
    assert not any(each.nodes for each in settings(GOOD + "clientsFrom: {nodes: false}\n").clusters)


def test_annotations_of_namespaces() -> None:
    """They are obeyed where they can be read, unless something else is said."""
    assert settings(GOOD).clusters[0].namespace_annotations == "optional"
