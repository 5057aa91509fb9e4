"""Turns the texts of a member's objects into values: checked, counted where refused, shared where equal.

It knows what an endpoint, a port and a name are, and nothing of which object they stand in.
"""

from collections import Counter
from collections.abc import Hashable
from datetime import datetime
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, TypeVar

from fedns.answers.compression import MAX_LABEL_BYTES
from fedns.clusters import shapes
from fedns.clusters.trust import LABEL, Boundary, outside, source
from fedns.federation.objects import READY, SERVING, TERMINATING, Hints, Port, Slice, column, packed_hints
from fedns.settings.schema import Trust

AGELESS: Final = 253_402_300_799
"""The creation time (the end of 9999) of what says none: it goes before nobody, and is the same on every replica."""
FAMILIES: Final = {"IPv4": AF_INET, "IPv6": AF_INET6}
"""The kinds of address that a slice may have here."""
_SHARED: Final = 50_000
"""How many texts and values of a kind are remembered, so that objects share them."""
_PREFIXES: Final = 32
"""So many prefixes and addresses of a node are looked at."""
_SHORTEST: Final = 8
"""No node has more addresses than a prefix of so many bits."""
_READY: Final = READY | SERVING
_ALL_READY: Final = bytes((_READY,))
_PLAIN: Final = shapes.Conditions(ready=True, serving=True, terminating=False)
_FIRST: Final = b"\0"

_Value = TypeVar("_Value", bound=Hashable)


