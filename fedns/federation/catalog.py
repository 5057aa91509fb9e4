"""What all members export, joined by name: exports in, services out.

The catalog is the same in the control process and in every worker, and depends only on what each member exports now,
never on the order in which it was heard. It knows nothing of freshness, of clients or of where exports come from.
"""

from collections.abc import Iterable, Iterator, Mapping

from fedns.federation.objects import Conflict, Export, Port, Service, ServiceKey


class Catalog:
    """The exports of every member; not for use by several threads. `ranks` is the trust rank of each member."""

    def __init__(self, ranks: Mapping[str, int] | None = None) -> None:
        self._ranks: Mapping[str, int] = ranks or {}
        self._members: dict[str, dict[ServiceKey, Export]] = {}
        self._counts: dict[ServiceKey, int] = {}
        self._namespaces: dict[str, int] = {}
        self._joined: dict[ServiceKey, Service] = {}

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def ranks(self) -> Mapping[str, int]:
        """The trust rank of each member (0 where none is given): a lower rank goes before age."""
        return self._ranks

    @ranks.setter
    def ranks(self, ranks: Mapping[str, int]) -> None:
        self._ranks = ranks
        self._joined.clear()

    def replace(self, cluster: str, exports: Iterable[Export]) -> set[ServiceKey]:
        """Take these as all that a member exports; returns the keys that changed."""
        truth = {export.key: export for export in exports}
        held = self._members.get(cluster, {})
        return {key for key in truth.keys() | held.keys() if self.apply(cluster, key, truth.get(key))}

    def apply(self, cluster: str, key: ServiceKey, export: Export | None) -> bool:
        """Take one export that appeared or changed, or (None) went; returns whether that changed anything.

        An export that names another member or another service counts as gone: nobody exports under a foreign name.
        """
        if export is not None and (export.cluster != cluster or export.key != key):
            export = None
        held = self._members.get(cluster, {})
        if held.get(key) == export:
            return False
        self._joined.pop(key, None)
        if export is None:
            self._remove(cluster, key)
        else:
            self._add(cluster, key, export)
        return True

    def drop(self, cluster: str) -> set[ServiceKey]:
        """Forget a member that left; returns the keys that changed."""
        return self.replace(cluster, ())

    def service(self, key: ServiceKey) -> Service | None:
        """The joined service, or None where nobody exports it; remembered until one of its exports changes."""
        service = self._joined.get(key)
        if service is None and key in self._counts:
            service = join((exports[key] for exports in self._members.values() if key in exports), self._ranks)
            self._joined[key] = service
        return service

    def exports_of(self, cluster: str) -> list[Export]:
        """All that one member exports."""
        return list(self._members.get(cluster, {}).values())

    def keys(self) -> Iterable[ServiceKey]:
        """The keys of all services."""
        return self._counts.keys()

    def has_namespace(self, namespace: str) -> bool:
        """Whether any service of this namespace is exported."""
        return namespace in self._namespaces

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
            del self._members[cluster]
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]
            self._namespaces[key[0]] -= 1
            if not self._namespaces[key[0]]:
                del self._namespaces[key[0]]


def join(exports: Iterable[Export], ranks: Mapping[str, int]) -> Service:
    """One service of the exports (one at least) that share its name: KEP-1645, constraints and conflict resolution.

    Precedence is trust rank (lower first), then age (oldest first), then the cluster's name. The first export decides
    whether the service is headless; ports are the union, by name first and then by protocol and number.
    """
    ordered = tuple(sorted(exports, key=lambda export: (ranks.get(export.cluster, 0), export.created, export.cluster)))
    winner = ordered[0]
    return Service(
        namespace=winner.namespace,
        name=winner.name,
        exports=ordered,
        headless=winner.headless,
        ports=tuple(_union(ordered)),
        conflicts=tuple(_conflicts(ordered)),
    )


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


def _conflicts(exports: tuple[Export, ...]) -> Iterator[Conflict]:
    """One conflict for each aspect and export that differs from the winner's, in the KEP's style of message."""
    winner = exports[0]
    for kind, aspect in _ASPECTS.items():
        truth = aspect(winner)
        others = [export for export in exports[1:] if aspect(export) != truth]
        message = (
            f'Conflicting {_WORDS[kind]}. Using "{", ".join(truth)}" from the export in "{winner.cluster}",'
            f" which has precedence. {len(others)}/{len(exports)} clusters disagree."
        )
        for export in others:
            yield Conflict(kind, export.cluster, message)


def _type(export: Export) -> list[str]:
    return ["Headless" if export.headless else "ClusterSetIP"]


def _ports(export: Export) -> list[str]:
    return sorted({f"{port.name or '(unnamed)'} {port.number}/{port.protocol}" for port in export.ports})


def _families(export: Export) -> list[str]:
    widths = set(map(len, export.cluster_ips)) or {each.width for each in export.slices if each.count}
    return sorted("IPv4" if width == 4 else "IPv6" for width in widths)


def _annotations(export: Export) -> list[str]:
    return sorted(f"{key}={value}" for key, value in export.annotations)


_ASPECTS = {
    "TypeConflict": _type,
    "PortConflict": _ports,
    "IPFamilyConflict": _families,
    "AnnotationsConflict": _annotations,
}
_WORDS = {
    "TypeConflict": "type",
    "PortConflict": "ports",
    "IPFamilyConflict": "IP families",
    "AnnotationsConflict": "annotations",
}
