"""The objects of one resource of one member: items in, facts before and after out, within a quota.

A quota is deterministic: of a whole list the oldest objects are kept (by creation, then namespace and name). Later an
object that is new and finds no room is left out, and comes in with its next event or the next whole list, once there is
room. What an object says is never held back in favour of what it said before: a slice that outgrows its room is cut.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from fedns.clusters.decode import Item
from fedns.clusters.facts import Facts, cut, weight
from fedns.federation.objects import ServiceKey

_REMEMBERED: Final = 10_000
"""How many deletions are remembered, so that an older event brings no object back; and how many objects left out."""

Change = tuple[ServiceKey, Facts | None, Facts | None]
"""The key of an object, its facts before and after."""


class Shelf:
    """Facts by (namespace, name), and the versions of the objects that are gone; `limit` bounds the sum of weights."""

    def __init__(self, limit: int) -> None:
        self.held: dict[ServiceKey, Facts] = {}
        self.used = 0
        self._limit = limit
        self._graves: dict[ServiceKey, int] = {}
        self._left_out: dict[ServiceKey, int] = {}

    @property
    def left_out(self) -> int:
        """How much (by weight) found no room; past the first 10,000 objects it is told as less."""
        return sum(self._left_out.values())

    def put(self, item: Item) -> Change:
        """One event that adds or changes; an older object never overwrites a newer one."""
        key = item.key or (item.namespace, item.name)
        before = self.held.get(key)
        newest = max(before.version if before else 0, self._graves.get(key, 0))
        if (item.version and item.version <= newest) or item.fault:
            return key, before, before  # what cannot be understood leaves the last good facts in force
        after = self._fit(key, item.facts, self._limit - self.used + weight(before))
        if after is None:
            self.held.pop(key, None)
            self._bury(key, item.version)
        else:
            self._graves.pop(key, None)
            self.held[key] = after if before is None else _kept(before, after)
        self.used += weight(after) - weight(before)
        return key, before, after

    def take(self, item: Item) -> Change:
        """One deletion."""
        key = item.key or (item.namespace, item.name)
        before = self.held.get(key)
        if item.version and before and item.version < before.version:
            return key, before, before
        self._left_out.pop(key, None)
        self.held.pop(key, None)
        self._bury(key, item.version)
        self.used -= weight(before)
        return key, before, None

    def replace(self, items: Iterable[Item]) -> Iterator[Change]:
        """Every object of the old and of the new whole truth; its versions win, always."""
        old, self.held, self._graves, self._left_out, self.used = self.held, {}, {}, {}, 0
        created: dict[ServiceKey, int] = {}
        for item in items:
            key = item.key or (item.namespace, item.name)
            before = old.get(key)
            facts = before if item.fault else item.facts
            if facts is not None:
                created[key] = item.created
                self.held[key] = facts if before is None else _kept(before, facts)
            else:
                self.held.pop(key, None)
        self.used = sum(map(weight, self.held.values()))
        if self.used > self._limit:
            self._choose(sorted(self.held, key=lambda key: (created[key], key)))
        for key, facts in old.items():
            if key not in self.held:
                yield key, facts, None
        for key, facts in self.held.items():
            yield key, old.get(key), facts

    def _choose(self, order: list[ServiceKey]) -> None:
        """Keep what there is room for, in this order."""
        wanted, self.held, self.used = self.held, {}, 0
        for key in order:
            after = self._fit(key, wanted[key], self._limit - self.used)
            if after is not None:
                self.held[key] = after
                self.used += weight(after)

    def _fit(self, key: ServiceKey, facts: Facts | None, room: int) -> Facts | None:
        """What of these facts there is room for."""
        after = None if facts is None else cut(facts, room)
        lost = weight(facts) - weight(after)
        self._left_out.pop(key, None)
        if lost and len(self._left_out) < _REMEMBERED:
            self._left_out[key] = lost
        return after

    def _bury(self, key: ServiceKey, version: int) -> None:
        self._graves[key] = max(version, self._graves.pop(key, 0))
        if len(self._graves) > _REMEMBERED:
            del self._graves[next(iter(self._graves))]


def same(one: Facts | None, other: Facts | None) -> bool:
    """Whether two facts say the same: their versions say nothing."""
    if one is None or other is None or type(one) is not type(other):
        return one is other
    return one is other or one == replace(other, version=one.version)


def _kept(before: Facts, after: Facts) -> Facts:
    """The new facts, with the parts of the old ones where they say the same: those are shared with what was told."""
    return replace(before, version=after.version) if same(before, after) else after
