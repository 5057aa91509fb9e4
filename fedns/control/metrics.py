"""The counters of all processes and the state of all members, as Prometheus metrics.

Everything is read when it is asked for. No name that a stranger asked is ever a label.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from time import monotonic
from typing import Final, Protocol, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fedns import __version__
from fedns.answers import counters
from fedns.control.publish import Publisher
from fedns.control.truth import Truth
from fedns.federation.health import NEVER, Freshness

Labels = TypeVar("Labels", bound=tuple[str, ...])
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Feed(Protocol):
    """What is counted of one member's feed."""

    counts: Counter[str]


class Metrics(Collector):
    """All metrics of one fedns. `blocks` are the counter blocks of the processes that answer."""

    def __init__(
        self,
        *,
        truth: Truth,
        publisher: Publisher,
        blocks: Sequence[memoryview],
        state_changes: Mapping[str, int],
        feeds: Callable[[], Mapping[str, Feed]],
    ) -> None:
        self.reloads: Counter[str] = Counter({"success": 0, "failure": 0})
        self._truth = truth
        self._publisher = publisher
        self._blocks = blocks
        self._state_changes = state_changes
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
        yield from self._process()
        yield from self._answers()

    def _members(self) -> Iterator[Metric]:
        now = monotonic()
        statuses = self._truth.statuses
        states = {(name, state): float(each.state == state) for name, each in statuses.items() for state in Freshness}
        heard = {(name,): now - each.alive for name, each in statuses.items() if each.alive != NEVER}
        services = {(name,): float(len(self._truth.catalog.exports_of(name))) for name in statuses}
        changes = {(name,): float(self._state_changes.get(name, 0)) for name in statuses}
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

    def _process(self) -> Iterator[Metric]:
        yield _gauge("services", "Services of the federation, joined.", (), {(): len(self._truth.catalog)})
        reloads = {(result,): float(count) for result, count in self.reloads.items()}
        yield _counter("config_reloads", "Configurations read again, by result.", ("result",), reloads)
        restarts = {(): float(sum(max(0, block[counters.STARTS] - 1) for block in self._blocks))}
        yield _counter("worker_restarts", "Worker processes that replaced another one.", (), restarts)
        yield _gauge("publish_generation", "Generation of the published truth.", (), {(): self._publisher.generation})
        lag = self._publisher.generation - self._publisher.acknowledged
        yield _gauge("publish_lag_generations", "Generations that the slowest worker is behind.", (), {(): lag})
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
