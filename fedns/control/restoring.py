"""From a snapshot to what may be used of it now: members that are still there, not too old, as far as they are trusted.

It knows nothing of files, nor of what is done with the result.
"""

from collections.abc import Iterable

from msgspec import Struct, structs

from fedns.answers.snapshot import Snapshot
from fedns.answers.wire import Members, Nodes, Types, settled
from fedns.clusters.trust import Boundary
from fedns.federation.health import NEVER, Freshness, Status
from fedns.federation.locality import Node
from fedns.federation.objects import Cluster, Export, ServiceKey, Slice, pack
from fedns.settings.schema import Settings


class Known(Struct, frozen=True):
    """What one member exported, and how many seconds ago that was known to be true."""

    age: float
    exports: list[Export]


class Past(Struct, frozen=True):
    """What was known once.

    `described` are members that objects of the local cluster described, `told` the clusters (hub, name) that hubs told
    of, both beside those that the configuration names; `outdated` names what was known too long ago to be used.
    """

    described: tuple[Cluster, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    members: dict[str, Known] = {}
    outdated: tuple[str, ...] = ()
    types: dict[ServiceKey, bool] = {}
    """Services of which exports disagreed whether they are headless, with what was settled."""
    nodes: tuple[Node, ...] = ()
    """Those of the local cluster, where they are still asked for, and what is known of it is not outdated."""


def past(snapshot: Snapshot, settings: Settings, age: float, now: float, limit: float) -> Past:
    """What to use of a snapshot that was written `age` seconds before `now`; what is older than `limit` is left out.

    Members that the configuration does not name count where other objects may describe them, and until those are read.
    """
    configured = {name for member in settings.clusters for name in (member.name, *(s.name for s in member.sources))}
    others = [each for each in snapshot.clusters if each.name not in configured]
    described = tuple(each for each in others if settings.clusters_from.anybody and not each.via)
    present = configured | {each.name for each in described}
    told = tuple((each.via, each.name) for each in others if each.via in present)
    present |= {name for _, name in told}
    boundaries = _boundaries(settings)
    held, members, outdated = snapshot.exports(), dict[str, Known](), list[str]()
    for status in _statuses(snapshot, now - age):
        name = status.cluster
        if name not in present or name not in held or status.state == Freshness.SYNCING:
            continue
        known = max(0.0, now - _good(status))
        if known > limit:
            outdated.append(name)
            continue
        boundary = boundaries.get(name)
        exports = held[name] if boundary is None else list(_allowed(held[name], boundary))
        members[name] = Known(known, exports)
    types = [settled(each.settled) for each in snapshot.messages if isinstance(each, Types)]
    local = settings.local.cluster
    asked = settings.clients_from.nodes and local in members and snapshot.rules.local.cluster == local
    nodes = [each for message in snapshot.messages if isinstance(message, Nodes) for each in message.nodes]
    return Past(described, told, members, tuple(outdated), types[0] if types else {}, tuple(nodes) if asked else ())


def _statuses(snapshot: Snapshot, written: float) -> tuple[Status, ...]:
    return next(message.statuses for message in snapshot.moved(written) if isinstance(message, Members))


def _good(status: Status) -> float:
    """When what is held of a member was known to be true last."""
    good = min(status.alive, status.readable) if status.broken else status.alive
    return good if good != NEVER else status.since


def _boundaries(settings: Settings) -> dict[str, Boundary]:
    """How far each cluster that the configuration names is believed: the configuration may have changed meanwhile."""
    return {
        name: boundary
        for member in settings.clusters
        for boundary in (Boundary(member.trust),)
        for name in (member.name, *(source.name for source in member.sources))
    }


def _allowed(exports: Iterable[Export], boundary: Boundary) -> Iterable[Export]:
    for export in exports:
        if boundary.namespace(export.namespace):
            yield structs.replace(
                export,
                cluster_ips=_addresses(export.cluster_ips, boundary),
                load_balancer_ips=_addresses(export.load_balancer_ips, boundary),
                cluster_set_ips=_addresses(export.cluster_set_ips, boundary),
                load_balancer_names=export.load_balancer_names if boundary.open else (),
                slices=tuple(_slice(each, boundary) for each in export.slices),
            )


def _addresses(addresses: tuple[bytes, ...], boundary: Boundary) -> tuple[bytes, ...]:
    return tuple(each for each in addresses if not boundary.refuses(each))


def _slice(piece: Slice, boundary: Boundary) -> Slice:
    if boundary.clear(piece.addresses, piece.width):
        return piece
    endpoints = [each for each in piece.endpoints() if not boundary.refuses(each.address)]
    (allowed,) = pack(piece.ports, endpoints) or (structs.replace(piece, addresses=b"", hostnames=()),)
    return allowed