class Values:
    """The values of one member, within its `trust`; `refused` counts what was left out, by reason."""

    def __init__(self, trust: Trust) -> None:
        self.refused: Counter[str] = Counter()
        self.boundary = Boundary(trust)
        self._labels: dict[str, str] = {}
        self._times: dict[str, int] = {}
        self._shared: dict[Any, Any] = {}
        self._ports: dict[tuple[shapes.Port, ...], tuple[Port, ...]] = {}

    def label(self, text: str) -> str:
        """The one text that was seen first of all equal ones, "" for one that is no DNS-1123 label."""
        known = self._labels.get(text)
        if known is None:
            if not LABEL.fullmatch(text):
                return ""
            if len(self._labels) > _SHARED:
                self._labels.clear()
            known = self._labels[text] = text
        return known

    def sourced(self, cluster: str) -> bool:
        """Whether a cluster may have this id."""
        if source(cluster):
            return True
        self.refused["source"] += 1
        return False

    def columns(self, found: shapes.EndpointSlice) -> tuple[Slice, ...]:
        """The endpoints as columns, in their order: whole lists at a time, which costs a third of one by one."""
        points = found.endpoints or []
        texts = [text for each in points for text in each.addresses or ()]
        if len(texts) != len(points) or not all(each.addresses for each in points):
            points = [each for each in points for _ in each.addresses or ()]
        width = 4 if found.addressType == "IPv4" else 16
        packed = self._packed(FAMILIES[found.addressType], width, texts)
        if b"" in packed:
            points = [point for point, address in zip(points, packed, strict=True) if address]
        if not points:
            return ()
        said = [each.conditions for each in points]
        plain = said.count(_PLAIN) == len(said)
        zones, places = self._zones([each.zone for each in points])
        names = [each.hostname for each in points]
        hosts = tuple([self._hostname(each) if each else "" for each in names]) if any(names) else ()
        return (
            Slice(
                self.ports(found.ports),
                width,
                b"".join(packed),
                _ALL_READY if plain else column(bytes(map(_bits, said))),
                zones,
                places,
                hosts if any(hosts) else (),
                self._hints([each.hints for each in points]),
            ),
        )

    def _hints(self, said: list[shapes.Hints | None]) -> Hints | None:
        """The zones that endpoints are meant for; a set of them is one value for all objects that have it."""
        if not any(said):
            return None
        found = []
        for each in said:
            names = {zone.name for zone in (each and each.forZones) or () if 0 < len(zone.name) <= 63}
            found.append(self.same(tuple(sorted(names))))
        hints = packed_hints(found)
        return hints and self.same(hints)

    def _packed(self, family: int, width: int, texts: list[str]) -> list[bytes]:
        """The addresses as bytes, b"" for one that is none or is refused."""
        try:
            packed = [inet_pton(family, text) for text in texts]
        except (OSError, ValueError):
            return [self._address(family, text) for text in texts]
        if self.boundary.clear(b"".join(packed), width):
            return packed
        return [self._address(family, text) for text in texts]

    def ports(self, ports: list[shapes.Port] | None) -> tuple[Port, ...]:
        """Ports as values, one tuple for all objects that have the same."""
        key = tuple(ports or ())
        known = self._ports.get(key)
        if known is not None:
            return known
        made, good = [], True
        for port in key:
            name = port.name or ""
            if port.port is None or not 0 < port.port < 65536 or (name and not LABEL.fullmatch(name)):
                if port.port is not None:  # a slice may say "all ports" by none
                    self.refused["port"] += 1
                    good = False
                continue
            if len(name) == MAX_LABEL_BYTES:  # it is exposed, but no label has room for `_` and this name
                self.refused["port-name"] += 1
                good = False
            made.append(Port(name, port.port, port.protocol or "TCP"))
        value = self.same(tuple(made))
        if good:  # what is refused is counted each time
            if len(self._ports) > _SHARED:
                self._ports.clear()
            self._ports[key] = value
        return value

    def addresses(self, texts: list[str]) -> tuple[bytes, ...]:
        """Those of them that clients may be sent to."""
        found = (self._address(AF_INET6 if ":" in text else AF_INET, text) for text in texts)
        return tuple(address for address in found if address)

    def prefixes(self, texts: list[str]) -> tuple[bytes, ...]:
        """Those of them, prefixes or single addresses, that can be a node's: each packed, its length behind it."""
        found: dict[bytes, None] = {}
        for text in texts[:_PREFIXES]:
            try:
                network = ip_network(text, strict=False)
            except ValueError:
                self.refused["node-address"] += 1
                continue
            if network.prefixlen < _SHORTEST:  # it would take clients of others
                self.refused["node-address"] += 1
                continue
            found[network.network_address.packed + bytes((network.prefixlen,))] = None
        return tuple(found)

    def names(self, texts: list[str]) -> tuple[str, ...]:
        """Those of them that can be names of load balancers; none from a member that may not give every address."""
        found = [text.lower().removesuffix(".") for text in texts]
        good = tuple(name for name in found if self.boundary.open and outside(name))
        if len(good) < len(found):
            self.refused["balancer-hostname"] += len(found) - len(good)
        return good

    def _address(self, family: int, text: str) -> bytes:
        """The packed address, b"" where it is none or one that no client may be sent to."""
        try:
            packed = inet_pton(family, text)
            refused = self.boundary.refuses(packed)
        except (OSError, ValueError):
            packed, refused = b"", "address"
        if refused:
            self.refused[refused] += 1
            return b""
        return packed

    def _hostname(self, name: str) -> str:
        if LABEL.fullmatch(name):
            return name
        self.refused["hostname"] += 1
        return ""

    def _zones(self, zones: list[str | None]) -> tuple[tuple[str, ...], bytes]:
        """The zones of a slice and the column of places in them; too long a name, or past the 255th, counts as none."""
        named = dict.fromkeys(zones)
        if len(named) == 1 and zones[0] and len(zones[0]) <= 63:
            return self.same((zones[0],)), _FIRST
        if len(named) > 255 or not all(named) or max(map(len, filter(None, named))) > 63:
            good = {zone for zone in list(filter(None, named))[:255] if len(zone) <= 63}
            zones = [zone if zone in good else "" for zone in zones]
            named = dict.fromkeys(zones)
        index = dict(zip(named, range(256), strict=False))
        places = column(bytes(map(index.__getitem__, zones)))
        return self.same(tuple([zone or "" for zone in named])), self.same(places)

    def created(self, timestamp: str) -> int:
        """Unix seconds of a creation; AGELESS where it says none."""
        known = self._times.get(timestamp)
        if known is not None:
            return known
        found = seconds(timestamp)
        if found < 1:
            if timestamp:
                self.refused["timestamp"] += 1
            return AGELESS
        if len(self._times) > _SHARED:
            self._times.clear()
        self._times[timestamp] = int(found)
        return int(found)

    def same(self, value: _Value) -> _Value:
        """The one that was seen first of all values that are equal."""
        if len(self._shared) > _SHARED:
            self._shared.clear()
        found: _Value = self._shared.setdefault(value, value)
        return found


def number(version: str) -> int:
    """A resourceVersion as a number; 0 for one that is none (a stranger may send a million digits)."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 20 else 0


def seconds(timestamp: str) -> float:
    """Unix seconds of an RFC 3339 time; 0 where it is none, or has no zone."""
    try:
        time = datetime.fromisoformat(timestamp)
        return time.timestamp() if time.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _bits(said: shapes.Conditions | None) -> int:
    if said is None:
        return _READY
    ready = said.ready is not False  # nil counts as true, says the API
    serving = ready if said.serving is None else said.serving
    return ready * READY | serving * SERVING | bool(said.terminating) * TERMINATING
