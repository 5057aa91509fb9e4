"""Who asks: from a client's address, or the subnet or place that a trusted one speaks for, to where its answers are.

Decided once for each address and remembered in bounded tables. Clients of one kind share what is remembered.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import Final, NamedTuple

from msgspec import structs

from fedns.answers import codes, counters
from fedns.answers.answer import Client
from fedns.answers.limits import Bucket, Limiter
from fedns.answers.memory import Known
from fedns.answers.options import OPTION, subnet
from fedns.answers.rules import Rules
from fedns.federation.locality import Location, Locator, Node, Prefix
from fedns.federation.objects import Cluster

MAX_VIEWS: Final = 65_536
"""Client addresses, and subnets that others speak for, remembered at most; then all are looked up again."""
MAX_HINT_BYTES: Final = 256
HINTED: Final = ("cluster", "zone", "region", "jurisdiction", "network")
"""The keys of a place in a location hint."""
MAX_KINDS: Final = 16_384
"""Kinds of clients beyond which no hint makes another one: places of hints are strangers' words to this process."""
LOCAL, CLIENTS, SUBNET, HINT = range(4)
"""How a place was found, as indices in counters.ORIGINS."""


class Spot(NamedTuple):
    """Whom an answer is for: a place, what is known there, which rule found it, and the option that tells so."""

    location: Location
    known: Known
    origin: int
    echo: bytes = b""
    subnet: str = ""


class View:
    """One client address over one kind of transport: `known` is shared with others of its kind, `packets` is of it.

    `secure` is the transport with TLS that it came over (dot, https, quic), empty for none; `transport` is the index in
    counters.TRANSPORTS. `spot` is where it is; `trusted` ones may speak for other places; `bucket` limits its
    responses, None is no limit.
    """

    __slots__ = ("bucket", "client", "family", "packets", "secure", "spot", "stream", "transport", "trusted")

    def __init__(self, client: Client, spot: Spot, *, family: int, stream: bool, secure: str) -> None:
        self.client = client
        self.spot = spot
        self.packets = spot.known.packets
        self.family = family
        self.stream = stream
        self.secure = secure
        self.transport = _transport(stream=stream, secure=secure)
        self.trusted = False
        self.bucket: Bucket | None = None


class Networks:
    """A list of prefixes, asked whether a packed address is inside one of them: one look-up for each length."""

    def __init__(self, cidrs: Iterable[str] = (), prefixes: Iterable[Prefix] = ()) -> None:
        by_shift: dict[tuple[int, int], set[int]] = {}
        for size, length, first in chain(map(_prefix, cidrs), prefixes):
            shift = 8 * size - length
            by_shift.setdefault((size, shift), set()).add(first >> shift)
        self._by_shift = list(by_shift.items())

    def __contains__(self, address: bytes) -> bool:
        number = int.from_bytes(address)
        return any(size == len(address) and number >> shift in found for (size, shift), found in self._by_shift)


