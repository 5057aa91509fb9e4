"""Turns the facts of a cluster that holds imported services into the exports of the clusters that they come from.

The objects are those of the Multi-Cluster Services API, whoever writes them: ServiceImports say what a service is,
EndpointSlices what each source cluster gives to it, Leases how long a source cluster's word lasts. An import of type
ClusterSetIP gives its IPs to every source; one without any slices becomes an export of the member itself. It knows
nothing of streams, nor of which source clusters are believed.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from fedns.clusters.facts import ImportFacts, LeaseFacts, SliceFacts
from fedns.clusters.shelf import Change
from fedns.clusters.shelves import Owned, Shelves, Touched
from fedns.federation.objects import Export, ServiceKey
from fedns.settings.schema import Trust

RESOURCES: Final = ("imports", "slices", "leases")


class Imports(Shelves):
    """One hub's objects, and what each cluster exports by them; `cluster` is the hub's own name."""

    main = "imports"

    def __init__(self, cluster: str, trust: Trust | None = None, refused: Counter[str] | None = None) -> None:
        self._cluster = cluster
        self._owned = Owned()
        self._slices: Counter[ServiceKey] = Counter()
        super().__init__(RESOURCES, trust, refused)

    def clusters(self) -> set[str]:
        """The clusters that it tells of: its own, and all that have slices here."""
        return {self._cluster, *self._owned.clusters()}

    def leases(self) -> dict[str, LeaseFacts]:
        """The lease of each source cluster that has one; of several the one that was renewed last."""
        found = [facts for facts in self._held("leases").values() if isinstance(facts, LeaseFacts)]
        return {facts.source: facts for facts in sorted(found, key=lambda facts: (facts.renewed, facts.seconds))}

    def exports(self, cluster: str) -> Iterator[Export]:
        """Everything that a cluster exports."""
        keys = set(self._owned.services(cluster))
        if cluster == self._cluster:
            keys |= self._held("imports").keys() - self._slices.keys()
        found = (self.export(cluster, key) for key in keys)
        return (export for export in found if export is not None)

    def export(self, cluster: str, key: ServiceKey) -> Export | None:
        """What a cluster exports under this name, if anything."""
        asked = self._held("imports").get(key)
        alone = cluster == self._cluster and key not in self._slices
        if not isinstance(asked, ImportFacts) or not (alone or self._owned.has(cluster, key)):
            return None
        return Export(
            cluster=cluster,
            namespace=key[0],
            name=key[1],
            created=asked.created,
            headless=asked.headless,
            ports=asked.ports,
            cluster_set_ips=asked.ips,
            slices=self._owned.of(cluster, key),
            namespace_annotations=self._narrowing(key[0]),
            traffic=asked.traffic,
        )

    def _touched(self, resource: str, change: Change) -> Iterator[Touched]:
        key, before, after = change
        if resource == "imports":
            yield self._cluster, key
            for cluster in self._owned.clusters():
                if self._owned.has(cluster, key):
                    yield cluster, key
        elif resource == "slices":
            self._owned.move(before, after)
            for facts, one in ((before, -1), (after, 1)):
                if isinstance(facts, SliceFacts):
                    yield from self._count_slice(facts, one)

    def _count_slice(self, facts: SliceFacts, one: int) -> Iterator[Touched]:
        """What a slice that comes (1) or goes (-1) touches: its first and last one say whether the hub stands alone."""
        self._slices[facts.owner] += one
        if not self._slices[facts.owner]:
            del self._slices[facts.owner]
        yield facts.source, facts.owner
        yield self._cluster, facts.owner
