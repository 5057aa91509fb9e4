"""The truth model: what members really hold, moment by moment, and whether an answer was ever true.

It reads the stores of simulated API servers directly, so no fault of the network or of a server hides anything from it.
It knows the rules of exports and readiness by itself, on purpose: what it is compared with must not be its source.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from math import inf
from typing import Final

from msgspec import Struct

from fedns.lab.kinds import ENDPOINT_SLICES, SERVICE_EXPORTS, SERVICE_IMPORTS, SERVICES, Json
from fedns.lab.store import Store

ServiceKey = tuple[str, str]
Truth = dict[ServiceKey, frozenset[str]]
"""What one member exports: the ready addresses of each headless service by (namespace, name)."""
Permits = Callable[[str, ServiceKey, str], bool]
"""Whether an address that a cluster gives to a service may be told at all."""
MARKS: Final = frozenset({3, 19})
"""Extended errors of an answer that says itself that it may be old (RFC 8914)."""
MARKED_TTL: Final = 5
SERVFAIL: Final = 2


def everything(_cluster: str, _key: ServiceKey, _address: str) -> bool:
    """Permits whatever a member has."""
    return True


class Kind(StrEnum):
    """What an answer is worth."""

    CORRECT = "correct"
    OLDER = "older"
    SERVFAIL = "servfail"
    WRONG = "WRONG"


class Verdict(Struct, frozen=True):
    """The judgement of one answer; `age` in seconds: since when it is no longer true."""

    kind: Kind
    age: float = 0.0
    detail: str = ""


class Heard(Struct, frozen=True):
    """What an answer says: rcode, the addresses, the smallest TTL, and the codes of its extended errors."""

    rcode: int
    addresses: frozenset[str] = frozenset()
    ttl: int = 0
    errors: frozenset[int] = frozenset()

    @property
    def marked(self) -> bool:
        """Whether it says itself that it may be old."""
        return bool(self.errors & MARKS) and self.ttl <= MARKED_TTL


class Oracle:
    """Judges answers for the services of these members; `permits` says whose addresses may be told at all.

    `limit` is the age in seconds up to which an answer counts as older; beyond, it is wrong, unless it is marked. With
    `kept` the mark excuses only the last copy of a service and what these members, the local one, gave. What was true
    longer ago than `memory` seconds is forgotten.
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        *,
        limit: float,
        permits: Permits = everything,
        kept: Collection[str] | None = None,
        memory: float = inf,
    ) -> None:
        self.limit = limit
        self.blind = False
        """Set while a fault hides members: what came into being meanwhile may then be denied for longer."""
        self._kept = kept
        self._stores = dict(stores)
        self._permits = permits
        self._history: dict[str, list[tuple[float, Truth]]] = {name: [] for name in stores}
        self._seen = dict.fromkeys(stores, -1)
        self._known: set[ServiceKey] = set()
        self._memory = memory

    def look(self, now: float) -> None:
        """Take notice of what has changed: call it with every change, or often; without a change it costs nothing."""
        for name, store in self._stores.items():
            if self._seen[name] == store.writes:
                continue
            self._seen[name] = store.writes
            truth = {
                key: frozenset(each for each in addresses if self._permits(name, key, each))
                for key, addresses in (exported(store) | imported(store)).items()
            }
            history = self._history[name]
            if not history or history[-1][1] != truth:
                history.append((now, truth))
                self._known |= truth.keys()
            while len(history) > 1 and history[1][0] < now - self._memory:
                del history[0]

    def services(self) -> set[ServiceKey]:
        """Every service that was ever exported."""
        return set(self._known)

    def now(self, key: ServiceKey, cluster: str = "") -> frozenset[str]:
        """The ready addresses of a service now: of all members, or of one."""
        names = (cluster,) if cluster else tuple(self._history)
        return frozenset().union(*(self._history[name][-1][1].get(key, frozenset()) for name in names))

    def judge(self, heard: Heard, key: ServiceKey, now: float) -> Verdict:
        """What an answer for a service is worth; some of the addresses are enough, for places and families choose."""
        if heard.rcode == SERVFAIL:
            return Verdict(Kind.SERVFAIL)
        if not heard.addresses:
            excused = heard.marked or self.blind
            age = self._empty_since(key, now)
            return self._aged(age, heard, "nothing is told of what has always had addresses", excused=excused)
        ages = {address: self._gone_since(key, address, now) for address in heard.addresses}
        oldest = max(ages, key=lambda address: ages[address])
        excused = heard.marked and self._excused(heard, key)
        return self._aged(ages[oldest], heard, f"{oldest} was never a ready address of it", excused=excused)

    def _excused(self, heard: Heard, key: ServiceKey) -> bool:
        """Whether a mark is enough: the members that gave these addresses are kept ones, or no other has any now."""
        if self._kept is None:
            return True
        givers = {
            name
            for name, history in self._history.items()
            if any(heard.addresses & truth.get(key, frozenset()) for _, truth in history)
        }
        others = self._history.keys() - givers
        return givers <= set(self._kept) or not any(self.now(key, name) for name in others)

    def _aged(self, age: float, heard: Heard, never: str, *, excused: bool) -> Verdict:
        if age == 0.0:
            return Verdict(Kind.CORRECT)
        if age == inf:
            return Verdict(Kind.WRONG, age, never)
        if age <= self.limit or excused:
            return Verdict(Kind.OLDER, age)
        return Verdict(Kind.WRONG, age, f"not true any more for {age:.1f} s: {sorted(heard.addresses)}")

    def _gone_since(self, key: ServiceKey, address: str, now: float) -> float:
        """For how long no member has had this ready address any more; infinite where none ever had."""
        ages = [inf]
        for history in self._history.values():
            until = now
            for began, truth in reversed(history):
                if address in truth.get(key, frozenset()):
                    ages.append(now - until)
                    break
                until = began
        return min(ages)

    def _empty_since(self, key: ServiceKey, now: float) -> float:
        """For how long a service has had addresses, by the last moment at which no member gave it any."""
        moments = sorted({began for history in self._history.values() for began, _ in history}, reverse=True)
        until = now
        for moment in moments:
            if not any(addresses for _, addresses in self._at(moment, key)):
                return now - until
            until = moment
        return inf

    def _at(self, moment: float, key: ServiceKey) -> Iterator[tuple[str, frozenset[str]]]:
        """What each member gave to a service at a moment."""
        for name, history in self._history.items():
            truths = [truth for began, truth in history if began <= moment]
            yield name, truths[-1].get(key, frozenset()) if truths else frozenset()


