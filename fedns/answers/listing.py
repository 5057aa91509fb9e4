"""Everything that a zone holds for one client, record by record: what its questions would bring, asked by itself.

It knows which names may exist, and asks `resolve` for what each of them has, so that a list and an answer cannot
disagree. Left out is what only a question can say: diagnostics, the directives `pin` and `prefer`, the aliases of zones
that no endpoint is in, and which group of a shared answer is next (all addresses of all groups stand together). One
service at a time is in hand.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Final

from msgspec import Struct, structs

from fedns.answers import codes, records
from fedns.answers.answer import Client, State
from fedns.answers.compression import after_name, labels_of
from fedns.answers.names import Labels, reverse_prefix
from fedns.answers.packet import Query, Record
from fedns.answers.resolve import resolve
from fedns.answers.rules import Zone
from fedns.federation.hosts import host_label
from fedns.federation.objects import Export, Service

ADDRESSES: Final = (codes.A, codes.AAAA)
_FAMILY: Final = {4: codes.A, 16: codes.AAAA}
NOBODY: Final = records.name("localhost")
"""The name server of a zone whose own ones have no address that fedns knows, as in BIND's empty zones."""

Wanted = tuple[Labels, tuple[int, ...]]
"""A name, and the types that it may have."""


class Server(Struct, frozen=True):
    """A name server that the zone shall name: a wire name, and its packed addresses where it is inside the zone."""

    name: bytes
    addresses: tuple[bytes, ...] = ()


