"""What all members export, joined by name: exports in, services out.

The catalog depends only on what each member exports now, never on the order in which it was heard, but for one thing:
where exports disagree whether a service is headless, it stays what it was while an export of that type is left
(KEP-1645: the end of a conflict need not change an import). Those decisions are told from one catalog to another. It
knows nothing of freshness, of clients or of where exports come from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from fedns.federation import digest
from fedns.federation.objects import Conflict, Export, Port, Service, ServiceKey


class Catalog:
    """The exports of every member; not for use by several threads. `ranks` is the trust rank of each member."""

    def __init__(self, ranks: Mapping[str, int] | None = None) -> None:
        self._ranks: Mapping[str, int] = ranks or {}
        self._members: dict[str, dict[ServiceKey, Export]] = {}
        self._digests: dict[str, int] = {}
        self._counts: dict[ServiceKey, int] = {}
        self._namespaces: dict[str, int] = {}
        self._joined: dict[ServiceKey, Service] = {}
        self._headless: dict[ServiceKey, int] = {}
        self._settled: dict[ServiceKey, bool] = {}
        self._told: dict[ServiceKey, bool] = {}
        self._once = False
        self.settlements = 0

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, key: object) -> bool:
        return key in self._counts

    @property
    def ranks(self) -> Mapping[str, int]:
        """The trust rank of each member (0 where none is given): a lower rank goes before age."""
        return self._ranks

    @ranks.setter
    def ranks(self, ranks: Mapping[str, int]) -> None:
        """Other ranks are their owner's word: what was settled before is settled anew."""
        other = {name for name, rank in ranks.items() if rank} | {name for name, rank in self._ranks.items() if rank}
        changed = any(ranks.get(name, 0) != self._ranks.get(name, 0) for name in other)
        self._ranks = ranks
        self._joined.clear()
        if changed and self._settled:
            self._told.clear()
            self._settled = {key: self._first(key).headless for key in self._settled}
            self.settlements += 1

    @property
    def settled(self) -> Mapping[ServiceKey, bool]:
        """Every service about whose type its exports disagree: whether it is headless; `settlements` counts changes."""
        return self._settled

    def settle(self, types: Mapping[ServiceKey, bool], *, once: bool = False) -> set[ServiceKey]:
        """Take the types that another catalog settled, now and when exports come to disagree; the keys that changed.

        They hold until others are told; with `once`, only until the exports of a service agree again.
        """
        self._told = dict(types)
        self._once = once
        changed = {key for key, held in self._settled.items() if self._told.get(key, held) != held}
        for key in changed:
            self._settled[key] = self._told[key]
            self._joined.pop(key, None)
        self.settlements += bool(changed)
        return changed

    def replace(self, cluster: str, exports: Iterable[Export]) -> set[ServiceKey]:
        """Take these as all that a member exports; returns the keys that changed.

        A member that had none was not known: its first words count as if they had always been there, whatever the order
        in which members are read.
        """
        truth = {export.key: export for export in exports}
        held = self._members.get(cluster, {})
        known = bool(held)
        return {key for key in truth.keys() | held.keys() if self._apply(cluster, key, truth.get(key), known=known)}

    def apply(self, cluster: str, key: ServiceKey, export: Export | None) -> bool:
        """Take one export that appeared or changed, or (None) went; returns whether that changed anything.

        An export that names another member or another service counts as gone: nobody exports under a foreign name.
        """
        return self._apply(cluster, key, export, known=True)

    def drop(self, cluster: str) -> set[ServiceKey]:
        """Forget a member that left; returns the keys that changed."""
        return self.replace(cluster, ())

    def service(self, key: ServiceKey) -> Service | None:
        """The joined service, or None where nobody exports it; remembered until one of its exports changes."""
        service = self._joined.get(key)
        if service is None and key in self._counts:
            service = join(self._exports(key), self._ranks, self._settled.get(key))
            self._joined[key] = service
        return service

    def shared(self, key: ServiceKey) -> bool:
        """Whether more members than one export it, so that they may disagree."""
        return self._counts.get(key, 0) > 1

    def exports_of(self, cluster: str) -> list[Export]:
        """All that one member exports."""
        return list(self._members.get(cluster, {}).values())

    def digest_of(self, cluster: str) -> int:
        """The digest of all that one member exports; 0 for one that exports nothing."""
        return self._digests.get(cluster, 0)

    def keys(self) -> Iterable[ServiceKey]:
        """The keys of all services."""
        return self._counts.keys()

    def has_namespace(self, namespace: str) -> bool:
        """Whether any service of this namespace is exported."""
        return namespace in self._namespaces

    def _exports(self, key: ServiceKey) -> Iterator[Export]:
        return (exports[key] for exports in self._members.values() if key in exports)

    def _first(self, key: ServiceKey) -> Export:
        """The export that has precedence."""
        return min(self._exports(key), key=lambda export: _precedence(export, self._ranks))

    def _apply(self, cluster: str, key: ServiceKey, export: Export | None, *, known: bool) -> bool:
        if export is not None and (export.cluster != cluster or export.key != key):
            export = None
        before = self._members.get(cluster, {}).get(key)
        if before == export:
            return False
        self._joined.pop(key, None)
        self._digests[cluster] = digest.changed(self._digests.get(cluster, 0), before, export)
        headless = self._type(key)
        if export is None:
            self._remove(cluster, key)
        else:
            self._add(cluster, key, export)
        for each, one in ((before, -1), (export, 1)):
            if each is not None and each.headless:
                self._headless[key] = self._headless.get(key, 0) + one
        if not self._headless.get(key, 1):
            del self._headless[key]
        self._settle(cluster, key, headless, known=known)
        return True

    def _type(self, key: ServiceKey) -> bool:
        """Whether a service is headless; False where there is none."""
        return self._settled.get(key, key in self._headless)

    def _settle(self, cluster: str, key: ServiceKey, before: bool, *, known: bool) -> None:
        """Say what a service is whose exports disagree, and forget it when they agree again."""
        held = self._settled.get(key)
        if self._headless.get(key, 0) in {0, self._counts.get(key, 0)}:
            if held is not None:
                del self._settled[key]
                if self._once:
                    self._told.pop(key, None)
                self.settlements += 1
            return
        if not known:
            first = self._first(key)
            before = first.headless if first.cluster == cluster else before
        after = self._told.get(key, before)
        if after is not held:
            self._settled[key] = after
            self.settlements += 1

    def _add(self, cluster: str, key: ServiceKey, export: Export) -> None:
        exports = self._members.setdefault(cluster, {})
        if key not in exports:
            if key not in self._counts:
                self._namespaces[key[0]] = self._namespaces.get(key[0], 0) + 1
            self._counts[key] = self._counts.get(key, 0) + 1
        exports[key] = export

    def _remove(self, cluster: str, key: ServiceKey) -> None:
        del self._members[cluster][key]
        if not self._members[cluster]:
            del self._members[cluster], self._digests[cluster]
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]
            self._namespaces[key[0]] -= 1
            if not self._namespaces[key[0]]:
                del self._namespaces[key[0]]


