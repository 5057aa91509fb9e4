"""What a worker holds: rules, catalog, statuses, and the encoded answers made from them, until one of them changes.

Messages of the control process go in by `apply`, time by `tick`; `view` says who a client is, and keeps the answers
for everybody who is in the same place. It does not know how messages or packets travel.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

from msgspec import structs

from fedns.answers import counters
from fedns.answers.answer import PARTS, Client, State
from fedns.answers.names import reverse_prefix
from fedns.answers.rules import Rules
from fedns.answers.wire import Change, Members, NewRules, Replace, ToWorker, Types, settled
from fedns.federation import health
from fedns.federation.catalog import Catalog
from fedns.federation.health import Status
from fedns.federation.holders import Holders
from fedns.federation.locality import Location, Locator
from fedns.federation.objects import Export, ServiceKey

MAX_ENTRIES: Final = 65_536
"""Encoded positive answers held at most; the oldest goes first. About 500 bytes each."""
MAX_NEGATIVES: Final = 16_384
"""Encoded negative answers held at most, apart, so that a flood of random names cannot push out real ones."""
MAX_VIEWS: Final = 65_536
"""Client addresses remembered at most; then all are looked up again."""
AHEAD_SECONDS: Final = 0.2
"""A member turns stale this much early: `staleAfter` is a promise, and ticks and answers take their time on top."""
VOLATILE_SECONDS: Final = 1.0
"""An answer that tells an age is made anew after this long."""


class Entry:
    """The responses of one question, without their ids, that take turns; `word` counts them."""

    __slots__ = ("_at", "_encode", "_responses", "place", "word")

    def __init__(self, responses: int, encode: Callable[[int], bytes], word: int) -> None:
        self._responses: list[bytes | None] = [None] * responses
        self._encode = encode
        self._at = -1
        self.word = word
        self.place: Place | None = None

    def take(self) -> bytes:
        """The next response, encoded when it is its first time."""
        responses = self._responses
        at = self._at + 1
        if at == len(responses):
            at = 0
        self._at = at
        response = responses[at]
        if response is None:
            response = responses[at] = self._encode(at)
        return response


class Place(NamedTuple):
    """Where a remembered entry stands: under which question of which view, and what it depends on."""

    entries: dict[bytes, Entry]
    question: bytes
    key: ServiceKey | None
    negative: bool


class View:
    """One kind of client: those in the same place, with the same rights, over the same transport."""

    __slots__ = ("client", "entries", "family", "stream")

    def __init__(self, client: Client, entries: dict[bytes, Entry], family: int, *, stream: bool) -> None:
        self.client = client
        self.entries = entries
        self.family = family
        self.stream = stream


class Networks:
    """A list of prefixes, asked whether an address is inside one of them."""

    def __init__(self, cidrs: tuple[str, ...]) -> None:
        self._networks = [ip_network(cidr, strict=False) for cidr in cidrs]

    def __contains__(self, address: object) -> bool:
        return any(address in network for network in self._networks)


class Replica:
    """The whole state of one worker; `counts` is its block of shared counters."""

    def __init__(self, counts: memoryview) -> None:
        self.counts = counts
        self.epoch = ""
        self.generation = 0
        self.loaded = False
        self.rules = Rules(zones=())
        self.catalog = Catalog()
        self.statuses: dict[str, Status] = {}
        self.serial = 1
        self._arriving: dict[str, list[Export]] = {}
        self._use(self.rules)

    def apply(self, message: ToWorker, now: float) -> None:
        """Install one message; answers that it touches are forgotten at once."""
        match message:
            case NewRules(rules=rules):
                self._use(rules)
            case Members(statuses=statuses):
                self._hear(statuses, now)
            case Replace():
                self._replace(message)
            case Change():
                key = (message.namespace, message.name)
                if self.catalog.apply(message.cluster, key, message.export):
                    self._forget_service(key)
            case Types(settled=types):
                for key in self.catalog.settle(settled(types)):
                    self._forget_service(key)
            case _:
                self.epoch, self.generation = message.epoch, message.generation
                self.counts[counters.GENERATION] = message.generation
                self._turn_to(message.serial)
                self.loaded = True

    def tick(self, now: float) -> None:
        """Let the members age by this process's own clock, so that it holds when the control process is gone."""
        aged = self._aged(self.statuses, now)
        turned = [name for name, status in aged.items() if status.state != self.statuses[name].state]
        self.statuses = aged
        self.state = self._state()
        if turned:
            self._forget_all()
        while self._volatile and self._volatile[0][0] <= now:
            self._drop(self._volatile.popleft()[1])
        self.counts[counters.ENTRIES] = len(self._kept[False]) + len(self._kept[True])

    def view(self, address: str | bytes, *, stream: bool) -> View:
        """Who asks from this address (text or packed, IPv4 or IPv6, any scope is cut off) over UDP or a stream."""
        view = self._views[stream].get(address)
        if view is None:
            view = self._look(address, stream=stream)
            if len(self._views[stream]) >= MAX_VIEWS:
                self._views[stream].clear()
            self._views[stream][address] = view
        return view

    def keep(self, view: View, question: bytes, entry: Entry, key: ServiceKey | None, *, negative: bool) -> None:
        """Remember the responses to a question until something that they depend on changes."""
        kept = self._kept[negative]
        if len(kept) >= (MAX_NEGATIVES if negative else MAX_ENTRIES):
            self._drop(next(iter(kept)))
        entry.place = Place(view.entries, question, key, negative)
        view.entries[question] = entry
        kept[entry] = None
        self._dependents.setdefault(key, {})[entry] = None

    def keep_briefly(self, entry: Entry, now: float) -> None:
        """A remembered response tells an age: it is to be made anew soon."""
        self._volatile.append((now + VOLATILE_SECONDS, entry))

    def _use(self, rules: Rules) -> None:
        self.rules = rules
        clusters = {cluster.name: cluster for cluster in rules.clusters}
        self.catalog.ranks = {name: cluster.trust_rank for name, cluster in clusters.items()}
        for gone in set(self.statuses) - set(clusters):
            self.catalog.drop(gone)
            del self.statuses[gone]
        reverse = (zone.name for zone in rules.zones if zone.kind == "reverse")
        self._holders = Holders(self.catalog, map(reverse_prefix, reverse))
        self._locator = Locator(rules.clients, rules.local, clusters)
        self._allow, self._diagnostics = Networks(rules.allow), Networks(rules.diagnostics)
        self._views: tuple[dict[str | bytes, View], dict[str | bytes, View]] = ({}, {})
        self._answers: dict[tuple[Location, bool, bool, int, bool], dict[bytes, Entry]] = {}
        self._forget_all()
        self.state = self._state()

    def _hear(self, statuses: tuple[Status, ...], now: float) -> None:
        before = {name: status.state for name, status in self.statuses.items()}
        heard = {status.cluster: self._merge(status) for status in statuses}
        for gone in set(before) - set(heard):
            for key in self.catalog.drop(gone):
                self._holders.touch(key)
        self.statuses = self._aged(heard, now)
        self.state = self._state()
        if before != {name: status.state for name, status in self.statuses.items()}:
            self._forget_all()

    def _aged(self, statuses: dict[str, Status], now: float) -> dict[str, Status]:
        ahead = now + AHEAD_SECONDS
        return {name: health.age(status, ahead, self.rules.timers) for name, status in statuses.items()}

    def _merge(self, said: Status) -> Status:
        """A new control process has not read a member yet: what this worker holds of it goes on counting."""
        held = self.statuses.get(said.cluster)
        if held is not None and held.synced and not said.synced:
            return structs.replace(held, alive=max(held.alive, said.alive), readable=max(held.readable, said.readable))
        return said

    def _replace(self, message: Replace) -> None:
        arriving = self._arriving
        if message.first:
            arriving[message.cluster] = []
        arriving.setdefault(message.cluster, []).extend(message.exports)
        if message.last:
            for key in self.catalog.replace(message.cluster, arriving.pop(message.cluster)):
                self._forget_service(key)

    def _turn_to(self, serial: int) -> None:
        """Another SOA serial: the zones' own records, which depend on no service, are made anew."""
        if serial != self.serial:
            self.serial = serial
            self.state = self._state()
            self._forget(None)

    def _look(self, given: str | bytes, *, stream: bool) -> View:
        address = ip_address(given.partition("%")[0] if isinstance(given, str) else given)
        address = getattr(address, "ipv4_mapped", None) or address
        client = Client(
            address=address.packed,
            location=self._locator.locate(address.packed),
            allowed=address in self._allow,
            diagnostics=address in self._diagnostics,
        )
        kind = (client.location, client.allowed, client.diagnostics, address.version, stream)
        return View(client, self._answers.setdefault(kind, {}), address.version, stream=stream)

    def _state(self) -> State:
        return State(
            rules=self.rules,
            catalog=self.catalog,
            statuses=self.statuses,
            holders=self._holders,
            serial=self.serial,
        )

    def _forget_service(self, key: ServiceKey) -> None:
        self._forget(key)
        self._forget((key[0], ""))
        moved = self._holders.touch(key)
        for address in moved:
            self._forget(("", address.hex()))
        if moved:
            self._forget(("", PARTS))

    def _forget(self, key: ServiceKey | None) -> None:
        for entry in self._dependents.pop(key, ()):
            self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        """Forget one entry, wherever it is known; one that has been forgotten already stays so."""
        place, entry.place = entry.place, None
        if place is None:
            return
        del place.entries[place.question]
        del self._kept[place.negative][entry]
        dependents = self._dependents.get(place.key)
        if dependents is not None:
            del dependents[entry]
            if not dependents:
                del self._dependents[place.key]

    def _forget_all(self) -> None:
        for entries in self._answers.values():
            for entry in entries.values():
                entry.place = None
            entries.clear()
        self._kept: tuple[OrderedDict[Entry, None], OrderedDict[Entry, None]] = (OrderedDict(), OrderedDict())
        self._dependents: dict[ServiceKey | None, dict[Entry, None]] = {}
        self._volatile: deque[tuple[float, Entry]] = deque()
