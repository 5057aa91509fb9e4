"""All that is known of every cluster, as the page /api/v1/clusters shows it.

Times are seconds ago, null for never. It only reads.
"""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from fedns.clusters.streams import Stream
from fedns.control.feeds import Feed
from fedns.control.membership import Membership
from fedns.control.paths import Paths
from fedns.control.pipeline import Pipeline
from fedns.control.publish import Publisher
from fedns.control.truth import Truth
from fedns.federation.health import NEVER


class Overview:
    """What the parts of the control process know of each cluster, put together."""

    def __init__(
        self,
        *,
        truth: Truth,
        publisher: Publisher,
        pipeline: Pipeline,
        feeds: Callable[[], Mapping[str, Feed]],
        paths: Paths,
        membership: Membership,
    ) -> None:
        self._truth = truth
        self._publisher = publisher
        self._pipeline = pipeline
        self._feeds = feeds
        self._paths = paths
        self._membership = membership

    def page(self) -> dict[str, Any]:
        """Every cluster, what is wrong with objects that describe some, and the generation of the truth."""
        now = monotonic()
        clusters = [self._cluster(name, now) for name in sorted(self._truth.statuses)]
        problems = self._membership.problems
        return {
            "clusters": clusters,
            "secrets": {name: list(wrong) for name, wrong in problems["secret"].items()},
            "clusterProfiles": {name: list(wrong) for name, wrong in problems["cluster profile"].items()},
            "generation": self._publisher.generation,
            "isolated": self._pipeline.isolated,
        }

    def _cluster(self, name: str, now: float) -> dict[str, Any]:
        status = self._truth.statuses[name]
        place = next(cluster for cluster in self._truth.rules.clusters if cluster.name == name)
        sources = [cluster.name for cluster in self._truth.rules.clusters if cluster.via == name]
        return {
            "name": name,
            "via": place.via or None,
            "sources": sources,
            "found": self._pipeline.sources.is_found(name),
            "region": place.region,
            "jurisdiction": place.jurisdiction,
            "state": status.state,
            "forced": self._truth.rules.forced.get(name),
            "reason": status.reason,
            "synced": status.synced,
            "services": len(self._truth.catalog.exports_of(name)),
            "inStateFor": _ago(status.since, now),
            "lastHeard": _ago(status.alive, now),
            "lastRead": _ago(status.readable, now),
            "fault": status.fault,
            "broken": list(status.broken),
            "dataPath": self._path(name),
            "stateChanges": self._pipeline.state_changes[name],
            "backdatedExports": self._pipeline.backdated[name],
            "propagation": self._propagation(name),
        } | self._feed(name, now)

    def _feed(self, name: str, now: float) -> dict[str, Any]:
        feed = self._feeds().get(name)
        if feed is None:
            return {"streams": [], "problems": [], "refused": {}}
        refused = feed.refused + self._pipeline.sources.refused_of(name)
        streams = [_stream(stream, now) for stream in feed.streams()]
        return {"streams": streams, "problems": list(feed.problems()), "refused": dict(refused)}

    def _path(self, name: str) -> dict[str, Any] | None:
        """What is probed, and how that is; null where nothing is."""
        probed, path = self._paths.probed.get(name), self._truth.statuses[name].path
        if probed is None:
            return None
        return {"target": probed.target, "up": path and path.up, "fault": path.fault if path else ""}

    def _propagation(self, name: str) -> dict[str, Any]:
        durations = self._publisher.propagation.durations.get(name)
        if durations is None:
            return {"count": 0, "p50": None, "p99": None}
        return {"count": sum(durations.counts), "p50": durations.quantile(0.5), "p99": durations.quantile(0.99)}


def _stream(stream: Stream, now: float) -> dict[str, Any]:
    """One stream; its lag is how long ago it last showed that it is current: an event, a bookmark, or its state."""
    signs = [each for each in (stream.last_event, stream.last_bookmark) if each is not None]
    current = stream.state in {"watching", "absent"}
    signs += [stream.since] if current else []
    return {
        "resource": stream.resource,
        "state": stream.state,
        "stateFor": _ago(stream.since, now),
        "mode": stream.mode,
        "reason": stream.reason,
        "version": stream.version,
        "lastEvent": _ago(stream.last_event, now),
        "lastBookmark": _ago(stream.last_bookmark, now),
        "lag": _ago(max(signs, default=None), now),
        "objects": stream.objects,
        "events": stream.events,
        "bytes": stream.bytes,
        "relists": dict(stream.relists),
    }


def _ago(then: float | None, now: float) -> float | None:
    return None if then is None or then == NEVER else round(now - then, 3)