class Listing:
    """The records of one zone for one client; `now` is CLOCK_MONOTONIC seconds.

    `servers` take the place of the zone's own name servers, and the first of them that of the SOA's.
    """

    def __init__(self, zone: Zone, client: Client, state: State, now: float, servers: Sequence[Server] = ()) -> None:
        self._zone, self._client, self._state, self._now = zone, client, state, now
        self._servers = servers
        self._origin: Labels = _labels(zone.name)

    @property
    def origin(self) -> bytes:
        """The wire name of the zone."""
        return records.name(self._origin)

    def records(self) -> Iterator[Record]:
        """The SOA, then all others by owner in the order of RFC 4034 section 6.1; the records of one owner together."""
        yield from self._apex()
        for _root, block in sorted(self._blocks(), key=lambda each: _order(each[0])):
            yield from block()

    def taken(self) -> str:
        """The name of the first given server that has records already, "" where all is well."""
        names = (".".join(_text(server.name)) for server in self._servers if server.addresses)
        return next((name for name in names if self.at(_labels(name), (*ADDRESSES, codes.SRV, codes.PTR))), "")

    def at(self, labels: Labels, types: Iterable[int]) -> list[Record]:
        """The records at one name: an alias alone (RFC 1034 section 3.6.2), or those of the types, in their order."""
        try:
            name = records.name(labels)
        except ValueError:  # M18: a name over the limits does not exist
            return []
        found: dict[tuple[int, bytes], Record] = {}
        for qtype in types:
            query = Query(0, 0, name, qtype, codes.IN, None)
            answer = resolve(query, self._client, self._state, self._now)
            if answer.chain:
                # A zone can say one of the two only; addresses, which are asked first, are what most come for.
                return list(found.values()) or [answer.chain[0]]
            own = chain.from_iterable(sorted(group.records) for group in answer.groups)
            found.update(((each.rtype, each.rdata), each) for each in own)
            if answer.rcode != codes.NOERROR:
                break
        return list(found.values())

    def _apex(self) -> Iterator[Record]:
        (soa,) = self.at(self._origin, (codes.SOA,))
        (named,) = self.at(self._origin, (codes.NS,))
        if self._servers:
            soa = structs.replace(soa, rdata=self._servers[0].name + soa.rdata[after_name(soa.rdata, 0) :])
        yield soa
        own = named.rdata if self._state.rules.advertise else NOBODY
        for name in [each.name for each in self._servers] or [own]:
            yield records.ns(soa.owner, named.ttl, name)

    def _blocks(self) -> Iterator[tuple[Labels, Callable[[], Iterable[Record]]]]:
        """Parts of the zone that follow each other, with the name above each."""
        for server in self._servers:
            if server.addresses:
                yield _text(server.name), partial(self._given, server)
        if self._state.rules.advertise and not self._servers:
            yield ("ns", "dns", *self._origin), partial(self.at, ("ns", "dns", *self._origin), ADDRESSES)
        if self._zone.kind == "reverse":
            for labels in self._pointers():
                yield labels, partial(self.at, labels, (codes.PTR,))
            return
        if self._zone.kind == "clusterset":
            version = ("dns-version", *self._origin)
            yield version, partial(self.at, version, (codes.TXT,))
        keys = sorted(self._state.catalog.keys())
        for tree in self._trees():
            yield tree, partial(self._services, tree, keys)

    def _given(self, server: Server) -> Iterator[Record]:
        for address in server.addresses:
            yield Record(server.name, _FAMILY[len(address)], self._zone.ttl, address)

    def _pointers(self) -> Iterator[Labels]:
        width, prefix = reverse_prefix(self._zone.name)
        for address in self._state.holders.below(width, prefix):
            parts = map(str, reversed(address)) if width == 4 else reversed(address.hex())
            yield (*parts, *(("in-addr", "arpa") if width == 4 else ("ip6", "arpa")))

    def _trees(self) -> set[Labels]:
        """The names right above namespaces: that of the zone, of its regions, and of their topology zones."""
        if self._zone.kind == "old":
            return {self._origin}
        if self._zone.kind == "clusterset":
            return {("svc", *self._origin)}
        places: set[Labels] = {()}
        for cluster in self._state.rules.clusters:
            region = _labels(cluster.region)
            if region:
                places.add(region)
                places.update((area, *region) for area in self._areas(cluster.name))
        zones = (zone for zone in self._state.rules.zones if _labels(zone.name) == self._origin)
        labels = {zone.federation.lower() for zone in zones}
        return {(label, "svc", *place, *self._origin) for label in labels for place in places}

    def _areas(self, cluster: str) -> set[str]:
        """The topology zones of a member's endpoints that can stand in a name: one label."""
        exports = self._state.catalog.exports_of(cluster)
        areas = {area.lower() for export in exports for each in export.slices for area in each.zones}
        return {area for area in areas if area and "." not in area}

    def _services(self, tree: Labels, keys: Iterable[tuple[str, str]]) -> Iterator[Record]:
        for namespace, service in keys:
            found = self._state.catalog.service((namespace, service))
            assert found is not None, "the catalog does not change meanwhile"
            home = (service, namespace, *tree)
            for labels, types in sorted(self._below(found, tree), key=lambda each: _order(each[0])):
                yield from self.at((*labels, *home), types)

    def _below(self, found: Service, tree: Labels) -> Iterator[Wanted]:
        """The names of a service, without what they share, that may have records."""
        ports = [(port.name.lower(), port.protocol.lower()) for port in found.ports if port.name]
        marks: list[Labels] = [(f"_{port}", f"_{protocol}") for port, protocol in ports]
        yield (), (*ADDRESSES, codes.SRV)
        yield from ((mark, (codes.SRV,)) for mark in marks)
        # Above the ports lies nothing but, in a region's tree, perhaps an alias.
        yield from ((mark, (codes.SRV,)) for mark in {mark[1:] for mark in marks})
        federal = self._zone.kind == "federation"
        if self._zone.kind == "old" or (federal and tree[2:] != self._origin):
            return
        # The specification knows ports of services only, not of hosts.
        marks = marks if federal else []
        for export in found.exports:
            cluster = _labels(export.cluster)
            yield cluster, (*ADDRESSES, codes.SRV)
            yield from (((*mark, *cluster), (codes.SRV,)) for mark in marks)
            for host, types in _hosts(export).items() if found.headless else ():
                yield (host, *cluster), (*sorted(types), codes.SRV)
                yield from (((*mark, host, *cluster), (codes.SRV,)) for mark in marks)


def _hosts(export: Export) -> dict[str, set[int]]:
    """The labels of a member's endpoints, with the address types that each may have."""
    hosts: dict[str, set[int]] = {}
    for each in export.slices:
        for endpoint in each.endpoints():
            hosts.setdefault(host_label(endpoint.hostname, endpoint.address).lower(), set()).add(_FAMILY[each.width])
    return hosts


def _labels(name: str) -> Labels:
    return tuple(name.removesuffix(".").lower().split(".")) if name else ()


def _text(name: bytes) -> Labels:
    return tuple(label.decode("latin-1").lower() for label in labels_of(name))


def _order(labels: Labels) -> Labels:
    return labels[::-1]
