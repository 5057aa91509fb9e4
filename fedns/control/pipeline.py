"""The one path of an event, in the order it happens: a member's evidence and exports in, truth and news out.

    evidence -> health.observe -> status  -> published, logged once per change of state
    exports  -> catalog        -> keys    -> published
    time     -> health.age     -> status  -> published, logged

It must not know how a member is followed, nor how the workers are told.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final

from fedns.answers.rules import Rules
from fedns.control.publish import Publisher
from fedns.control.truth import Truth
from fedns.federation import health
from fedns.federation.health import Evidence, Freshness, Status
from fedns.federation.objects import Export, ServiceKey

TICK_SECONDS: Final = 0.25
"""How often time alone is looked at: a member turns stale this much late at most."""
REPEAT_SECONDS: Final = 1.0
"""Statuses are published at least so often, because the times in them move on."""
LEVELS: Final = {Freshness.SUSPECT: logging.WARNING, Freshness.STALE: logging.WARNING, Freshness.EXPIRED: logging.ERROR}

log = logging.getLogger(__name__)


class Pipeline:
    """Takes what the feeds of the members say; `clock` gives seconds of CLOCK_MONOTONIC."""

    def __init__(self, truth: Truth, publisher: Publisher, clock: Callable[[], float] = monotonic) -> None:
        self.state_changes: Counter[str] = Counter()
        self._truth = truth
        self._publisher = publisher
        self._clock = clock
        self._published = float("-inf")
        self._join(truth.rules)

    def observed(self, cluster: str, evidence: Evidence) -> None:
        """A member was heard of, or not."""
        status = self._truth.statuses.get(cluster)
        if status is not None:  # else: a last word of a member that has just left
            now = self._clock()
            self._enter(status, health.observe(status, evidence, now, self._truth.rules.timers), now)

    def replaced(self, cluster: str, exports: Iterable[Export]) -> None:
        """The whole truth of one member."""
        if cluster not in self._truth.statuses:
            return
        keys = self._truth.catalog.replace(cluster, exports)
        if cluster in self._truth.read:
            self._publisher.changed(cluster, keys)
            return
        self._truth.read.add(cluster)
        self._publisher.whole(cluster)
        log.info("%s: read for the first time, %d services", cluster, len(keys), extra={"cluster": cluster})

    def changed(self, cluster: str, key: ServiceKey, export: Export | None) -> None:
        """One export of a member appeared or changed, or (None) went."""
        if cluster in self._truth.statuses and self._truth.catalog.apply(cluster, key, export):
            self._publisher.changed(cluster, (key,))

    def tick(self) -> None:
        """Let time pass: call it every TICK_SECONDS."""
        now = self._clock()
        for status in tuple(self._truth.statuses.values()):
            self._enter(status, health.age(status, now, self._truth.rules.timers), now)
        if now - self._published >= REPEAT_SECONDS:
            self._publish_statuses(now)

    def reload(self, rules: Rules) -> None:
        """Another configuration: members that left are withdrawn at once, new ones start as never read."""
        if rules == self._truth.rules:
            return
        names = {cluster.name for cluster in rules.clusters}
        for gone in set(self._truth.statuses) - names:
            del self._truth.statuses[gone]
            self._truth.read.discard(gone)
            self._truth.catalog.drop(gone)
            self.state_changes.pop(gone, None)
            self._publisher.left(gone)
            log.info("%s: left the federation", gone, extra={"cluster": gone})
        self._truth.rules = rules
        self._join(rules)
        self._publisher.rules()
        self._publish_statuses(self._clock())

    def _join(self, rules: Rules) -> None:
        now = self._clock()
        for cluster in rules.clusters:
            if cluster.name not in self._truth.statuses:
                self._truth.statuses[cluster.name] = Status(cluster=cluster.name, joined=now, since=now)
                log.info("%s: joined the federation", cluster.name, extra={"cluster": cluster.name})
        self._truth.catalog.ranks = {cluster.name: cluster.trust_rank for cluster in rules.clusters}

    def _enter(self, before: Status, after: Status, now: float) -> None:
        self._truth.statuses[after.cluster] = after
        if after.state == before.state:
            return
        self.state_changes[after.cluster] += 1
        log.log(
            LEVELS.get(after.state, logging.INFO),
            "%s: %s -> %s (%s)",
            after.cluster,
            before.state,
            after.state,
            after.reason,
            extra={"cluster": after.cluster, "from": before.state, "to": after.state, "reason": after.reason},
        )
        self._publish_statuses(now)

    def _publish_statuses(self, now: float) -> None:
        self._published = now
        self._publisher.members()