def exported(store: Store) -> Truth:
    """The exported headless services of a member as it is now, with their ready addresses."""
    asked = {_key(item) for item in _items(store, SERVICE_EXPORTS)}
    truth = {}
    for item in store.items(SERVICES):
        labelled = item["metadata"].get("labels", {}).get("fedns.io/export") == "true"
        if item["spec"].get("clusterIP") == "None" and (labelled or _key(item) in asked):
            truth[_key(item)] = frozenset(_ready(store, item))
    return truth


def imported(store: Store) -> Truth:
    """What a hub tells of: the ready addresses of headless imports, or else the IPs."""
    truth = {}
    for item in _items(store, SERVICE_IMPORTS):
        ips = frozenset(item["spec"].get("ips") or ())
        truth[_key(item)] = ips or frozenset(_ready(store, item, "multicluster.kubernetes.io/service-name"))
    return truth


def _items(store: Store, kind: object) -> list[Json]:
    """The objects of a custom type, none where it is not installed."""
    return [item for each in store.served() if each is kind for item in store.items(each)]


def _ready(store: Store, service: Json, label: str = "kubernetes.io/service-name") -> Iterator[str]:
    namespace, name = _key(service)
    for piece in store.items(ENDPOINT_SLICES, namespace):
        if piece["metadata"].get("labels", {}).get(label) == name:
            for endpoint in piece.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    yield from endpoint.get("addresses") or ()


def _key(item: Json) -> ServiceKey:
    return item["metadata"]["namespace"], item["metadata"]["name"]