class Views:
    """All clients under one set of rules, which may be on some nodes."""

    def __init__(self, rules: Rules, clusters: Mapping[str, Cluster], nodes: Mapping[str, Node] | None = None) -> None:
        self.moves = 0
        """How often clients have moved: whoever keeps a view for itself asks for it again then."""
        self._locator = Locator(rules.clients, rules.local, clusters, nodes)
        self._clusters = clusters
        self._allow, self._diagnostics = Networks(rules.allow), Networks(rules.diagnostics)
        self._trusted = Networks(rules.ecs_from)
        limit = rules.rate_limit
        self._limiter = Limiter(limit, Networks(limit.exempt).__contains__) if limit is not None else None
        self._views: dict[tuple[bool, str], dict[str | bytes, View]] = {}
        self._spots: dict[tuple[Known, int, bytes], Spot | None] = {}
        self._known: dict[tuple[Location, int, bool, bool, int, int], Known] = {}

    def view(self, address: str | bytes, *, stream: bool, secure: str) -> View:
        """Who asks from this address (text or packed, IPv4 or IPv6, any scope is cut off) over UDP or a stream."""
        views = self._views.setdefault((stream, secure), {})
        view = views.get(address)
        if view is None:
            if len(views) >= MAX_VIEWS:
                views.clear()
            view = views[address] = self._look(address, stream=stream, secure=secure)
        return view

    def spot(self, view: View, code: int, option: bytes) -> Spot:
        """The place that a client speaks for by an option (CLIENT_SUBNET, LOCATION); its own, unless it is trusted."""
        found = None
        if view.trusted:
            # What is known for the client's own place stands for its rights and its transport, too.
            key = (view.spot.known, code, option)
            if key in self._spots:
                found = self._spots[key]
            else:
                if len(self._spots) >= MAX_VIEWS:
                    self._spots.clear()
                found = self._hinted(view, option) if code == codes.LOCATION else self._announced(view, option)
                self._spots[key] = found
        if found is None and code == codes.CLIENT_SUBNET:
            # It changes nothing, and says so (RFC 7871 section 7.2.1).
            return view.spot._replace(echo=_echo(option, 0))
        return found or view.spot

    def move(self, nodes: Mapping[str, Node | None]) -> None:
        """Nodes are others now, or (None) gone: where their clients are is looked up again; no answer is forgotten."""
        if moved := self._locator.move(nodes):
            self.moves += 1
            there = Networks(prefixes=moved)
            for views in self._views.values():
                for key in [key for key, view in views.items() if view.client.address in there]:
                    del views[key]
            self._spots.clear()

    def forget(self) -> None:
        """Forget every answer; who is where stays known."""
        for known in self._known.values():
            known.packets.clear()
            known.answers.clear()

    def _look(self, given: str | bytes, *, stream: bool, secure: str) -> View:
        address = ip_address(given.partition("%")[0] if isinstance(given, str) else given)
        address = getattr(address, "ipv4_mapped", None) or address
        packed = address.packed
        client = Client(
            address=packed,
            location=self._locator.locate(packed),
            allowed=packed in self._allow,
            diagnostics=packed in self._diagnostics,
        )
        origin = LOCAL if client.location is self._locator.default else CLIENTS
        known = self._kind(client, client.location, origin, address.version, _transport(stream=stream, secure=secure))
        view = View(client, Spot(client.location, known, origin), family=address.version, stream=stream, secure=secure)
        view.trusted = packed in self._trusted
        if self._limiter is not None and not stream:
            view.bucket = self._limiter.bucket(packed)
        return view

    def _kind(self, client: Client, location: Location, origin: int, family: int, transport: int) -> Known:
        """What is known for clients of one kind; those whose place was found in another way are counted apart."""
        kind = (structs.replace(location, rule=""), origin, client.allowed, client.diagnostics, family, transport)
        return self._known.setdefault(kind, Known())

    def _announced(self, view: View, option: bytes) -> Spot | None:
        """The place of a client subnet; none where it tells no address (RFC 7871 section 7.1.2)."""
        address, length = subnet(option)
        if not length:
            return None
        location, scope = self._locator.locate_subnet(address, length)
        text = f"{ip_address(address)}/{length}"
        known = self._kind(view.client, location, SUBNET, view.family, view.transport)
        return Spot(location, known, SUBNET, _echo(option, scope), text)

    def _hinted(self, view: View, option: bytes) -> Spot | None:
        """The place that a sidecar names: words like `cluster=eu1 zone=eu-a`; none where nothing of it is known."""
        words = dict(word.partition("=")[::2] for word in option[:MAX_HINT_BYTES].decode(errors="replace").split())
        named = {key: words[key] for key in HINTED if words.get(key)}
        if not named or named.get("cluster", "") not in {"", *self._clusters} or len(self._known) >= MAX_KINDS:
            return None
        location = self._locator.complete(Location(**named, rule="hint"))
        return Spot(location, self._kind(view.client, location, HINT, view.family, view.transport), HINT)


def _transport(*, stream: bool, secure: str) -> int:
    return counters.TRANSPORTS.index(secure) if secure else int(stream)


def _prefix(cidr: str) -> Prefix:
    network = ip_network(cidr, strict=False)
    return network.max_prefixlen // 8, network.prefixlen, int(network.network_address)


def _echo(option: bytes, scope: int) -> bytes:
    """A client subnet as it came, with a scope."""
    content = option[:3] + bytes((scope,)) + option[4:]
    return OPTION.pack(codes.CLIENT_SUBNET, len(content)) + content
