"""Kinds: lists, tables and single values are told apart, and what YAML makes of a bare word is no surprise."""

import pytest

from fedns.settings.kinds import snake
from tests.settings.conftest import Reading

WRONG = {
    "unknown key": ("dns: {worker: 2}", "dns.worker", "did you mean workers?"),
    "unknown key at the top": ("polices: []", "polices", "did you mean policies?"),
    "wrong capitals": ("dns: {LameDuck: 1s}", "dns.LameDuck", "did you mean lameduck?"),
    "unlike any key": ("dns: {zzz: 2}", "dns.zzz", "there is listen, workers, allow"),
    "table for a list": ("clients: {}", "clients", "is a table of keys, but must be a list"),
    "text for a list": ("dns: {allow: 10.0.0.0/8}", "dns.allow", "is a single value, but must be a list"),
    "list for a table": ("dns: []", "dns", "is a list, but must hold keys"),
    "text for a table": ("metrics: '0.0.0.0:9153'", "metrics", "must hold keys (listen)"),
    "list for a text": ("local: {cluster: [eu1]}", "local.cluster", "is a list, but must be a text"),
    "list for shares": ("policies: [{weights: [eu1]}]", "policies[0].weights", "names with values"),
    "no word for a table": ("freshness: slow", "freshness", "or the word fast"),
    "table without a value": ("dns:", "dns", "is a key without a value"),
    "no value": ("local: {cluster: }", "local.cluster", "has no value"),
    "empty list": ("dns: {listen: []}", "dns.listen", "is an empty list"),
    "no as a text": ("clients: [{cidrs: [10.0.0.0/8], jurisdiction: no}]", "clients[0].jurisdiction", '"no"'),
    "number as a text": ("clients: [{cidrs: [10.0.0.0/8], network: 12}]", "clients[0].network", 'quotes, "12"'),
    "date as a text": ("clients: [{cidrs: [10.0.0.0/8], network: 2020-01-01}]", "clients[0].network", "a date"),
    "off for a level": ("logging: {level: off}", "logging.level", "YAML takes the bare word off for yes or no"),
    "text as a number": ("zones: {clusterset: {ttl: '5'}}", "zones.clusterset.ttl", "remove the quotes"),
    "missing key": ("metrics: {}", "metrics.listen", "is missing"),
    "more than all": ("isolation: {share: 1.5}", "isolation.share", "is more than all"),
    "a state of nobody": ("forced: {eu1: dead}", "forced.eu1", "is not one of the words"),
    "no path": ("snapshot: {interval: 1s}", "snapshot.path", "is missing"),
    "no target": ("drains: [a/b/c]", "drains[0]", "write CLUSTER, CLUSTER/ZONE or NAMESPACE/SERVICE@CLUSTER"),
    "target as a number": ("drains: [12]", "drains[0]", 'quotes, "12"'),
    "no schedule": (
        "migrations: [{service: a/b, from: eu1, to: us1, start: 2026-01-01T00:00:00Z, schedule: soon}]",
        "migrations[0].schedule",
        "'soon' is no step",
    ),
    "no moment": (
        "migrations: [{service: a/b, from: eu1, to: us1, start: now, schedule: 1% now}]",
        "migrations[0].start",
        "'now' is no date and time",
    ),
    "no time zone": (
        "migrations: [{service: a/b, from: eu1, to: us1, start: 2026-01-01T00:00:00, schedule: 1% now}]",
        "migrations[0].start",
        "write 2026-01-01T00:00:00Z for UTC",
    ),
    "no service to move": (
        "migrations: [{service: b, from: eu1, to: us1, start: 2026-01-01T00:00:00Z, schedule: 1% now}]",
        "migrations[0].service",
        "write NAMESPACE/SERVICE",
    ),
    "target with another word": ("drains: [eu1 force]", "drains[0]", "only --force is"),
    "proxyProtocol": ("dns: {proxyProtocol: {}}", "dns.proxyProtocol", "not supported yet in this version"),
    "views": ("views: {}", "views", "not supported yet in this version"),
}


@pytest.mark.parametrize(("line", "path", "words"), WRONG.values(), ids=WRONG)
def test_wrong_shapes_are_told(line: str, path: str, words: str, reading: Reading) -> None:
    """Each is one problem, at its key and line, with what to do."""
    (problem,) = reading.added(f"{line}\n")
    assert problem.path == path
    assert problem.line == 6
    assert words in problem.sentence


@pytest.mark.parametrize("word", ["off", '"off"'])
def test_words_may_stand_bare(word: str, reading: Reading) -> None:
    """`off` means off, with quotes or without."""
    assert reading.added(f"dns: {{nsid: {word}}}\nmetrics: {{listen: {word}}}\n") == []


@pytest.mark.parametrize("word", ["yes", "on", "True", "no"])
def test_booleans_are_true_or_false(word: str, reading: Reading) -> None:
    """The other words of YAML 1.1 are refused."""
    (problem,) = reading.problems(reading.good.replace("inCluster: true", f"inCluster: {word}"))
    assert "write true or false" in problem.sentence


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("clusterIPsRoutable", "cluster_ips_routable"), ("negativeTTL", "negative_ttl"), ("ttl", "ttl"),
        ("whenAllUnhealthy", "when_all_unhealthy"), ("inCluster", "in_cluster"),
    ],
)  # fmt: skip
def test_keys_have_names_in_python(key: str, name: str) -> None:
    """Capitals part words; a run of them is one."""
    assert snake(key) == name
