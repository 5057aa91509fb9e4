"""From a service's exports to the addresses that this client could use: one address kind for each cluster.

It knows nothing of freshness, policy or distance: those judge the candidates later.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from fedns.federation.locality import Location
from fedns.federation.objects import SERVING, TERMINATING, AddressKind, Cluster, Endpoint, Export, Port, Service
from fedns.federation.terms import Candidate, LeftOut, Reason, World

ADDRESSES_ANNOTATION = "fedns.io/addresses"
"""Narrows the address kinds of one service in one cluster: kinds separated by commas."""


def candidates(service: Service, location: Location, world: World) -> tuple[list[Candidate], list[LeftOut]]:
    """The addresses of the first kind that the client can reach, for each cluster; and all others, with why not."""
    chosen: list[Candidate] = []
    left: list[LeftOut] = []
    for export in service.exports:
        cluster = world.clusters.get(export.cluster)
        if cluster is None:
            continue
        found = False
        for kind in _kinds(export, cluster, headless=service.headless):
            addresses = list(_addresses(kind, export, cluster))
            if not _reachable(kind, location, cluster):
                left.extend(LeftOut(each, Reason.UNREACHABLE_KIND) for each in addresses)
            elif found:
                left.extend(LeftOut(each, Reason.OTHER_KIND) for each in addresses)
            else:
                chosen.extend(addresses)
                found = bool(addresses)
    return chosen, left


def host_label(hostname: str, address: bytes) -> str:
    """The label of an endpoint's own name: its hostname, else its address with dashes (as CoreDNS makes it)."""
    if hostname:
        return hostname
    text = str(ip_address(address)).replace(".", "-").replace(":", "-")
    return f"{text}0" if text.endswith("-") else text


def _kinds(export: Export, cluster: Cluster, *, headless: bool) -> tuple[AddressKind, ...]:
    if headless:
        return (AddressKind.POD_IP,)
    narrowed = dict(export.annotations).get(ADDRESSES_ANNOTATION)
    if narrowed is None:
        return cluster.addresses
    wanted = {each.strip() for each in narrowed.split(",")}
    return tuple(kind for kind in cluster.addresses if kind in wanted)


def _reachable(kind: AddressKind, location: Location, cluster: Cluster) -> bool:
    match kind:
        case AddressKind.CLUSTER_IP | AddressKind.CLUSTER_SET_IP:
            return cluster.cluster_ips_routable or location.cluster == cluster.name
        case AddressKind.POD_IP:
            return bool(cluster.network) and location.network == cluster.network
    return True


def _addresses(kind: AddressKind, export: Export, cluster: Cluster) -> Iterator[Candidate]:
    match kind:
        case AddressKind.POD_IP:
            return _pods(export)
        case AddressKind.CLUSTER_SET_IP:
            return _services(kind, export.cluster_set_ips, export)
        case AddressKind.CLUSTER_IP:
            return _services(kind, export.cluster_ips, export)
        case AddressKind.LOAD_BALANCER:
            return _services(kind, export.load_balancer_ips, export)
    return _services(kind, cluster.gateway_ips, export)


def _pods(export: Export) -> Iterator[Candidate]:
    for endpoint, ports in _endpoints(export):
        yield Candidate(
            cluster=export.cluster,
            kind=AddressKind.POD_IP,
            address=endpoint.address,
            ready=int(endpoint.ready),
            total=1,
            conditions=endpoint.conditions,
            zones=(endpoint.zone,) if endpoint.zone else (),
            host=host_label(endpoint.hostname, endpoint.address),
            ports=ports,
        )


def _services(kind: AddressKind, addresses: tuple[bytes, ...], export: Export) -> Iterator[Candidate]:
    """Candidates for addresses behind which all endpoints of the cluster stand."""
    addresses = tuple(sorted({address for address in addresses if len(address) in {4, 16}}))
    if not addresses:
        return
    endpoints = [endpoint for endpoint, _ in _endpoints(export)]
    ready = [endpoint for endpoint in endpoints if endpoint.ready]
    counted = ready or [endpoint for endpoint in endpoints if _leaving(endpoint)]
    conditions = 0
    for endpoint in counted:
        conditions |= endpoint.conditions
    zones = tuple(sorted({endpoint.zone for endpoint in ready} - {""}))
    ports = tuple(sorted(set(export.ports), key=_port_order))
    for address in addresses:
        yield Candidate(
            cluster=export.cluster,
            kind=kind,
            address=address,
            ready=_pod_count(ready),
            total=_pod_count(endpoints),
            conditions=conditions,
            zones=zones,
            ports=ports,
        )


def _endpoints(export: Export) -> list[tuple[Endpoint, tuple[Port, ...]]]:
    """Every address once: while slices are rewritten an endpoint may stand in two of them, or in one twice."""
    merged: dict[bytes, tuple[Endpoint, set[Port]]] = {}
    for each in export.slices:
        for endpoint in each.endpoints:
            if len(endpoint.address) not in {4, 16}:
                continue
            known = merged.get(endpoint.address)
            if known is None:
                merged[endpoint.address] = (endpoint, set(each.ports))
            else:
                known[1].update(each.ports)
                merged[endpoint.address] = (_merged(known[0], endpoint), known[1])
    return [(endpoint, tuple(sorted(ports, key=_port_order))) for endpoint, ports in merged.values()]


def _merged(one: Endpoint, other: Endpoint) -> Endpoint:
    return Endpoint(
        address=one.address,
        conditions=one.conditions | other.conditions,
        zone=min(filter(None, (one.zone, other.zone)), default=""),
        hostname=min(filter(None, (one.hostname, other.hostname)), default=""),
    )


def _leaving(endpoint: Endpoint) -> bool:
    return endpoint.conditions & (SERVING | TERMINATING) == SERVING | TERMINATING


def _pod_count(endpoints: list[Endpoint]) -> int:
    """How many pods stand behind these addresses: a dual-stack pod has one of each family."""
    short = sum(len(endpoint.address) == 4 for endpoint in endpoints)
    return max(short, len(endpoints) - short)


def _port_order(port: Port) -> tuple[str, str, int]:
    return (port.name, port.protocol, port.number)
