"""Where a client is: from its address to a location, by the longest configured prefix.

It knows nothing of services or of who answers; it reads no packets, only packed addresses.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv6Network, ip_network
from typing import Final

from msgspec import Struct, structs

from fedns.federation.objects import Cluster

_NO_CLUSTER: Final = Cluster(name="")
_MAPPED: Final = bytes(10) + b"\xff\xff"
"""The first 96 bits of an IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2)."""


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


class Locator:
    """The configured prefixes, longest first; who is in none of them is where this fedns runs (`local`).

    A prefix given twice belongs to the first rule. Raises ValueError for text that is no prefix.
    """

    def __init__(self, rules: Sequence[ClientRule], local: Location, clusters: Mapping[str, Cluster]) -> None:
        self.default = structs.replace(_filled(local, clusters), rule=local.rule or "local")
        self._clusters = clusters
        places: dict[int, dict[int, dict[int, Location]]] = {4: {}, 16: {}}
        lengths: dict[int, dict[int, int]] = {4: {}, 16: {}}
        for rule in rules:
            place = _filled(Location(rule.cluster, rule.zone, rule.region, rule.jurisdiction, rule.network), clusters)
            for cidr in rule.cidrs:
                size, length, prefix = _prefix(cidr)
                shift = 8 * size - length
                places[size].setdefault(shift, {}).setdefault(prefix >> shift, structs.replace(place, rule=cidr))
                first = prefix >> shift << shift
                lengths[size][first] = max(length, lengths[size].get(first, 0))
        self._places = {size: sorted(by_shift.items()) for size, by_shift in places.items()}
        self._firsts = {size: sorted(by_first.items()) for size, by_first in lengths.items()}

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


def _apart(number: int, first: int, bits: int, size: int) -> int:
    """How many bits tell an address from a prefix, or say that it is inside."""
    return min(size - (number ^ first).bit_length() + 1, bits)


def _longest(places: Iterable[tuple[int, dict[int, Location]]], number: int) -> Location | None:
    for shift, by_prefix in places:
        place = by_prefix.get(number >> shift)
        if place is not None:
            return place
    return None


def _prefix(cidr: str) -> tuple[int, int, int]:
    """The address size in bytes, the prefix length in bits, and the first address as a number."""
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
