"""Contradictions between keys, and names of clusters that are not there."""

import pytest

from tests.settings.conftest import GOOD, Reading

MOVE = "service: a/b, from: eu1, start: 2026-01-01T00:00:00Z, schedule: 1% now"
ADDED = {
    "unknown local cluster": ("local: {cluster: eu2}", "local.cluster", "no cluster is called eu2; did you mean eu1?"),
    "unknown client cluster": (
        "clients: [{cidrs: [10.0.0.0/8], cluster: xx}]", "clients[0].cluster", "there is eu1, us1",
    ),
    "unknown cluster in shares": ("policies: [{weights: {eu3: 1}}]", "policies[0].weights.eu3", "did you mean eu1?"),
    "prefix given twice": (
        "clients: [{cidrs: [10.0.0.0/8], cluster: eu1}, {cidrs: [10.0.0.0/8], cluster: us1}]", "clients[1].cidrs",
        "10.0.0.0/8 is given twice (first in line 6)",
    ),
    "prefix twice in one entry": (
        "clients: [{cidrs: ['fd00::/8', 'FD00::/8'], cluster: eu1}]", "clients[0].cidrs", "given twice",
    ),
    "client without a place": ("clients: [{cidrs: [10.0.0.0/8]}]", "clients[0]", "nothing about their place"),
    "zone without a region": ("clients: [{cidrs: [10.0.0.0/8], zone: a}]", "clients[0].zone", "add cluster or region"),
    "local zone alone": ("local: {zone: a}", "local.zone", "add cluster"),
    "one address twice": (
        "dns: {listen: ['127.0.0.1:53', '127.0.0.1:53']}", "dns.listen[1]", "taken already, by dns.listen[0]",
    ),
    "one port for DNS and metrics": (
        "dns: {listen: ['127.0.0.1:53']}\nmetrics: {listen: '127.0.0.1:53'}", "metrics.listen", "another port",
    ),
    "two zones of one name": (
        "zones: {federation: {name: clusterset.local, federation: a}}", "zones.federation.name", "another name",
    ),
    "names of no federation zone": ("zones: {reverse: [10.0.0.0/8]}", "zones.reverse", "add federation"),
    "federations of none": (
        "zones: {federations: [{name: example.com, federation: fed}]}", "zones.federations", "add federation"),
    "a federation twice": (
        "zones: {federation: {name: a.example, federation: fed}, federations: [{name: a.example, federation: fed}]}",
        "zones.federations[0].federation", "stands already"),
    "a federation as the clusterset": (
        "zones: {federation: {name: a.example, federation: f}, federations: [{name: clusterset.local, federation: f}]}",
        "zones.federations[0].name", "another name"),
    "old names of none": ("zones: {clusterLocal: {}}", "zones.clusterLocal", "add federation"),
    "prefix inside another": (
        "zones: {federation: {name: a.b, federation: f}, reverse: [10.1.0.0/16, fd00::/8, 10.0.0.0/8]}",
        "zones.reverse[2]",
        "10.0.0.0/8 overlaps 10.1.0.0/16",
    ),
    "a budget that nobody can lift": ("failover: {budget: 0.2}", "failover.budget", "add state: {path: ...}"),
    "forced, but no member": ("forced: {nowhere: stale}", "forced.nowhere", "no cluster is called nowhere"),
    "stale before suspect": ("freshness: {staleAfter: 1s}", "freshness.staleAfter", "must not be shorter"),
    "suspect after stale": ("freshness: {suspectAfter: 20s}", "freshness.suspectAfter", "must not be shorter"),
    "move from nowhere": (f"migrations: [{{{MOVE}, to: eu3}}]", "migrations[0].to", "no cluster is called eu3"),
    "move to itself": (f"migrations: [{{{MOVE}, to: eu1}}]", "migrations[0].to", "cannot move to itself"),
    "two moves": (f"migrations: [{{{MOVE}, to: us1}}, {{{MOVE}, to: us1}}]", "migrations[1].service", "moves already"),
    "other condition": (f"migrations: [{{{MOVE}, to: us1, pauseIf: now}}]", "migrations[0].pauseIf", "ready(us1) < 3"),
    "drain of nobody": ("drains: [eu1, eu3/a]", "drains[1]", "no cluster is called eu3; did you mean eu1?"),
    "drained twice": ("drains: [eu1, eu1 --force]", "drains", "eu1 stands twice"),
    "rung twice": ("policies: [{ladder: [zone, zone]}]", "policies[0].ladder", "zone stands twice"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "words"), ADDED.values(), ids=ADDED)
def test_contradictions_are_told(text: str, path: str, words: str, reading: Reading) -> None:
    """Each is one problem, at the key that should change."""
    (problem,) = reading.added(f"{text}\n")
    assert problem.path == path
    assert words in problem.sentence


EU1 = "{name: eu1, region: eu-west1, inCluster: true}"
CLUSTERS = {
    "two of one name": ("{name: us1, kubeconfig: {path: a}}", "clusters[1].name", "in line 4"),
    "two ways to reach it": ("{name: eu1, inCluster: true, kubeconfig: {path: a}}", "clusters[0].inCluster", "exclude"),
    "no way to reach it": ("{name: eu1}", "clusters[0]", "says nothing of its API server"),
    "not inside": ("{name: eu1, inCluster: false}", "clusters[0]", "says nothing of its API server"),
    "kind twice": ("{name: eu1, inCluster: true, addresses: [PodIP, PodIP]}", "clusters[0].addresses", "twice"),
    "two probes": (
        '{name: eu1, inCluster: true, dataPath: {tcp: "a:1", http: "http://a"}}',
        "clusters[0].dataPath",
        "asks tcp and http: give one of tcp, http and dns",
    ),
    "no probe": ("{name: eu1, inCluster: true, dataPath: {failures: 3}}", "clusters[0].dataPath", "asks nothing"),
    "half a probe": (
        '{name: eu1, inCluster: true, dataPath: {dns: {server: "a:53"}}}',
        "clusters[0].dataPath.dns.name",
        "is missing",
    ),
    "no cluster": ("eu1", "clusters[0]", "must hold keys"),
    "unreadable way": ("{name: eu1, inCluster: perhaps}", "clusters[0].inCluster", "must be true or false"),
}


@pytest.mark.parametrize(("cluster", "path", "words"), CLUSTERS.values(), ids=CLUSTERS)
def test_clusters_are_told_apart_and_reached_in_one_way(cluster: str, path: str, words: str, reading: Reading) -> None:
    """Every cluster has its own name, and either a kubeconfig or the pod's account."""
    (problem,) = reading.problems(GOOD.replace(EU1, cluster))
    assert words in problem.sentence
    assert problem.path == path


def test_fedns_runs_in_one_cluster(reading: Reading) -> None:
    """`inCluster` can be true for one member only."""
    (problem,) = reading.problems(GOOD.replace("kubeconfig: {path: us1.yaml}", "inCluster: true"))
    assert problem.path == "clusters[1].inCluster"


def test_a_zone_needs_its_cluster_to_have_a_region(reading: Reading) -> None:
    """A zone is (region, name)."""
    text = GOOD.replace("region: eu-west1, ", "") + "local: {cluster: eu1, zone: a}\n"
    (problem,) = reading.problems(text)
    assert problem.sentence.endswith("give eu1 its region")


def test_metrics_health_and_ready_may_share_an_address(reading: Reading) -> None:
    """The three are paths of one HTTP server."""
    text = "".join(f"{key}: {{listen: '127.0.0.1:80'}}\n" for key in ("metrics", "health", "ready"))
    assert reading.added(text) == []
