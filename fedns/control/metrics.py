"""The counters of all processes and the state of all members, as Prometheus metrics.

Everything is read when it is asked for. No name that a stranger asked is ever a label.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from time import monotonic
from typing import Final, get_args, get_type_hints

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fedns import __version__
from fedns.answers import counters
from fedns.clusters.streams import Stream
from fedns.control import propagation
from fedns.control.families import counter, gauge
from fedns.control.feeds import Feed
from fedns.control.orders import Orders
from fedns.control.paths import Paths
from fedns.control.pipeline import Pipeline
from fedns.control.preserving import Keeper
from fedns.control.publish import Publisher
from fedns.control.replicas import Others, number
from fedns.control.traffic import traffic
from fedns.control.truth import Truth
from fedns.federation.health import NEVER, Freshness
from fedns.settings.child import resident_bytes

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
        keeper: Keeper,
        feeds: Callable[[], Mapping[str, Feed]],
        paths: Paths,
        others: Others,
        orders: Orders,
        tasks: Callable[[], int],
    ) -> None:
        self.reloads: Counter[str] = Counter({"success": 0, "failure": 0})
        self._truth = truth
        self._publisher = publisher
        self._blocks = blocks
        self._pipeline = pipeline
        self._keeper = keeper
        self._feeds = feeds
        self._paths = paths
        self._others = others
        self._orders = orders
        self._tasks = tasks
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
        yield gauge("build_info", "Always 1; the label names the version.", ("version",), {(__version__,): 1})
        yield from self._members()
        yield from self._intake()
        yield from self._streams()
        yield self._propagation()
        yield from self._process()
        yield from self._snapshot()
        yield from self._replicas()
        yield from traffic(self._blocks)
        yield self._order_answers()
        yield from self._failover()

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
        yield gauge("cluster_state", "1 for the state that a member is in.", ("cluster", "state"), states)
        yield gauge("cluster_evidence_age_seconds", "Seconds since a member was last heard of.", one, heard)
        synced = {(name,): float(each.synced) for name, each in statuses.items()}
        yield gauge("cluster_synced", "Whether a member has ever been read whole.", one, synced)
        yield gauge("cluster_services", "Services that a member exports.", one, services)
        up = {(name,): float(each.path.up) for name, each in statuses.items() if each.path is not None}
        yield gauge("cluster_data_path_up", "Whether a member's data path works, where one is probed.", one, up)
        probes = {key: float(count) for key, count in self._paths.counts.items()}
        text = "Probes of a member's data path, by result."
        yield counter("cluster_data_path_probes", text, ("cluster", "result"), probes)
        yield counter("cluster_state_changes", "Changes of a member's state.", one, changes)
        text = "Whether most members went at once, so that this fedns takes itself for cut off."
        yield gauge("isolated", text, (), {(): float(self._pipeline.isolated)})
        yield counter("cluster_watch_restarts", "Streams of a member that broke and were opened again.", one, restarts)
        yield counter("cluster_relists", "Whole lists read from a member, the first ones included.", one, relists)

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
        yield counter("cluster_refused", text, ("cluster", "reason"), refused)
        yield counter("cluster_throttled", "Times a member was held back by its event rate.", one, throttled)
        text = "Exports that appeared with an age that took a service from another cluster."
        yield counter("cluster_backdated_exports", text, one, backdated)
        rejected = {
            (name, reason): float(count)
            for name, feed in feeds.items()
            for reason, count in Counter(feed.rejected.values()).items()
        }
        text = "Exports of a member that cannot be, by reason."
        yield gauge("cluster_exports_rejected", text, ("cluster", "reason"), rejected)
        yield gauge("cluster_problems", "Problems of a member now.", one, problems)

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
        yield gauge("cluster_stream_state", "1 for the state that a stream is in.", (*one, "state"), states)
        yield gauge("cluster_stream_objects", "Objects of one resource that are held.", one, objects)
        yield counter("cluster_stream_events", "Events of one resource.", one, events)
        yield counter("cluster_stream_bytes", "Bytes read of one resource.", one, received)
        text = "Whole readings of one resource, by reason."
        yield counter("cluster_stream_relists", text, (*one, "reason"), relists)
        yield gauge("cluster_stream_event_age_seconds", "Seconds since the last event.", one, event_ages)
        yield gauge("cluster_stream_bookmark_age_seconds", "Seconds since the last bookmark.", one, marks)

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
        yield gauge("services", "Services of the federation, joined.", (), {(): len(self._truth.catalog)})
        kinds = self._pipeline.conflicts.counts().items()
        conflicts = {(kind,): float(count) for kind, count in kinds}
        text = "Services about which members disagree, or with names too long to be told, by kind."
        yield gauge("services_in_conflict", text, ("kind",), conflicts)
        reloads = {(result,): float(count) for result, count in self.reloads.items()}
        yield counter("config_reloads", "Configurations read again, by result.", ("result",), reloads)
        restarts = {(): float(sum(max(0, block[counters.STARTS] - 1) for block in self._blocks))}
        yield counter("worker_restarts", "Worker processes that replaced another one.", (), restarts)
        blocks = {(str(at),): block for at, block in enumerate(self._blocks, 1)}
        resident = {worker: float(block[counters.RESIDENT]) for worker, block in blocks.items()}
        yield gauge("worker_memory_bytes", "Memory of each worker.", ("worker",), resident)
        oversized = {worker: float(block[counters.OVERSIZED]) for worker, block in blocks.items()}
        text = "Workers that were replaced as they had too much memory."
        yield counter("worker_memory_restarts", text, ("worker",), oversized)
        yield gauge("control_memory_bytes", "Memory of the control process.", (), {(): float(resident_bytes("self"))})
        yield gauge("publish_generation", "Generation of the published truth.", (), {(): self._publisher.generation})
        lag = self._publisher.generation - self._publisher.acknowledged
        yield gauge("publish_lag_generations", "Generations that the slowest worker is behind.", (), {(): lag})
        pending = {(): max((link.outbox.pending for link in self._publisher.links), default=0)}
        yield gauge("publish_pending", "Names that the worker with most of them is still to be told.", (), pending)
        yield gauge("control_tasks", "Tasks of the control process's event loop.", (), {(): self._tasks()})
        yield gauge("workers_connected", "Workers that follow this process.", (), {(): len(self._publisher.links)})

    def _failover(self) -> Iterator[Metric]:
        page = self._orders.failovers.page()
        text = "Services that changed cluster within the window of the failover budget."
        yield gauge("failover_moved_services", text, (), {(): page["moved"]})
        waiting = {(each["cluster"],): float(each["moves"] or 0) for each in page["held"]}
        text = "Services that would move if a member that the failover budget holds were given up."
        yield gauge("failover_held_services", text, ("cluster",), waiting)

    def _order_answers(self) -> Metric:
        answers = {
            ("migration" if target else "drain", f"{left.target} to {target}" if target else left.target, part): count
            for left, target, counts in self._orders.served.totals()
            for part, count in counts.items()
            if target or part != "to"
        }
        text = "Answers that a drain or a migration concerns, by where they led."
        return counter("order_answers", text, ("kind", "order", "to"), answers)

    def _snapshot(self) -> Iterator[Metric]:
        keeper = self._keeper
        written = {(result,): float(count) for result, count in keeper.written.items()}
        yield counter("snapshot_writes", "Snapshots written, by result.", ("result",), written)
        read = {(result,): float(count) for result, count in keeper.read.items()}
        yield counter("snapshot_reads", "Snapshots found at the start, by what became of them.", ("result",), read)
        ages = {(): monotonic() - keeper.at} if keeper.at is not None else {}
        yield gauge("snapshot_age_seconds", "Seconds since a snapshot was written.", (), ages)
        yield gauge("snapshot_bytes", "Size of the last snapshot.", (), {(): keeper.bytes})

    def _replicas(self) -> Iterator[Metric]:
        others = self._others.known
        places = {(name,): number(digest) for name, digest in self._others.places().items()}
        text = (
            "What is served to clients at a place, as a number: replicas that have the same one give the same answers."
        )
        yield gauge("digest", text, ("place",), places)
        answering = {(name,): float(each.heard is not None and not each.trouble) for name, each in others.items()}
        yield gauge("replica_up", "Whether another replica told what it serves.", ("replica",), answering)
        apart = {(name,): seconds for name, seconds in self._others.apart().items()}
        text = "Seconds for which another replica has served something else."
        yield gauge("replica_disagreement_seconds", text, ("replica",), apart)
