"""From a service's exports to the addresses that this client could use: one address kind for each cluster.

Candidates come in bunches, made once for each service and kept in its memory: a decision costs what its bunches cost.
It knows nothing of freshness, policy or distance: those judge the candidates later.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from fedns.federation.drains import STAYING, Away
from fedns.federation.locality import Location
from fedns.federation.objects import READY, SERVING, TERMINATING, AddressKind, Cluster, Endpoint, Export, Port, Service
from fedns.federation.terms import Bunch, Candidate, LeftOut, Reason, World

ADDRESSES_ANNOTATION = "fedns.io/addresses"
"""Narrows the address kinds of one service in one cluster, or of all in a namespace: kinds separated by commas."""

_KINDS: Final = frozenset(map(str, AddressKind))
_SIZES: Final = (4, 16)
"""The bytes of an address: IPv4, IPv6."""
_ADDRESS: Final = attrgetter("address")
_LEAVING: Final = SERVING | TERMINATING

_Kind = tuple[int, int, str, tuple[str, ...], tuple[Port, ...]]
"""What endpoints have in common: the bytes of an address, conditions, zone, zones of hints, ports."""


def candidates(
    service: Service, location: Location, world: World, drained: Mapping[str, Away]
) -> tuple[list[Bunch], list[LeftOut]]:
    """The addresses of the first kind that the client can reach, for each cluster; and all others, with why not."""
    chosen: list[Bunch] = []
    left: list[LeftOut] = []
    for export in service.exports:
        cluster = world.clusters.get(export.cluster)
        if cluster is None:
            continue
        found = False
        for kind in _kinds(export, cluster, headless=service.headless):
            bunches = _bunches(service, kind, export, cluster, drained.get(export.cluster, STAYING))
            if not _reachable(kind, location, cluster):
                left.extend(LeftOut(each, Reason.UNREACHABLE_KIND) for each in bunches)
            elif found:
                left.extend(LeftOut(each, Reason.OTHER_KIND) for each in bunches)
            else:
                chosen.extend(bunches)
                found = bool(bunches)
    return chosen, left


def order(candidate: Candidate) -> tuple[str, str, int, bytes]:
    """Where a candidate stands among others that are told together: by member, kind, family and address."""
    return (candidate.cluster, candidate.kind, len(candidate.address), candidate.address)


def in_order(bunches: Iterable[Bunch]) -> Bunch:
    """All candidates of these bunches in one order."""
    runs: dict[tuple[str, str, int], list[Bunch]] = {}
    for bunch in bunches:
        runs.setdefault(order(bunch[0])[:3], []).append(bunch)
    # Bunches are sorted, and a run differs in nothing but addresses: a key for each candidate would cost the most here.
    sorted_runs = (
        sorted(chain(*runs[key]), key=_ADDRESS) if len(runs[key]) > 1 else runs[key][0] for key in sorted(runs)
    )
    return tuple(chain.from_iterable(sorted_runs))


def endpoint_at(export: Export, address: bytes) -> Endpoint | None:
    """What all slices of an export together say of one address; None where none has it."""
    found = [each for part in export.slices for each in part.endpoints() if each.address == address]
    return reduce(_merged, found) if found else None


def _kinds(export: Export, cluster: Cluster, *, headless: bool) -> tuple[AddressKind, ...]:
    if headless:
        return (AddressKind.POD_IP,)
    wanted = set(cluster.addresses)
    for name, text in chain(export.annotations, export.namespace_annotations):
        if name == ADDRESSES_ANNOTATION:
            wanted &= {AddressKind(each) for each in map(str.strip, text.split(",")) if each in _KINDS}
    return tuple(kind for kind in cluster.addresses if kind in wanted)


def _reachable(kind: AddressKind, location: Location, cluster: Cluster) -> bool:
    match kind:
        case AddressKind.CLUSTER_IP:
            return cluster.cluster_ips_routable or location.cluster == cluster.name
        case AddressKind.CLUSTER_SET_IP:  # it works where it was imported: in the member that tells of this cluster
            inside = location.cluster != "" and location.cluster in {cluster.name, cluster.via}
            return cluster.cluster_ips_routable or inside
        case AddressKind.POD_IP:
            return bool(cluster.network) and location.network == cluster.network
    return True


def _bunches(service: Service, kind: AddressKind, export: Export, cluster: Cluster, away: Away) -> tuple[Bunch, ...]:
    """All addresses of one kind, made when they are first asked for."""
    addresses = _addresses(kind, export, cluster)
    names = export.load_balancer_names if kind == AddressKind.LOAD_BALANCER and not addresses else ()
    out = (away.zones, away.forced_zones) if kind != AddressKind.POD_IP else ()
    key = (export.cluster, kind.value, addresses, out)
    known: tuple[Bunch, ...] | None = service.memory.get(key)
    if known is None:
        known = _pods(export) if kind == AddressKind.POD_IP else _services(kind, addresses, names, export, away)
        service.memory[key] = known
    return known


def _addresses(kind: AddressKind, export: Export, cluster: Cluster) -> tuple[bytes, ...]:
    """The addresses of the whole cluster; none for pods, who have their own."""
    match kind:
        case AddressKind.CLUSTER_SET_IP:
            return export.cluster_set_ips
        case AddressKind.CLUSTER_IP:
            return export.cluster_ips
        case AddressKind.LOAD_BALANCER:
            return export.load_balancer_ips
        case AddressKind.GATEWAY:
            return cluster.gateway_ips
    return ()


def _pods(export: Export) -> tuple[Bunch, ...]:
    cluster, kind = export.cluster, AddressKind.POD_IP
    bunches = []
    for (_, conditions, zone, hinted, ports), pods in _alike(export).items():
        ready, zones = conditions & READY, (zone,) if zone else ()
        # By position, which is faster: making these is what the first answer of a large service costs.
        bunches.append(
            tuple(
                Candidate(cluster, kind, address, ready, 1, conditions, zones, hostname, ports, hinted)
                for address, hostname in sorted(pods)
            )
        )
    return tuple(bunches)


def _services(
    kind: AddressKind, addresses: tuple[bytes, ...], names: tuple[str, ...], export: Export, away: Away
) -> tuple[Bunch, ...]:
    """Candidates for addresses behind which all endpoints of the cluster stand: a bunch for each family, or the names'.

    Endpoints of drained zones count only where the cluster has no others: then the address is drained with them.
    """
    behind = [_Pods(*key[:4], len(pods)) for key, pods in _alike(export).items()]
    ready: list[_Pods] = []
    counted: list[_Pods] = []
    for out in dict.fromkeys((away.zones, away.forced_zones, frozenset[str]())):
        staying = [pods for pods in behind if pods.zone not in out]
        ready = [pods for pods in staying if pods.conditions & READY]
        counted = ready or [pods for pods in staying if pods.conditions & _LEAVING == _LEAVING]
        if counted:
            behind = staying
            break
    conditions = 0
    for pods in counted:
        conditions |= pods.conditions
    in_drained = [pods.zone for pods in counted if pods.zone in away.zones]
    zones = tuple(sorted({*(pods.zone for pods in ready), *in_drained} - {""}))
    hinted = {zone for each in ready for zone in each.hinted} if all(each.hinted for each in ready) else set()
    ports = _ordered(export.ports)
    unknown = kind == AddressKind.CLUSTER_SET_IP and not export.slices  # no slices are written: not a word on readiness
    if unknown:
        conditions = READY | SERVING
    families = [[(address, "") for address in sorted(set(addresses)) if len(address) == size] for size in _SIZES]
    families.append([(b"", name) for name in sorted(set(names))])
    return tuple(
        tuple(
            Candidate(
                cluster=export.cluster,
                kind=kind,
                address=address,
                ready=1 if unknown else _pod_count(ready),
                total=1 if unknown else _pod_count(behind),
                conditions=conditions,
                zones=zones,
                hostname=host,
                ports=ports,
                hinted=tuple(sorted(hinted)),
            )
            for address, host in family
        )
        for family in families
        if family
    )


class _Pods(NamedTuple):
    """Addresses that have all this in common, and their number: `width` bytes each."""

    width: int
    conditions: int
    zone: str
    hinted: tuple[str, ...]
    number: int


def _alike(export: Export) -> dict[_Kind, list[tuple[bytes, str]]]:
    """Every address once, with its hostname, by what it has in common with others.

    It is made from the slices' columns, with no object for an endpoint, unless an address stands in them twice.
    """
    alike: dict[_Kind, list[tuple[bytes, str]]] = {}
    parts = [(part, list(part.rows())) for part in export.slices]
    total = sum(len(rows) for _, rows in parts)
    if len({row[0] for _, rows in parts for row in rows}) < total:
        for each, ports in _endpoints(export):
            key = (len(each.address), each.conditions, each.zone, each.hinted, ports)
            alike.setdefault(key, []).append((each.address, each.hostname))
        return alike
    for part, rows in parts:
        ports = _ordered(part.ports)
        found: dict[tuple[int, int, int], list[tuple[bytes, str]]] = {}
        for row in rows:
            found.setdefault(row[2:], []).append(row[:2])
        for (conditions, place, hints), own in found.items():
            key = (part.width, conditions, part.zones[place], part.hinted(hints), ports)
            alike.setdefault(key, []).extend(own)
    return alike


def _endpoints(export: Export) -> Iterable[tuple[Endpoint, tuple[Port, ...]]]:
    """Every address once: while slices are rewritten an endpoint may stand in two of them, or in one twice."""
    merged: dict[bytes, tuple[Endpoint, tuple[Port, ...]]] = {}
    for each in export.slices:
        ports = _ordered(each.ports)
        for endpoint in each.endpoints():
            address = endpoint.address
            known = merged.get(address)
            if known is not None:
                merged[address] = (_merged(known[0], endpoint), _ordered((*known[1], *ports)))
            else:
                merged[address] = (endpoint, ports)
    return merged.values()


def _merged(one: Endpoint, other: Endpoint) -> Endpoint:
    return Endpoint(
        address=one.address,
        conditions=one.conditions | other.conditions,
        zone=min(filter(None, (one.zone, other.zone)), default=""),
        hostname=min(filter(None, (one.hostname, other.hostname)), default=""),
        hinted=tuple(sorted({*one.hinted, *other.hinted})),
    )


def _pod_count(behind: list[_Pods]) -> int:
    """How many pods stand behind these addresses: a dual-stack pod has one of each family."""
    short = sum(pods.number for pods in behind if pods.width == 4)
    return max(short, sum(pods.number for pods in behind) - short)


def _ordered(ports: Iterable[Port]) -> tuple[Port, ...]:
    return tuple(sorted(set(ports), key=_port_order))


def _port_order(port: Port) -> tuple[str, str, int]:
    return (port.name, port.protocol, port.number)
