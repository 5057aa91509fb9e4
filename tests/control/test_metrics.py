"""Metrics as a Prometheus server reads them."""

from collections import Counter
from collections.abc import Iterable
from time import monotonic

import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from fedns import __version__
from fedns.answers import counters
from fedns.clusters.streams import Stream
from fedns.control.agreement import Agreement
from fedns.control.metrics import Metrics
from fedns.federation.health import Freshness, PathBad, Synced, Unreachable
from tests.control.stage import TIMERS, Control, Followed, block, export

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics(control: Control, *blocks: memoryview, streams: Iterable[Stream] = ()) -> Metrics:
    """The metrics of this control process and these blocks."""
    return Metrics(
        truth=control.truth,
        publisher=control.publisher,
        blocks=blocks,
        pipeline=control.pipeline,
        keeper=control.keeper,
        feeds=lambda: {"eu1": Followed(*streams)},
        paths=control.paths,
        others=control.others,
        orders=control.orders(lambda: None),
        tasks=lambda: 7,
    )


def read(text: bytes) -> Samples:
    """Every sample by name and labels; fails when one comes twice or the text is no Prometheus format."""
    samples: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples
            samples[key] = sample.value
    return samples


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample of fedns."""
    return samples[f"fedns_{name}", frozenset(labels.items())]


def test_data_paths_are_told_where_they_are_probed(control: Control) -> None:
    """1, 0, or absent; with the probes that were made."""
    control.pipeline.observed("eu1", PathBad("refused", lost=True))
    control.paths.counts["eu1", "failure"] += 2
    samples = read(metrics(control, block()).text())
    assert value(samples, "cluster_data_path_up", cluster="eu1") == 0
    assert ("fedns_cluster_data_path_up", frozenset({("cluster", "us1")})) not in samples
    assert value(samples, "cluster_data_path_probes_total", cluster="eu1", result="failure") == 2


def test_a_replica_is_told_by_its_address(control: Control) -> None:
    """Whether it told anything, and for how long it has served something else; the digest here is a number a place."""
    agreement = control.others.known["10.0.0.2:53"] = Agreement(control.pipeline.digests)
    control.others.known["10.0.0.3:53"] = Agreement(control.pipeline.digests)
    mine = control.others.mine()
    agreement.hear(structs.replace(mine, rules="others"), mine, control.now - 2.5, bound=1.0)
    samples = read(metrics(control, block()).text())
    assert value(samples, "replica_disagreement_seconds", replica="10.0.0.2:53") == pytest.approx(2.5)
    assert [value(samples, "replica_up", replica=f"10.0.0.{each}:53") for each in (2, 3)] == [1, 0]
    (digest,) = (each for (name, _), each in samples.items() if name == "fedns_digest")
    assert digest == float(int(digest)) > 0


def test_restarts_are_starts_but_the_first(control: Control) -> None:
    """A slot that was never used has no restart, one that was used twice has one."""
    blocks = block(), block(), block()
    for words, starts in zip(blocks, (0, 1, 3), strict=True):
        words[counters.STARTS] = starts
    assert value(read(metrics(control, *blocks).text()), "worker_restarts_total") == 2


def test_members_are_told_by_name(control: Control) -> None:
    """Exactly one state of a member is 1; a member never heard of has no age; the rest starts at 0."""
    control.now -= 2 * TIMERS.stale_after
    control.pipeline.replaced("eu1", [export("eu1", "web"), export("eu1", "api")])
    control.pipeline.observed("eu1", Synced())
    control.now += TIMERS.stale_after
    control.pipeline.observed("eu1", Unreachable("no route"))
    samples = read(metrics(control, block()).text())
    states = {
        (labels["cluster"], labels["state"]): count
        for (name, pairs), count in samples.items()
        if name == "fedns_cluster_state" and (labels := dict(pairs))
    }
    assert {key for key, count in states.items() if count == 1} == {("eu1", "stale"), ("us1", "syncing")}
    assert len(states) == 2 * len(Freshness)
    assert value(samples, "cluster_evidence_age_seconds", cluster="eu1") > TIMERS.stale_after
    assert ("fedns_cluster_evidence_age_seconds", frozenset({("cluster", "us1")})) not in samples
    assert value(samples, "cluster_services", cluster="eu1") == 2
    assert value(samples, "cluster_synced", cluster="us1") == 0
    assert value(samples, "cluster_state_changes_total", cluster="eu1") == 2
    assert value(samples, "cluster_state_changes_total", cluster="us1") == 0
    assert value(samples, "cluster_watch_restarts_total", cluster="eu1") == 3
    assert value(samples, "cluster_relists_total", cluster="eu1") == 4


def test_streams_are_told_by_resource(control: Control) -> None:
    """State, counts and ages of each; what has never happened has no age."""
    relists = Counter({"first": 1, "gone": 2})
    slices = Stream(resource="slices", state="watching", events=7, bytes=900, objects=3, relists=relists)
    slices.last_event = monotonic() - 50.0
    samples = read(metrics(control, block(), streams=[slices, Stream(resource="services")]).text())
    one = {"cluster": "eu1", "resource": "slices"}
    assert value(samples, "cluster_stream_state", **one, state="watching") == 1
    assert value(samples, "cluster_stream_state", **one, state="absent") == 0
    assert value(samples, "cluster_stream_events_total", **one) == 7
    assert value(samples, "cluster_stream_bytes_total", **one) == 900
    assert value(samples, "cluster_stream_objects", **one) == 3
    assert value(samples, "cluster_stream_relists_total", **one, reason="gone") == 2
    assert value(samples, "cluster_stream_event_age_seconds", **one) >= 50.0
    assert not [key for key in samples if key[0] == "fedns_cluster_stream_bookmark_age_seconds"]
    assert value(samples, "cluster_throttled_total", cluster="eu1") == 5
    assert value(samples, "cluster_problems", cluster="eu1") == 1


def test_what_is_not_believed_is_counted(control: Control) -> None:
    """Refused objects and clusters by reason, and exports that take a service by their age."""
    control.pipeline.found("eu1", "us1")
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.replaced("us1", [])
    control.pipeline.changed("us1", ("shop", "web"), structs.replace(export("us1", "web"), created=0))
    samples = read(metrics(control, block()).text())
    assert value(samples, "cluster_refused_total", cluster="eu1", reason="address") == 2
    assert value(samples, "cluster_refused_total", cluster="eu1", reason="foreign_cluster") == 1
    assert value(samples, "cluster_backdated_exports_total", cluster="us1") == 1
    assert value(samples, "cluster_backdated_exports_total", cluster="eu1") == 0


def test_propagation_is_a_histogram(control: Control) -> None:
    """From the trigger to the acknowledgement, by cluster; the buckets add up."""
    control.publisher.propagation.sent(2, "eu1", 100.0)
    control.publisher.propagation.told(2, 100.3)
    samples = read(metrics(control, block()).text())
    assert value(samples, "propagation_seconds_bucket", cluster="eu1", le="0.2") == 0
    assert value(samples, "propagation_seconds_bucket", cluster="eu1", le="0.5") == 1
    assert value(samples, "propagation_seconds_bucket", cluster="eu1", le="+Inf") == 1
    assert value(samples, "publish_pending") == 0


def test_the_process_tells_of_itself(control: Control) -> None:
    """Version, generation, workers and reloads by result are there from the start."""
    page = metrics(control, block())
    page.reloads["failure"] += 1
    samples = read(page.text())
    assert value(samples, "build_info", version=__version__) == 1
    assert value(samples, "publish_generation") == control.publisher.generation
    assert value(samples, "workers_connected") == 0
    assert value(samples, "control_tasks") == 7
    assert value(samples, "config_reloads_total", result="success") == 0
    assert value(samples, "config_reloads_total", result="failure") == 1


def test_names_follow_the_conventions(control: Control) -> None:
    """Every metric starts with fedns_ and has a help text; counters end in _total, and nothing else does."""
    for family in text_string_to_metric_families(metrics(control, block()).text().decode()):
        assert family.name.startswith("fedns_")
        assert family.documentation.endswith(".")
        assert all(sample.name.endswith("_total") == (family.type == "counter") for sample in family.samples)
