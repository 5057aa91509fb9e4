"""The counters of all processes and the state of all members, as Prometheus metrics.

Everything is read when it is asked for. No name that a stranger asked is ever a label.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from time import monotonic
from typing import Final, TypeVar, get_args, get_type_hints

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fedns import __version__
from fedns.answers import counters
from fedns.clusters.streams import Stream
from fedns.control import propagation
from fedns.control.feeds import Feed
from fedns.control.pipeline import Pipeline
from fedns.control.publish import Publisher
from fedns.control.truth import Truth
from fedns.federation.health import NEVER, Freshness

Labels = TypeVar("Labels", bound=tuple[str, ...])
STATES: Final[tuple[str, ...]] = get_args(get_type_hints(Stream)["state"])
"""Of a stream."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """All metrics of one fedns. `blocks` are the counter blocks of the processes that answer."""

    def __init__(
        self,
        *,
        truth: Truth,
        publisher: Publisher,
        blocks: Sequence[memoryview],
        pipeline: Pipeline,
        feeds: Callable[[], Mapping[str, Feed]],
    ) -> None:
        self.reloads: Counter[str] = Counter({"success": 0, "failure": 0})
        self._truth = truth
        self._publisher = publisher
        self._blocks = blocks
        self._pipeline = pipeline
        self._feeds = feeds
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are known without collecting, and the registry need not check them for duplicates."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics now."""
        yield _gauge("build_info", "Always 1; the label names the version.", ("version",), {(__version__,): 1})
        yield from self._members()
        yield from self._intake()
        yield from self._streams()
        yield self._propagation()
        yield from self._process()
        yield from self._answers()

    def _members(self) -> Iterator[Metric]:
        now = monotonic()
        statuses = self._truth.statuses
        states = {(name, state): float(each.state == state) for name, each in statuses.items() for state in Freshness}
        heard = {(name,): now - each.alive for name, each in statuses.items() if each.alive != NEVER}
        services = {(name,): float(len(self._truth.catalog.exports_of(name))) for name in statuses}
        changes = {(name,): float(self._pipeline.state_changes[name]) for name in statuses}
        feeds = {(name,): feed for name, feed in self._feeds().items()}
        restarts = {name: float(feed.counts["failure"]) for name, feed in feeds.items()}
        relists = {name: float(feed.counts["list"]) for name, feed in feeds.items()}
        one = ("cluster",)
        yield _gauge("cluster_state", "1 for the state that a member is in.", ("cluster", "state"), states)
        yield _gauge("cluster_evidence_age_seconds", "Seconds since a member was last heard of.", one, heard)
        synced = {(name,): float(each.synced) for name, each in statuses.items()}
        yield _gauge("cluster_synced", "Whether a member has ever been read whole.", one, synced)
        yield _gauge("cluster_services", "Services that a member exports.", one, services)
        yield _counter("cluster_state_changes", "Changes of a member's state.", one, changes)
        yield _counter("cluster_watch_restarts", "Streams of a member that broke and were opened again.", one, restarts)
        yield _counter("cluster_relists", "Whole lists read from a member, the first ones included.", one, relists)

    def _intake(self) -> Iterator[Metric]:
        feeds = self._feeds()
        sources = self._pipeline.sources
        refused = {
            (name, reason): float(count)
            for name, feed in feeds.items()
            for reason, count in (feed.refused + sources.refused_of(name)).items()
        }
        throttled = {(name,): float(feed.counts["throttled"]) for name, feed in feeds.items()}
        backdated = {(name,): float(self._pipeline.backdated[name]) for name in self._truth.statuses}
        problems = {(name,): float(len(feed.problems())) for name, feed in feeds.items()}
        one = ("cluster",)
        text = "What a member said and is not believed, by reason."
        yield _counter("cluster_refused", text, ("cluster", "reason"), refused)
        yield _counter("cluster_throttled", "Times a member was held back by its event rate.", one, throttled)
        text = "Exports that appeared with an age that took a service from another cluster."
        yield _counter("cluster_backdated_exports", text, one, backdated)
        rejected = {
            (name, reason): float(count)
            for name, feed in feeds.items()
            for reason, count in Counter(feed.rejected.values()).items()
        }
        text = "Exports of a member that cannot be, by reason."
        yield _gauge("cluster_exports_rejected", text, ("cluster", "reason"), rejected)
        yield _gauge("cluster_problems", "Problems of a member now.", one, problems)

    def _streams(self) -> Iterator[Metric]:
        now = monotonic()
        streams = {(name, each.resource): each for name, feed in self._feeds().items() for each in feed.streams()}
        events = {key: float(each.events) for key, each in streams.items()}
        received = {key: float(each.bytes) for key, each in streams.items()}
        objects = {key: float(each.objects) for key, each in streams.items()}
        states = {(*key, state): float(each.state == state) for key, each in streams.items() for state in STATES}
        relists = {(*key, why): float(count) for key, each in streams.items() for why, count in each.relists.items()}
        event_ages = {key: now - each.last_event for key, each in streams.items() if each.last_event is not None}
        marks = {key: now - each.last_bookmark for key, each in streams.items() if each.last_bookmark is not None}
        one = ("cluster", "resource")
        yield _gauge("cluster_stream_state", "1 for the state that a stream is in.", (*one, "state"), states)
        yield _gauge("cluster_stream_objects", "Objects of one resource that are held.", one, objects)
        yield _counter("cluster_stream_events", "Events of one resource.", one, events)
        yield _counter("cluster_stream_bytes", "Bytes read of one resource.", one, received)
        text = "Whole readings of one resource, by reason."
        yield _counter("cluster_stream_relists", text, (*one, "reason"), relists)
        yield _gauge("cluster_stream_event_age_seconds", "Seconds since the last event.", one, event_ages)
        yield _gauge("cluster_stream_bookmark_age_seconds", "Seconds since the last bookmark.", one, marks)

    def _propagation(self) -> Metric:
        family = HistogramMetricFamily(
            "fedns_propagation_seconds", "From a change in the member to every worker.", labels=("cluster",)
        )
        for cluster, durations in self._publisher.propagation.durations.items():
            bounds = (*(f"{bound:g}" for bound in propagation.BOUNDS), "+Inf")
            buckets = [(b, float(c)) for b, c in zip(bounds, accumulate(durations.counts), strict=True)]
            family.add_metric((cluster,), buckets, sum_value=durations.total)
        return family

    def _process(self) -> Iterator[Metric]:
        yield _gauge("services", "Services of the federation, joined.", (), {(): len(self._truth.catalog)})
        kinds = self._pipeline.conflicts.counts().items()
        conflicts = {(kind,): float(count) for kind, count in kinds}
        text = "Services about which members disagree, by what about."
        yield _gauge("services_in_conflict", text, ("kind",), conflicts)
        reloads = {(result,): float(count) for result, count in self.reloads.items()}
        yield _counter("config_reloads", "Configurations read again, by result.", ("result",), reloads)
        restarts = {(): float(sum(max(0, block[counters.STARTS] - 1) for block in self._blocks))}
        yield _counter("worker_restarts", "Worker processes that replaced another one.", (), restarts)
        yield _gauge("publish_generation", "Generation of the published truth.", (), {(): self._publisher.generation})
        lag = self._publisher.generation - self._publisher.acknowledged
        yield _gauge("publish_lag_generations", "Generations that the slowest worker is behind.", (), {(): lag})
        pending = {(): max((link.outbox.pending for link in self._publisher.links), default=0)}
        yield _gauge("publish_pending", "Names that the worker with most of them is still to be told.", (), pending)
        yield _gauge("workers_connected", "Workers that follow this process.", (), {(): len(self._publisher.links)})

    def _answers(self) -> Iterator[Metric]:
        requests: Counter[tuple[str, ...]] = Counter()
        responses: Counter[tuple[str, ...]] = Counter()
        dropped: Counter[tuple[str, ...]] = Counter({(reason,): 0 for reason in counters.DROP_REASONS})
        for block in self._blocks:
            for transport, family, qtype, rcode, count in counters.replies(block):
                requests[transport, family, qtype] += count
                responses[transport, rcode] += count
            dropped.update({(reason,): count for reason, count in counters.drops(block).items()})
        yield _counter("dns_requests", "Queries that got a reply.", ("proto", "family", "type"), requests)
        yield _counter("dns_responses", "Replies, by response code.", ("proto", "rcode"), responses)
        yield _counter("dns_dropped", "Packets and connections given up.", ("reason",), dropped)
        yield self._durations()
        misses = {(): float(sum(block[counters.MISSES] for block in self._blocks))}
        yield _counter("dns_cache_misses", "Queries that were not in the cache of encoded answers.", (), misses)
        entries = {(): sum(block[counters.ENTRIES] for block in self._blocks)}
        yield _gauge("dns_cache_entries", "Encoded answers held.", (), entries)
        connections = {(): sum(block[counters.CONNECTIONS] for block in self._blocks)}
        yield _gauge("dns_connections", "TCP connections open.", (), connections)

    def _durations(self) -> Metric:
        family = HistogramMetricFamily(
            "fedns_dns_request_duration_seconds", "From the packet read to the reply written.", labels=("proto",)
        )
        for transport in counters.TRANSPORTS:
            parts = [counters.durations(block, transport) for block in self._blocks]
            totals = accumulate(map(sum, zip(*(counts for counts, _ in parts), strict=True)))
            bounds = ("+Inf" if bound == float("inf") else f"{bound:.9g}" for bound in counters.bucket_bounds())
            buckets = [(bound, float(total)) for bound, total in zip(bounds, totals, strict=True)]
            family.add_metric((transport,), buckets, sum_value=sum(seconds for _, seconds in parts))
        return family


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    family = GaugeMetricFamily(f"fedns_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def _counter(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    family = CounterMetricFamily(f"fedns_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family
