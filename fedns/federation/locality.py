"""Where a client is: from its address to a location, by the longest prefix that is configured, or that a node has.

It knows nothing of services or of who answers; it reads no packets, only packed addresses.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Network, ip_network
from operator import itemgetter
from typing import Final

from msgspec import Struct, structs

from fedns.federation.objects import Cluster

_NO_CLUSTER: Final = Cluster(name="")
_MAPPED: Final = bytes(10) + b"\xff\xff"
"""The first 96 bits of an IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2)."""
_first: Final = itemgetter(0)

Prefix = tuple[int, int, int]
"""The size of its addresses in bytes, its length in bits, and its first address as a number."""


class Location(Struct, frozen=True):
    """Where the asking client is; an empty string is "not known". `rule` says how it was found, for `_whoami`."""

    cluster: str = ""
    zone: str = ""
    region: str = ""
    jurisdiction: str = ""
    network: str = ""
    rule: str = ""


class ClientRule(Struct, frozen=True, kw_only=True):
    """Clients of these prefixes are at this place (configuration: one entry of `clients`).

    What the rule leaves empty follows from its cluster: region, jurisdiction and network.
    """

    cidrs: tuple[str, ...]
    cluster: str = ""
    zone: str = ""
    region: str = ""
    jurisdiction: str = ""
    network: str = ""


class Node(Struct, frozen=True, array_like=True, gc=False):
    """A node of the local cluster: clients of these prefixes are on it.

    A prefix is its first address, packed, and behind that its length in a byte. `created` is Unix seconds.
    """

    name: str
    created: int
    zone: str = ""
    prefixes: tuple[bytes, ...] = ()


class Locator:
    """The configured prefixes and those of nodes; who is in none of them is where this fedns runs (`local`).

    The longest prefix counts. One that is given twice belongs to the first rule, then to the youngest node: an address
    is given to another node when the one that had it is gone, though its object may still be there. Raises ValueError
    for text that is no prefix.
    """

    def __init__(
        self,
        rules: Sequence[ClientRule],
        local: Location,
        clusters: Mapping[str, Cluster],
        nodes: Mapping[str, Node] | None = None,
    ) -> None:
        self.default = structs.replace(_filled(local, clusters), rule=local.rule or "local")
        self._clusters = clusters
        self._places: dict[int, list[tuple[int, dict[int, Location]]]] = {4: [], 16: []}
        self._firsts: dict[int, list[tuple[int, int]]] = {4: [], 16: []}
        self._nodes: dict[str, Node] = {}
        self._claims: dict[Prefix, dict[str, Node]] = {}
        configured: dict[Prefix, Location] = {}
        for rule in rules:
            place = _filled(Location(rule.cluster, rule.zone, rule.region, rule.jurisdiction, rule.network), clusters)
            for cidr in rule.cidrs:
                configured.setdefault(_prefix(cidr), structs.replace(place, rule=cidr))
        for prefix, place in configured.items():
            self._put(prefix, place)
        self._configured = frozenset(configured)
        self.move(nodes or {})

    def move(self, nodes: Mapping[str, Node | None]) -> list[Prefix]:
        """Take nodes as they are now, None for one that is gone; the prefixes whose clients are elsewhere since."""
        touched: dict[Prefix, None] = {}
        for name, after in nodes.items():
            for prefix in _prefixes(self._nodes.pop(name, None)):
                self._claims[prefix].pop(name, None)
                touched[prefix] = None
            if after is not None:
                self._nodes[name] = after
                for prefix in _prefixes(after):
                    self._claims.setdefault(prefix, {})[name] = after
                    touched[prefix] = None
        return [prefix for prefix in touched if self._settle(prefix)]

    def places(self) -> list[Location]:
        """Every place there is, the default one first; of prefixes at the same place, the first by its text."""
        found: dict[Location, Location] = {structs.replace(self.default, rule=""): self.default}
        by_prefix = [each for places in self._places.values() for _, by in places for each in by.values()]
        for place in sorted(by_prefix, key=lambda each: each.rule):
            found.setdefault(structs.replace(place, rule=""), place)
        return list(found.values())

    def locate(self, address: bytes) -> Location:
        """The place of a packed address (4 or 16 bytes); an IPv4 address written as IPv6 counts as IPv4."""
        if len(address) == 16 and address.startswith(_MAPPED):
            address = address[12:]
        return _longest(self._places.get(len(address), ()), int.from_bytes(address)) or self.default

    def locate_subnet(self, subnet: bytes, length: int) -> tuple[Location, int]:
        """The place of a subnet (packed, its host bits 0), and how many bits of it say so (RFC 7871's scope).

        Every address that has those bits in common with the subnet is at the same place. They are more than `length`
        where its parts are at different places.
        """
        size = 8 * len(subnet)
        number = int.from_bytes(subnet)
        places = ((shift, places) for shift, places in self._places[len(subnet)] if size - shift <= length)
        firsts = self._firsts[len(subnet)]
        # Of all prefixes, one of the two neighbours has most bits in common: only they can cut the block shorter.
        at = bisect_right(firsts, (number, size))
        scope = max((_apart(number, first, bits, size) for first, bits in firsts[max(0, at - 1) : at + 1]), default=0)
        return _longest(places, number) or self.default, scope

    def complete(self, place: Location) -> Location:
        """A place that somebody names: what it leaves open follows from its cluster."""
        return _filled(place, self._clusters)

    def _settle(self, prefix: Prefix) -> bool:
        """Give a prefix to the youngest node that has it; whether that changes where its clients are."""
        claims = self._claims[prefix]
        if not claims:
            del self._claims[prefix]
        if prefix in self._configured:
            return False
        node = max(claims.values(), key=lambda each: (each.created, each.name), default=None)
        if node is None:
            return self._put(prefix, None)
        # A node says its zone alone: its region is its cluster's by the configuration, whatever its labels call it.
        local = Location(self.default.cluster, node.zone, rule=f"node {node.name}")
        return self._put(prefix, _filled(local, self._clusters))

    def _put(self, prefix: Prefix, place: Location | None) -> bool:
        """Hold the place of a prefix, or forget it; whether that changes anything."""
        size, length, first = prefix
        shift = 8 * size - length
        order, firsts = self._places[size], self._firsts[size]
        at = bisect_left(order, shift, key=_first)
        if at == len(order) or order[at][0] != shift:
            order.insert(at, (shift, {}))
        by_prefix = order[at][1]
        before = by_prefix.pop(first >> shift, None)
        if place is not None:
            by_prefix[first >> shift] = place
        if (before is None) != (place is None):
            entry = (first >> shift << shift, length)
            found = bisect_left(firsts, entry)
            firsts[found : found + (place is None)] = () if place is None else (entry,)
        return before != place


def _apart(number: int, first: int, bits: int, size: int) -> int:
    """How many bits tell an address from a prefix, or say that it is inside."""
    return min(size - (number ^ first).bit_length() + 1, bits)


def _longest(places: Iterable[tuple[int, dict[int, Location]]], number: int) -> Location | None:
    for shift, by_prefix in places:
        place = by_prefix.get(number >> shift)
        if place is not None:
            return place
    return None


def _prefixes(node: Node | None) -> Iterator[Prefix]:
    for each in node.prefixes if node is not None else ():
        yield len(each) - 1, each[-1], int.from_bytes(each[:-1])


def _prefix(cidr: str) -> Prefix:
    network = ip_network(cidr, strict=False)
    first = int(network.network_address)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped is not None:
        return 4, network.prefixlen - 96, first & 0xFFFFFFFF
    return network.max_prefixlen // 8, network.prefixlen, first


def _filled(place: Location, clusters: Mapping[str, Cluster]) -> Location:
    """What a place leaves open follows from its cluster; outside all clusters, the network is the default one."""
    cluster = clusters.get(place.cluster, _NO_CLUSTER)
    return structs.replace(
        place,
        region=place.region or cluster.region,
        jurisdiction=place.jurisdiction or cluster.jurisdiction,
        network=place.network or cluster.network,
    )