def join(exports: Iterable[Export], ranks: Mapping[str, int], headless: bool | None = None) -> Service:
    """One service of the exports (one at least) that share its name: KEP-1645, constraints and conflict resolution.

    Precedence is trust rank (lower first), then age (oldest first), then the cluster's name. The first export decides
    whether the service is headless, unless that is settled already (`headless`); ports are the union, by name first and
    then by protocol and number.
    """
    ordered = tuple(sorted(exports, key=lambda export: _precedence(export, ranks)))
    winner = ordered[0]
    kind = winner.headless if headless is None else headless
    return Service(
        namespace=winner.namespace,
        name=winner.name,
        exports=ordered,
        headless=kind,
        ports=tuple(_union(ordered)),
        conflicts=tuple(_conflicts(ordered, _TYPES[kind])) if len(ordered) > 1 else (),
    )


def _precedence(export: Export, ranks: Mapping[str, int]) -> tuple[int, int, str]:
    return (ranks.get(export.cluster, 0), export.created, export.cluster)


def _union(exports: Iterable[Export]) -> Iterator[Port]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for export in exports:
        for port in export.ports:
            number = (port.protocol, port.number)
            if port.name not in names and number not in numbers:
                names.add(port.name)
                numbers.add(number)
                yield port


def _conflicts(exports: tuple[Export, ...], kind: str) -> Iterator[Conflict]:
    """One conflict for each aspect and export that differs from what is used, in the KEP's style of message."""
    winner = exports[0]
    for conflict, aspect in _ASPECTS.items():
        truth = aspect(winner)
        source = f'from the export in "{winner.cluster}", which has precedence'
        if conflict == "TypeConflict" and truth != [kind]:
            truth, source = [kind], f'as before, though the export in "{winner.cluster}" has precedence'
        # An export of which nothing is known in this respect (no endpoint has a family) contradicts nobody.
        others = [export for export in exports if (said := aspect(export)) != truth and said is not None]
        if truth is not None:
            for export in others:
                message = (
                    f'Conflicting {_WORDS[conflict]}. Using "{", ".join(truth)}" {source}.'
                    f" {len(others)}/{len(exports)} clusters disagree."
                )
                yield Conflict(conflict, export.cluster, message)


def _type(export: Export) -> list[str]:
    return [_TYPES[export.headless]]


def _ports(export: Export) -> list[str]:
    return sorted({f"{port.name or '(unnamed)'} {port.number}/{port.protocol}" for port in export.ports})


def _families(export: Export) -> list[str] | None:
    widths = set(map(len, export.cluster_ips)) or {each.width for each in export.slices if each.count}
    return sorted("IPv4" if width == 4 else "IPv6" for width in widths) or None


def _traffic(export: Export) -> list[str]:
    return [export.traffic or "none"]


def _annotations(export: Export) -> list[str]:
    return sorted(f"{key}={value}" for key, value in export.annotations)


_TYPES: Final = {True: "Headless", False: "ClusterSetIP"}
_ASPECTS: Final[dict[str, Callable[[Export], list[str] | None]]] = {
    "TypeConflict": _type,
    "PortConflict": _ports,
    "IPFamilyConflict": _families,
    "TrafficDistributionConflict": _traffic,
    "AnnotationsConflict": _annotations,
}
_WORDS: Final = {
    "TypeConflict": "type",
    "PortConflict": "ports",
    "IPFamilyConflict": "IP families",
    "TrafficDistributionConflict": "traffic distribution",
    "AnnotationsConflict": "annotations",
}
