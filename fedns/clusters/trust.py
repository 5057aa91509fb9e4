"""How far a member is believed: which names are names, for which namespaces it speaks, which addresses it may give.

A service or namespace is a DNS-1123 label, so `*`, `_x` and names with dots never come in. No label is reserved: a
namespace and a service stand at their own places of a name, where `svc`, `com`, `wpad` or `xn--...` collide with
nothing of ours, and fedns is in nobody's search list.
"""

import ipaddress
import re
from typing import Final

from fedns.settings.schema import ANYWHERE, Trust

LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SOURCE: Final = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})?")
_OUTSIDE: Final = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})+")
_SUSPECT: Final = {4: bytes([0, 127, 169, *range(224, 240), 255]), 16: b"\0\xfe\xff"}
"""The first bytes of special addresses: for all others one look is enough."""


class Boundary:
    """What one member may say, by its `trust`."""

    def __init__(self, trust: Trust) -> None:
        patterns = (re.escape(each).replace(r"\*", ".*") for each in trust.namespaces)
        self._namespaces = re.compile("|".join(patterns) or r"(?!)")
        self._known: dict[str, bool] = {}
        self._allowed = {width: _networks(trust.cidrs, width) for width in (4, 16)}

    def namespace(self, name: str) -> bool:
        """Whether the member may speak for a namespace (a label)."""
        known = self._known.get(name)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[name] = self._namespaces.fullmatch(name) is not None
        return known

    @property
    def open(self) -> bool:
        """Whether the member may give any address: a name in somebody else's DNS could stand for any."""
        return self._allowed == {4: None, 16: None}

    def clear(self, addresses: bytes, width: int) -> bool:
        """Whether one look at all these addresses, `width` bytes each, shows that none of them is refused."""
        firsts = addresses[::width]
        return self._allowed[width] is None and len(firsts.translate(None, _SUSPECT[width])) == len(firsts)

    def refuses(self, packed: bytes) -> str:
        """Why no client may be sent to an address: "address", "foreign-address", or "" where one may."""
        width = len(packed)
        if packed[0] in _SUSPECT[width] and special(packed):
            return "address"
        allowed = self._allowed[width]
        if allowed is None:
            return ""
        value = int.from_bytes(packed)
        return "" if any(value >> shift in networks for shift, networks in allowed) else "foreign-address"


def _networks(cidrs: tuple[str, ...], width: int) -> list[tuple[int, frozenset[int]]] | None:
    """The prefixes of one family, by how many bits are behind them; None where all of it is allowed."""
    if ANYWHERE[width == 16] in cidrs:
        return None
    found: dict[int, set[int]] = {}
    for network in map(ipaddress.ip_network, cidrs):
        if network.max_prefixlen == width * 8:
            shift = network.max_prefixlen - network.prefixlen
            found.setdefault(shift, set()).add(int(network.network_address) >> shift)
    return [(shift, frozenset(prefixes)) for shift, prefixes in sorted(found.items())]


def source(name: str) -> bool:
    """Whether this is a cluster id: a DNS-1123 subdomain of one or two labels, below 128 characters (KEP-2149)."""
    return len(name) < 128 and _SOURCE.fullmatch(name) is not None


def outside(name: str) -> bool:
    """Whether this can be the name of a load balancer in somebody else's DNS: two labels at least, all lower case."""
    return len(name) <= 253 and _OUTSIDE.fullmatch(name) is not None


def special(packed: bytes) -> bool:
    """Loopback, link-local, multicast, unspecified, broadcast, v4-mapped: never the address of a service."""
    if len(packed) == 4:
        first = packed[0]
        return first in {0, 127} or 224 <= first < 240 or packed[:2] == b"\xa9\xfe" or packed == b"\xff\xff\xff\xff"
    return (
        packed[0] == 0xFF
        or (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80)
        or packed[:12] in {bytes(12), bytes(10) + b"\xff\xff"}  # ::/96 holds ::, ::1 and the old v4-compatible ones
    )
