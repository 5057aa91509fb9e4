"""What all objects of one member amount to: one shelf for each resource, and the slices of each service.

It is what a translator of Services and one of ServiceImports have in common: items in, touched services out.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from sys import maxsize
from typing import ClassVar, Final

from fedns.clusters.decode import CLUSTERED, Item
from fedns.clusters.facts import Facts, NamespaceFacts, NodeFacts, SliceFacts
from fedns.clusters.shelf import Change, Shelf, same
from fedns.clusters.trust import Boundary
from fedns.federation.locality import Node
from fedns.federation.objects import ServiceKey, Slice
from fedns.settings.schema import Trust

CLUSTERED_KINDS: Final = ("namespaces", "nodes")
"""What every member may have, beside what it tells of services."""

Touched = tuple[str, ServiceKey]
"""A service of a cluster that an event touches."""


class Shelves(ABC):
    """The objects of some resources of one member, within its quotas; `refused` counts by reason what found no room.

    `main` is the resource whose objects say which services there are.
    """

    main: ClassVar[str]

    def __init__(self, resources: Iterable[str], trust: Trust | None, refused: Counter[str] | None) -> None:
        self.resources = tuple(resources)
        self._trust = trust or Trust()
        self._refused: Counter[str] = Counter() if refused is None else refused
        self._shelves = {name: Shelf(self._limit(name)) for name in (*self.resources, *CLUSTERED_KINDS)}

    def replace(self, resource: str, items: Iterable[Item]) -> set[Touched]:
        """Take the whole truth of one resource; the services that it touches."""
        shelf = self._shelves[resource]
        found = [
            touched
            for change in shelf.replace(items)
            if not same(change[1], change[2])
            for touched in self._changed(resource, change)
        ]
        self._count(resource, shelf.left_out)
        return set(found)

    def apply(self, resource: str, kind: str, item: Item) -> set[Touched]:
        """Take one event (`kind` is ADDED, MODIFIED or DELETED); the services that it touches."""
        if not item.namespace:
            return set()
        shelf = self._shelves[resource]
        lost = shelf.left_out
        change = shelf.take(item) if kind == "DELETED" else shelf.put(item)
        self._count(resource, shelf.left_out - lost)
        return set() if same(change[1], change[2]) else set(self._changed(resource, change))

    def missing(self, resource: str, items: Iterable[Item]) -> tuple[int, int]:
        """How many of the objects held are not among `items`, and how many are held."""
        held = self._held(resource)
        return len(held.keys() - {(item.namespace, item.name) for item in items}), len(held)

    def differs(self, resource: str, names: Iterable[Item], read: int, seen: int) -> bool:
        """Whether these names and versions are not those of the objects held.

        One that is newer than `seen` may be still to come. One that is not held says nothing here, which was found when
        it was read: only if it is newer than that reading, `read`, may it be one that nobody told of.
        """
        held, counts = self._held(resource), Boundary(self._trust).namespace
        found = 0
        for item in names:
            if not counts(item.namespace):
                continue
            facts = held.get((item.namespace, item.name))
            found += facts is not None
            before = read if facts is None else facts.version
            if item.version <= seen and (item.version > before if facts is None else item.version != before):
                return True
        return found != len(held)

    def objects(self) -> dict[str, int]:
        """How many objects are held, by resource."""
        return {name: len(shelf.held) for name, shelf in self._shelves.items()}

    def nodes(self) -> dict[str, Node]:
        """All nodes, by their names."""
        return {facts.node.name: facts.node for facts in self._held("nodes").values() if isinstance(facts, NodeFacts)}

    def node(self, name: str) -> Node | None:
        """One node as it is."""
        facts = self._held("nodes").get((CLUSTERED, name))
        return facts.node if isinstance(facts, NodeFacts) else None

    def problems(self) -> list[str]:
        """What is left out for want of room, a sentence for each resource."""
        found = []
        for name, shelf in self._shelves.items():
            if left := shelf.left_out:
                what, key = ("endpoints", "maxEndpoints") if name == "slices" else (name, "maxServices")
                found.append(
                    f"{shelf.used + left} {what}, {self._limit(name)} are allowed (trust.{key}):"
                    f" {left} {'is' if left == 1 else 'are'} left out"
                )
        return found

    def _held(self, resource: str) -> Mapping[ServiceKey, Facts]:
        """The objects of one resource; none of one that is not followed."""
        return self._shelves[resource].held if resource in self._shelves else {}

    def _narrowing(self, namespace: str) -> tuple[tuple[str, str], ...]:
        """What the annotations of a namespace ask for all its services."""
        facts = self._held("namespaces").get((CLUSTERED, namespace))
        return facts.annotations if isinstance(facts, NamespaceFacts) else ()

    def _changed(self, resource: str, change: Change) -> Iterator[Touched]:
        """A namespace touches every service in it, a node none."""
        if resource == "namespaces":
            (_, namespace), _, _ = change
            for key, facts in self._held(self.main).items():
                if key[0] == namespace:
                    yield from self._touched(self.main, (key, facts, facts))
        elif resource != "nodes":
            yield from self._touched(resource, change)

    @abstractmethod
    def _touched(self, resource: str, change: Change) -> Iterator[Touched]:
        """Take one change of an object; the services that it touches."""

    def _limit(self, resource: str) -> int:
        if resource == "namespaces":
            return maxsize  # only those are held that narrow something, and none of them may be left out
        return self._trust.max_endpoints if resource == "slices" else self._trust.max_services

    def _count(self, resource: str, lost: int) -> None:
        if lost > 0:
            self._refused["quota-endpoints" if resource == "slices" else "quota-services"] += lost


class Owned:
    """The slices of each service of each cluster; a slice may change hands."""

    def __init__(self) -> None:
        self._held: dict[str, dict[ServiceKey, tuple[SliceFacts, ...]]] = {}

    def move(self, before: Facts | None, after: Facts | None) -> None:
        """One slice as it was and as it is."""
        if isinstance(before, SliceFacts):
            services = self._held[before.source]
            others = tuple(each for each in services[before.owner] if each.name != before.name)
            if others:
                services[before.owner] = others
            else:
                del services[before.owner]
                if not services:
                    del self._held[before.source]
        if isinstance(after, SliceFacts):
            services = self._held.setdefault(after.source, {})
            others = services.get(after.owner, ())
            services[after.owner] = tuple(sorted((*others, after), key=_name)) if others else (after,)

    def clusters(self) -> Iterable[str]:
        """The clusters that have slices."""
        return self._held.keys()

    def services(self, cluster: str) -> Iterable[ServiceKey]:
        """The services of a cluster that have slices."""
        return self._held.get(cluster, {}).keys()

    def of(self, cluster: str, key: ServiceKey) -> tuple[Slice, ...]:
        """All endpoints of a service in a cluster, by the names of their slices."""
        found = self._held.get(cluster, {}).get(key, ())
        return found[0].slices if len(found) == 1 else tuple(part for each in found for part in each.slices)

    def has(self, cluster: str, key: ServiceKey) -> bool:
        """Whether there is any slice of a service in a cluster."""
        return key in self._held.get(cluster, ())


def _name(facts: SliceFacts) -> str:
    return facts.name
