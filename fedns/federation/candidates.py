"""From a service's exports to the addresses that this client could use: one address kind for each cluster.

Candidates come in bunches, made once for each service and kept in its memory: a decision costs what its bunches cost.
It knows nothing of freshness, policy or distance: those judge the candidates later.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from ipaddress import ip_address
from itertools import chain
from operator import attrgetter
from typing import Final

from fedns.federation.drains import STAYING, Away
from fedns.federation.locality import Location
from fedns.federation.objects import READY, SERVING, TERMINATING, AddressKind, Cluster, Endpoint, Export, Port, Service
from fedns.federation.terms import Bunch, Candidate, LeftOut, Reason, World

ADDRESSES_ANNOTATION = "fedns.io/addresses"
"""Narrows the address kinds of one service in one cluster, or of all in a namespace: kinds separated by commas."""

_KINDS: Final = frozenset(map(str, AddressKind))
_SIZES: Final = (4, 16)
"""The bytes of an address: IPv4, IPv6."""
_NUMBERS: Final = tuple(map(str, range(256)))
"""The text of each byte: looked up in half the time that making it takes, once for each pod."""
_ADDRESS: Final = attrgetter("address")


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


def host_label(hostname: str, address: bytes) -> str:
    """The label of an endpoint's own name: its hostname, else its address with dashes (as CoreDNS makes it).

    IPv6 text is canonical (RFC 5952), so that all replicas agree; a dash never ends the label (`2001-db8--0`).
    """
    if hostname:
        return hostname
    if len(address) == 4:
        one, two, three, four = address
        return f"{_NUMBERS[one]}-{_NUMBERS[two]}-{_NUMBERS[three]}-{_NUMBERS[four]}"
    text = str(ip_address(address)).replace(".", "-").replace(":", "-")
    return f"{text}0" if text.endswith("-") else text


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
    alike: dict[tuple[int, int, str, tuple[Port, ...], tuple[str, ...]], list[Endpoint]] = {}
    for endpoint, ports in _endpoints(export):
        key = (len(endpoint.address), endpoint.conditions, endpoint.zone, ports, endpoint.hinted)
        alike.setdefault(key, []).append(endpoint)
    cluster, kind = export.cluster, AddressKind.POD_IP
    bunches = []
    for (_, conditions, zone, ports, hinted), endpoints in alike.items():
        ready, zones = conditions & READY, (zone,) if zone else ()
        own = [(each.address, host_label(each.hostname, each.address)) for each in sorted(endpoints, key=_ADDRESS)]
        # By position, which is faster: making these is what the first answer of a large service costs.
        bunches.append(
            tuple(
                Candidate(cluster, kind, address, ready, 1, conditions, zones, host, ports, hinted)
                for address, host in own
            )
        )
    return tuple(bunches)


def _services(
    kind: AddressKind, addresses: tuple[bytes, ...], names: tuple[str, ...], export: Export, away: Away
) -> tuple[Bunch, ...]:
    """Candidates for addresses behind which all endpoints of the cluster stand: a bunch for each family, or the names'.

    Endpoints of drained zones count only where the cluster has no others: then the address is drained with them.
    """
    endpoints = [endpoint for endpoint, _ in _endpoints(export)]
    ready: list[Endpoint] = []
    counted: list[Endpoint] = []
    for out in dict.fromkeys((away.zones, away.forced_zones, frozenset[str]())):
        staying = [endpoint for endpoint in endpoints if endpoint.zone not in out]
        ready = [endpoint for endpoint in staying if endpoint.ready]
        counted = ready or [endpoint for endpoint in staying if _leaving(endpoint)]
        if counted:
            endpoints = staying
            break
    conditions = 0
    for endpoint in counted:
        conditions |= endpoint.conditions
    in_drained = [endpoint.zone for endpoint in counted if endpoint.zone in away.zones]
    zones = tuple(sorted({*(endpoint.zone for endpoint in ready), *in_drained} - {""}))
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
                total=1 if unknown else _pod_count(endpoints),
                conditions=conditions,
                zones=zones,
                host=host,
                ports=ports,
                hinted=tuple(sorted(hinted)),
            )
            for address, host in family
        )
        for family in families
        if family
    )


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


def _leaving(endpoint: Endpoint) -> bool:
    return endpoint.conditions & (SERVING | TERMINATING) == SERVING | TERMINATING


def _pod_count(endpoints: list[Endpoint]) -> int:
    """How many pods stand behind these addresses: a dual-stack pod has one of each family."""
    short = sum(len(endpoint.address) == 4 for endpoint in endpoints)
    return max(short, len(endpoints) - short)


def _ordered(ports: Iterable[Port]) -> tuple[Port, ...]:
    return tuple(sorted(set(ports), key=_port_order))


def _port_order(port: Port) -> tuple[str, str, int]:
    return (port.name, port.protocol, port.number)
