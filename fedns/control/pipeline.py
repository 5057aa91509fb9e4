"""The one path of an event, in the order it happens: a member's evidence and exports in, truth and news out.

    evidence -> health.observe -> status  -> published, logged once per change of state
    exports  -> catalog        -> keys    -> published
    clusters -> rules          -> status  -> published
    nodes    -> where clients are         -> published
    time     -> isolation.age  -> status  -> published, logged

What is heard of a member concerns the clusters that it tells of, too. It must not know how a member is followed, nor
how the workers are told.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from time import monotonic
from typing import Final

from msgspec import structs

from fedns.answers.rules import Rules
from fedns.control.agreement import Past as PastDigests
from fedns.control.chronicle import Chronicle
from fedns.control.conflicts import Conflicts
from fedns.control.history import History
from fedns.control.publish import Publisher
from fedns.control.restoring import Past
from fedns.control.sources import Sources
from fedns.control.truth import Truth
from fedns.federation import health, isolation
from fedns.federation.health import Evidence, Freshness, PathEvidence, Restored, Status, Synced
from fedns.federation.locality import Node
from fedns.federation.objects import Cluster, Export, ServiceKey

TICK_SECONDS: Final = 0.25
"""How often time alone is looked at: a member turns stale this much late at most."""
REPEAT_SECONDS: Final = 1.0
"""Statuses are published at least so often, because the times in them move on."""
LEVELS: Final = {
    Freshness.SUSPECT: logging.WARNING,
    Freshness.HELD: logging.ERROR,
    Freshness.STALE: logging.WARNING,
    Freshness.EXPIRED: logging.ERROR,
}
TOLD: Final = 100
"""Services of one list read again of which the history tells."""
LEASE: Final = "lease"
"""What a hub's own sign of life of one source is called among the resources that can be broken."""

log = logging.getLogger(__name__)


