"""Turns the facts of three resources (Services, EndpointSlices, ServiceExports) of one member into its exports.

It holds the last facts of each object, in any order of arrival, and says which services an event touches. It knows
nothing of streams and of other members.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from fedns.clusters.decode import ExportFacts, Facts, Item, ServiceFacts, SliceFacts
from fedns.federation.objects import Export, ServiceKey
from fedns.settings.schema import ExportMode

Touched = tuple[str, ServiceKey]
"""A service of a cluster that an event touches."""
_GRAVES: Final = 10_000
"""How many deletions of a resource are remembered, so that an older event cannot bring an object back."""


class _Shelf:
    """The objects of one resource: (version, facts) by (namespace, name), and the versions of the deleted ones."""

    def __init__(self) -> None:
        self.held: dict[ServiceKey, tuple[int, Facts]] = {}
        self._graves: dict[ServiceKey, int] = {}

    def put(self, item: Item) -> tuple[Facts | None, Facts | None]:
        """Facts before and after one event that adds or changes; an older object never overwrites a newer one."""
        key = (item.namespace, item.name)
        version, before = self.held.get(key, (0, None))
        newest = max(version, self._graves.get(key, 0))
        if (item.version and item.version <= newest) or item.fault:
            return before, before  # what cannot be understood leaves the last good facts in force
        self._graves.pop(key, None)
        if item.facts is None:
            self._bury(key, item.version)
            self.held.pop(key, None)
        else:
            self.held[key] = (item.version, item.facts)
        return before, item.facts

    def take(self, item: Item) -> tuple[Facts | None, Facts | None]:
        """Facts before and after a deletion."""
        key = (item.namespace, item.name)
        version, before = self.held.get(key, (0, None))
        if item.version and item.version < version:
            return before, before
        self.held.pop(key, None)
        self._bury(key, item.version)
        return before, None

    def replace(self, items: Iterable[Item]) -> Iterator[tuple[ServiceKey, Facts | None, Facts | None]]:
        """Facts before and after of every object of the old and of the new whole truth; its versions win, always."""
        old, self.held, self._graves = self.held, {}, {}
        for item in items:
            key = (item.namespace, item.name)
            if item.fault and key in old:
                self.held[key] = old[key]
            elif item.facts is not None:
                self.held[key] = (item.version, item.facts)
        for key in old.keys() | self.held.keys():
            yield key, old.get(key, (0, None))[1], self.held.get(key, (0, None))[1]

    def _bury(self, key: ServiceKey, version: int) -> None:
        self._graves[key] = max(version, self._graves.pop(key, 0))
        if len(self._graves) > _GRAVES:
            del self._graves[next(iter(self._graves))]


class Translator:
    """One member's objects, and what it exports by them."""

    def __init__(self, cluster: str, modes: Iterable[ExportMode]) -> None:
        self._cluster = cluster
        self._modes = frozenset(modes)
        self.resources = ("services", "slices", "exports") if "ServiceExport" in self._modes else ("services", "slices")
        self._shelves = {"services": _Shelf(), "slices": _Shelf(), "exports": _Shelf()}
        self._slices: dict[ServiceKey, dict[str, SliceFacts]] = {}

    def replace(self, resource: str, items: Iterable[Item]) -> set[Touched]:
        """Take the whole truth of one resource; the services that it touches."""
        touched: set[Touched] = set()
        for key, before, after in self._shelves[resource].replace(items):
            touched |= self._changed(key, before, after)
        return touched

    def apply(self, resource: str, kind: str, item: Item) -> set[Touched]:
        """Take one event (`kind` is ADDED, MODIFIED or DELETED); the services that it touches."""
        if not item.namespace:
            return set()
        shelf = self._shelves[resource]
        before, after = shelf.take(item) if kind == "DELETED" else shelf.put(item)
        return self._changed((item.namespace, item.name), before, after)

    def missing(self, resource: str, items: Iterable[Item]) -> tuple[int, int]:
        """How many of the objects held are not among `items`, and how many are held."""
        held = self._shelves[resource].held
        return len(held.keys() - {(item.namespace, item.name) for item in items}), len(held)

    def objects(self) -> dict[str, int]:
        """How many objects are held, by resource."""
        return {name: len(shelf.held) for name, shelf in self._shelves.items()}

    def clusters(self) -> set[str]:
        """The clusters that it tells of."""
        return {self._cluster}

    def exports(self, cluster: str) -> Iterator[Export]:
        """Everything that a cluster exports."""
        found = (self.export(cluster, key) for key in self._shelves["services"].held)
        return (export for export in found if export is not None)

    def export(self, cluster: str, key: ServiceKey) -> Export | None:
        """What a cluster exports under this name, if anything; never an ExternalName."""
        service = self._shelves["services"].held.get(key, (0, None))[1]
        if cluster != self._cluster or not isinstance(service, ServiceFacts) or service.external:
            return None
        created = self._exported(key, service)
        if created is None:
            return None
        slices = self._slices.get(key, {})
        return Export(
            cluster=self._cluster,
            namespace=key[0],
            name=key[1],
            created=created,
            headless=service.headless,
            ports=service.ports,
            cluster_ips=service.cluster_ips,
            load_balancer_ips=service.load_balancer_ips,
            slices=tuple(each for name in sorted(slices) for each in slices[name].slices),
            annotations=service.annotations,
        )

    def _exported(self, key: ServiceKey, service: ServiceFacts) -> int | None:
        """Since when it is exported, in Unix seconds; None if it is not. A ServiceExport goes before a label."""
        asked = self._shelves["exports"].held.get(key, (0, None))[1]
        if "ServiceExport" in self._modes and isinstance(asked, ExportFacts):
            return asked.created
        if "All" in self._modes or ("Label" in self._modes and service.labelled):
            return service.created
        return None

    def _changed(self, key: ServiceKey, before: Facts | None, after: Facts | None) -> set[Touched]:
        if before == after:
            return set()
        self._move(key, before, after)
        return {
            (self._cluster, (key[0], facts.service) if isinstance(facts, SliceFacts) else key)
            for facts in (before, after)
            if facts is not None
        }

    def _move(self, key: ServiceKey, before: Facts | None, after: Facts | None) -> None:
        """Keep the slices of each service; a slice may change hands."""
        namespace, name = key
        if isinstance(before, SliceFacts):
            owner = (namespace, before.service)
            self._slices[owner].pop(name, None)
            if not self._slices[owner]:
                del self._slices[owner]
        if isinstance(after, SliceFacts):
            self._slices.setdefault((namespace, after.service), {})[name] = after
