"""Which services hold an address: the way back from addresses to names, for reverse zones.

It is built from the catalog when it is first asked, of addresses under the given prefixes only, and kept up key by key;
nobody pays for it where there is no reverse zone. Prefixes are hexadecimal text, two digits for each byte.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import takewhile

from fedns.federation.catalog import Catalog
from fedns.federation.objects import Export, ServiceKey

WIDTHS = (4, 16)
"""Bytes of an address: IPv4, IPv6."""


class Holders:
    """The services of each address; `prefixes` are (width in bytes, hexadecimal prefix)."""

    def __init__(self, catalog: Catalog, prefixes: Iterable[tuple[int, str]]) -> None:
        self._catalog = catalog
        self._prefixes = frozenset(prefixes)
        self._lengths = {(width, len(prefix)) for width, prefix in self._prefixes}
        self._built = False
        self._addresses: dict[ServiceKey, frozenset[bytes]] = {}
        self._keys: dict[bytes, set[ServiceKey]] = {}
        self._order: dict[int, list[bytes]] = {width: [] for width in WIDTHS}

    def of(self, address: bytes) -> list[ServiceKey]:
        """The services that hold an address, ready or not, in the order of their keys."""
        self._build()
        return sorted(self._keys.get(address, ()))

    def any_below(self, width: int, prefix: str) -> bool:
        """Whether any address of this width begins with the prefix."""
        self._build()
        order = self._order[width]
        at = bisect_left(order, bytes.fromhex(prefix.ljust(2 * width, "0")))
        return at < len(order) and order[at].hex().startswith(prefix)

    def below(self, width: int, prefix: str) -> Iterator[bytes]:
        """All addresses of this width that begin with the prefix, in the order of their names' text, octet by octet."""
        self._build()
        order = self._order[width]
        first = bisect_left(order, bytes.fromhex(prefix.ljust(2 * width, "0")))
        found = takewhile(lambda address: address.hex().startswith(prefix), order[first:])
        yield from sorted(found, key=lambda address: [*map(str, address)]) if width == 4 else found

    def touch(self, key: ServiceKey) -> frozenset[bytes]:
        """A service has changed: the addresses that it holds no more, or now; none before anybody has asked."""
        if not self._built:
            return frozenset()
        before = self._addresses.pop(key, frozenset())
        after = self._held(key)
        if after:
            self._addresses[key] = after
        for address in before - after:
            self._keys[address].discard(key)
            if not self._keys[address]:
                del self._keys[address]
                order = self._order[len(address)]
                del order[bisect_left(order, address)]
        for address in after - before:
            if address not in self._keys:
                self._keys[address] = set()
                insort(self._order[len(address)], address)
            self._keys[address].add(key)
        return before ^ after

    def _build(self) -> None:
        if self._built:
            return
        self._built = True
        for key in tuple(self._catalog.keys()):
            self._addresses[key] = self._held(key)
            for address in self._addresses[key]:
                self._keys.setdefault(address, set()).add(key)
        for width, order in self._order.items():
            order.extend(sorted(address for address in self._keys if len(address) == width))

    def _held(self, key: ServiceKey) -> frozenset[bytes]:
        service = self._catalog.service(key)
        return frozenset(self._inside(service.exports)) if service else frozenset()

    def _inside(self, exports: Iterable[Export]) -> Iterator[bytes]:
        for export in exports:
            for address in addresses(export):
                width, digits = len(address), address.hex()
                # Few lengths, though a prefix between two octets makes up to 128 zones.
                if any(wide == width and (width, digits[:length]) in self._prefixes for wide, length in self._lengths):
                    yield address


def addresses(export: Export) -> Iterator[bytes]:
    """Every address of an export: of its endpoints, and of the service itself."""
    yield from export.cluster_ips
    yield from export.load_balancer_ips
    yield from export.cluster_set_ips
    for each in export.slices:
        yield from (endpoint.address for endpoint in each.endpoints())