class Pipeline:
    """Takes what the feeds of the members say; `clock` gives seconds of CLOCK_MONOTONIC."""

    def __init__(
        self,
        truth: Truth,
        publisher: Publisher,
        clock: Callable[[], float] = monotonic,
        history: History | None = None,
    ) -> None:
        self.state_changes: Counter[str] = Counter()
        self.backdated: Counter[str] = Counter()
        self.isolated = False
        self.digests = PastDigests()
        self.history = History() if history is None else history
        self.sources = Sources(truth.rules)
        self._truth = truth
        self._publisher = publisher
        self._clock = clock
        self._published = float("-inf")
        self._chronicle = Chronicle()
        self.conflicts = Conflicts(truth, self._chronicle)
        self._told: set[str] = set()
        self._via: dict[str, str] = {}
        self._join(truth.rules)

    def observed(self, cluster: str, evidence: Evidence) -> None:
        """A member was heard of, or not, and with it every cluster that it tells of."""
        status = self._truth.statuses.get(cluster)
        if status is None:  # a last word of a member that has just left
            return
        now = self._clock()
        timers = self._truth.rules.timers
        if isinstance(evidence, Synced) and cluster in self._told:
            for source in self._sources_of(cluster) - self._told:
                self.replaced(source, ())  # that the whole of a hub has no word of it is a truth, too
            self._told -= {cluster, *self._sources_of(cluster)}
        # Who expires is decided where all are seen at once: by time alone.
        self._enter(status, health.observe(status, evidence, now, timers, expiring=False), now)
        if isinstance(evidence, PathEvidence):
            return  # of one cluster alone: what a hub tells of has data paths of its own
        for source in self._sources_of(cluster):
            before = self._truth.statuses[source]
            after = health.observe(before, evidence, now, timers, expiring=False)
            if LEASE in before.broken and LEASE not in after.broken:
                # Its hub can be read, but says that nobody has heard of this one.
                broken = tuple(sorted((*after.broken, LEASE)))
                late = {"broken": broken, "fault": before.fault, "readable": before.readable, "recovering": None}
                after = health.age(structs.replace(after, **late), now, timers, expiring=False)
            self._enter(before, after, now)

    def replaced(self, cluster: str, exports: Iterable[Export]) -> None:
        """The whole truth of one cluster; a hub's comes with all its sources at one go, and is closed by Synced."""
        if cluster not in self._truth.statuses:
            return
        self._told.add(cluster)
        exports = tuple(exports)
        if cluster in self._truth.read:
            self._relisted(cluster, exports)
            return
        self.conflicts.touched(self._truth.catalog.replace(cluster, exports))
        self._truth.read.add(cluster)
        self._truth.restored.discard(cluster)
        self._publisher.whole(cluster)
        count = len(self._truth.catalog.exports_of(cluster))
        self.history.add(cluster, "read", f"read for the first time, {count} services")
        log.info("%s: read for the first time, %d services", cluster, count, extra={"cluster": cluster})

    def _relisted(self, cluster: str, exports: tuple[Export, ...]) -> None:
        """The whole of a cluster that has been read before: a difference, of which the history keeps the beginning."""
        catalog = self._truth.catalog
        self.digests.left(cluster, catalog.digest_of(cluster), self._clock())
        before = {export.key: export for export in catalog.exports_of(cluster)}
        keys = catalog.replace(cluster, exports)
        self.conflicts.touched(keys)
        self._publisher.changed(cluster, keys)
        if keys:
            self.history.add(cluster, "read", f"read again as a whole, {len(keys)} services changed")
        for key in islice(keys, TOLD):
            self.history.changed(cluster, key, before.get(key), self._truth.export(cluster, key))

    def changed(self, cluster: str, key: ServiceKey, export: Export | None, triggered: float = 0.0) -> None:
        """One export of a cluster appeared or changed, or (None) went; `triggered` is Unix seconds, 0 unknown."""
        if cluster not in self._truth.read:  # a last word of a member that has left, and may be back
            return
        if export is not None:
            self._suspect(cluster, key, export)
        before, digest = self._truth.export(cluster, key), self._truth.catalog.digest_of(cluster)
        if self._truth.catalog.apply(cluster, key, export):
            self.digests.left(cluster, digest, self._clock())
            self.conflicts.touched((key,))
            self.history.changed(cluster, key, before, export)
            self._publisher.changed(cluster, (key,), triggered)

    def located(self, cluster: str, nodes: Mapping[str, Node | None], *, whole: bool) -> None:
        """Nodes of the local cluster as they are, None for one that is gone; with `whole` these are all."""
        if cluster != self._truth.rules.local.cluster:  # a last word of a feed that ends
            return
        first, held = self._truth.nodes is None, self._truth.nodes or {}
        said: dict[str, Node | None] = {**(dict.fromkeys(held) if whole else {}), **nodes}
        changes = {name: node for name, node in said.items() if held.get(name) != node}
        if changes or first:
            kept = {name: node for name, node in {**held, **changes}.items() if node is not None}
            self._truth.nodes = kept
            self._publisher.nodes(changes)

    def found(self, via: str, cluster: str) -> bool:
        """A hub tells of a cluster that the configuration does not name; False when it is somebody else's."""
        new = self.sources.find(via, cluster)
        if not new:
            return new is not None
        hub = self._truth.statuses[via]
        self._truth.statuses[cluster] = structs.replace(hub, cluster=cluster)
        log.info("%s: found, as %s tells of it", cluster, via, extra={"cluster": cluster, "via": via})
        self._use(self.sources.rules)
        if via in self._truth.read:
            # Nothing was said of it in the whole of its hub; what is said from now on are changes of nothing.
            self._truth.read.add(cluster)
            self._publisher.whole(cluster)
        return True

    def meet(self, clusters: Iterable[Cluster], *, complete: bool) -> None:
        """A worker knows these from a control process that is gone: they count until it is known who there is.

        So they do not where all members are known already (`complete`), nor where their hub has been read.
        """
        known = {cluster.name for cluster in self._truth.rules.clusters}
        strangers = [each for each in clusters if each.name not in known]
        if not complete and (described := [each for each in strangers if not each.via]):
            self._use(self.sources.remember(described))
        for each in strangers:
            if each.via in self._truth.statuses and each.via not in self._truth.read:
                self.found(each.via, each.name)

    def restore(self, past: Past) -> None:
        """Begin with what was known once, of every member that has not been read; call it before anything is heard."""
        if past.described:
            self._use(self.sources.remember(past.described))
        for via, cluster in past.told:
            self.found(via, cluster)
        self._truth.catalog.settle(past.types, once=True)
        self._truth.nodes = {each.name: each for each in past.nodes} or self._truth.nodes
        now = self._clock()
        for cluster, known in past.members.items():
            status = self._truth.statuses.get(cluster)
            if status is None or cluster in self._truth.read:
                continue
            self.conflicts.touched(self._truth.catalog.replace(cluster, known.exports))
            self._truth.restored.add(cluster)
            self._publisher.whole(cluster)
            self._enter(status, health.observe(status, Restored(known.age), now, self._truth.rules.timers), now)

    def tick(self) -> None:
        """Let time pass: call it every TICK_SECONDS."""
        now = self._clock()
        rules, before = self._truth.rules, dict(self._truth.statuses)
        aged = isolation.age(
            before, isolation.remote(rules.clusters, rules.local.cluster), now, rules.timers, rules.isolation
        )
        for name, status in aged.statuses.items():
            self._enter(before[name], status, now)
        self._cut_off(aged.isolated, now)
        self.conflicts.tick(now)
        self._chronicle.tick(now)
        self._told.clear()
        if now - self._published >= REPEAT_SECONDS:
            self._publish_statuses(now)

    def _cut_off(self, isolated: bool, now: float) -> None:
        if isolated == self.isolated:
            return
        self.isolated = isolated
        self.history.add("", "isolated", "cut off: nothing expires" if isolated else "not cut off any more")
        if isolated:
            text = "most members went at once: this fedns may be cut off, so nothing expires"
            self._chronicle.say("", "isolated", logging.ERROR, text, now, isolated=True)
        else:
            text = "not cut off any more: members expire again"
            self._chronicle.say("", "isolated", logging.INFO, text, now, isolated=False)

    def reload(self, configured: Rules, *, complete: bool = True) -> None:
        """Another configuration: members that left are withdrawn at once, new ones start as never read.

        `complete`: every member is named, so that those which are known from a snapshot alone have left, too.
        """
        rules = self.sources.configure(configured, complete=complete)
        if rules == self._truth.rules:
            return
        stay = {(cluster.name, cluster.via) for cluster in rules.clusters}
        for cluster in self._truth.rules.clusters:
            if (cluster.name, cluster.via) not in stay:
                self._withdraw(cluster.name)
        if self._truth.nodes and rules.local.cluster != self._truth.rules.local.cluster:
            self.located(self._truth.rules.local.cluster, {}, whole=True)
        self._use(rules)

    def _withdraw(self, gone: str) -> None:
        del self._truth.statuses[gone]
        self._truth.read.discard(gone)
        self._truth.restored.discard(gone)
        self.conflicts.touched(self._truth.catalog.drop(gone))
        self._told.discard(gone)
        self.history.add(gone, "left", "left the federation")
        self._chronicle.left(gone)
        self.digests.forget(gone)
        self.state_changes.pop(gone, None)
        self.backdated.pop(gone, None)
        self._publisher.left(gone)
        log.info("%s: left the federation", gone, extra={"cluster": gone})

    def _use(self, rules: Rules) -> None:
        before, self._truth.rules = self._truth.rules, rules
        self._join(rules)
        self.conflicts.ruled(before)
        self._publisher.rules()
        self._publish_statuses(self._clock())

    def _join(self, rules: Rules) -> None:
        now = self._clock()
        for cluster in rules.clusters:
            if cluster.name not in self._truth.statuses:
                self._truth.statuses[cluster.name] = Status(cluster=cluster.name, joined=now, since=now)
                self.history.add(cluster.name, "joined", "joined the federation")
                log.info("%s: joined the federation", cluster.name, extra={"cluster": cluster.name})
        self._via = {cluster.name: cluster.via for cluster in rules.clusters if cluster.via}
        ranks = {cluster.name: cluster.trust_rank for cluster in rules.clusters}
        if ranks != self._truth.catalog.ranks:
            self._truth.catalog.ranks = ranks
            self.conflicts.touched(self._truth.catalog.keys())

    def _sources_of(self, hub: str) -> set[str]:
        return {source for source, via in self._via.items() if via == hub}

    def _suspect(self, cluster: str, key: ServiceKey, export: Export) -> None:
        """Report an export that appears with an age that makes it win over one that was there before."""
        service = self._truth.catalog.service(key)
        if service is None:
            return
        winner, ranks = service.exports[0], self._truth.catalog.ranks
        same_rank = ranks.get(cluster, 0) == ranks.get(winner.cluster, 0)
        if winner.cluster != cluster and same_rank and export.created < winner.created:
            self.backdated[cluster] += 1
            text = f"{cluster}: {key[0]}/{key[1]} appeared with an age that takes it from {winner.cluster}"
            self.history.add("/".join(key), "backdated", text)
            self._chronicle.say(cluster, "backdated", logging.WARNING, text, self._clock(), winner=winner.cluster)

    def _enter(self, before: Status, after: Status, now: float) -> None:
        self._truth.statuses[after.cluster] = after
        if after.cut != before.cut:
            self._reached(after, now)
        if after.state == before.state:
            return
        self.state_changes[after.cluster] += 1
        hub = self._truth.statuses.get(self._via.get(after.cluster, ""))
        follows = hub is not None and hub.state == after.state
        level = logging.DEBUG if follows else LEVELS.get(after.state, logging.INFO)
        text = f"{after.cluster}: {before.state} -> {after.state} ({after.reason})"
        self.history.add(after.cluster, "state", f"{before.state} -> {after.state} ({after.reason})")
        turn = {"from": before.state, "to": after.state, "reason": after.reason}
        self._chronicle.say(after.cluster, "state", level, text, now, **turn)
        self._publish_statuses(now)

    def _reached(self, status: Status, now: float) -> None:
        """The data path of a member fails, or works again: the state of the local cluster may stay the same by that."""
        fault = status.path.fault if status.path is not None else ""
        text = f"data path lost ({fault})" if status.cut else "data path works again"
        if status.path is None:
            text = "data path not probed any more"
        self.history.add(status.cluster, "data-path", text)
        level = logging.WARNING if status.cut else logging.INFO
        self._chronicle.say(status.cluster, "data-path", level, f"{status.cluster}: {text}", now)
        self._publish_statuses(now)

    def _publish_statuses(self, now: float) -> None:
        self._published = now
        self._publisher.members()
