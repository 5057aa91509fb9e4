"""What a worker holds: rules, catalog, statuses, and the encoded answers made from them, until one of them changes.

Messages of the control process go in by `apply`, time by `tick`; `view` says who a client is, `memory` has the answers.
It does not know how messages or packets travel.
"""

from typing import TYPE_CHECKING, Final

from msgspec import structs

from fedns.answers import counters
from fedns.answers.answer import PARTS, State
from fedns.answers.cookies import Jar
from fedns.answers.memory import Memory
from fedns.answers.names import reverse_prefix
from fedns.answers.rules import Rules
from fedns.answers.views import View, Views
from fedns.answers.wire import Change, Members, NewRules, Nodes, Replace, ToWorker, Types, settled
from fedns.federation import isolation
from fedns.federation.catalog import Catalog
from fedns.federation.health import Status
from fedns.federation.holders import Holders
from fedns.federation.objects import Export, ServiceKey

if TYPE_CHECKING:
    from fedns.federation.locality import Node

AHEAD_SECONDS: Final = 0.2
"""A member turns stale this much early: `staleAfter` is a promise, and ticks and answers take their time on top."""

FADE_ENTRIES: Final = 1_000
"""Forgotten answers that are freed in one tick: some milliseconds, and more in a second than can be made anew."""
HOLD_SECONDS: Final = 30.0
"""Nobody is held without a control process for so long: nobody could confirm; a successor is there long before."""


class Replica:
    """The whole state of one worker; `counts` is its block of shared counters.

    `master` is the secret from which the cookies of all workers are made where the rules have none.
    """

    def __init__(self, counts: memoryview, master: bytes = b"") -> None:
        self.counts = counts
        self.memory = Memory()
        self._master = master
        self._unix = 0
        self.epoch = ""
        self.generation = 0
        self.loaded = False
        self.rules = Rules(zones=())
        self.catalog = Catalog()
        self.statuses: dict[str, Status] = {}
        self.nodes: dict[str, Node] = {}
        self._zones: frozenset[str] = frozenset()
        self.serial = 1
        self.isolated = False
        self._heard = float("-inf")
        self._fading: list[Memory] = []
        self._arriving: dict[str, list[Export]] = {}
        self._use(self.rules)

    def apply(self, message: ToWorker, now: float) -> None:
        """Install one message; answers that it touches are forgotten at once."""
        match message:
            case NewRules(rules=rules):
                self._use(rules)
            case Members(statuses=statuses):
                self._hear(statuses, now)
            case Nodes():
                self._move(message)
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
                self.generation = self.counts[counters.GENERATION] = message.generation
                self._turn_to(message.epoch, message.serial)
                self.loaded = True

    def tick(self, now: float, unix: int = 0) -> None:
        """Let the members age by this process's own clock, so that it holds when the control process is gone.

        `unix` is the Unix time in seconds, for DNS cookies.
        """
        before, cut_off = self.statuses, self.isolated
        self._age(before if now - self._heard < HOLD_SECONDS else _let_go(before), now)
        self.state = self._state()
        turned = [name for name, status in self.statuses.items() if status.standing != before[name].standing]
        if turned or self.isolated != cut_off:
            self._forget_all()
        self.memory.tick(now)
        self._fade()
        self.counts[counters.ENTRIES] = len(self.memory)
        self._unix = unix
        self.jar.tick(unix)

    def view(self, address: str | bytes, *, stream: bool, secure: str = "") -> View:
        """Who asks from this address (text or packed), over UDP, a stream, or a secure one (dot, https, quic)."""
        return self.views.view(address, stream=stream, secure=secure)

    def _use(self, rules: Rules) -> None:
        self.rules = rules
        clusters = {cluster.name: cluster for cluster in rules.clusters}
        self.catalog.ranks = {name: cluster.trust_rank for name, cluster in clusters.items()}
        for gone in set(self.statuses) - set(clusters):
            self.catalog.drop(gone)
            del self.statuses[gone]
        self._remote = isolation.remote(rules.clusters, rules.local.cluster)
        reverse = (zone.name for zone in rules.zones if zone.kind == "reverse")
        self._holders = Holders(self.catalog, map(reverse_prefix, reverse))
        self.views = Views(rules, clusters, self.nodes)
        self._begin_anew()
        self.jar = Jar(rules.cookie_secrets, self._master) if rules.cookies else Jar()
        self.jar.tick(self._unix)
        self.state = self._state()

    def _hear(self, statuses: tuple[Status, ...], now: float) -> None:
        self._heard = now
        before = {name: status.standing for name, status in self.statuses.items()}
        heard = {status.cluster: self._merge(status) for status in statuses}
        for gone in set(before) - set(heard):
            for key in self.catalog.drop(gone):
                self._holders.touch(key)
        self._age(heard, now)
        self.state = self._state()
        if before != {name: status.standing for name, status in self.statuses.items()}:
            self._forget_all()

    def _age(self, statuses: dict[str, Status], now: float) -> None:
        rules = self.rules
        aged = isolation.age(statuses, self._remote, now + AHEAD_SECONDS, rules.timers, rules.isolation)
        self.statuses, self.isolated = aged.statuses, aged.isolated

    def _merge(self, said: Status) -> Status:
        """A new control process has not read a member yet: what this worker holds of it goes on counting."""
        held = self.statuses.get(said.cluster)
        if held is not None and held.synced and not said.synced:
            alive, readable = max(held.alive, said.alive), max(held.readable, said.readable)
            path = said.path or held.path
            return structs.replace(held, alive=alive, readable=readable, held=said.held, path=path)
        return said

    def _move(self, message: Nodes) -> None:
        """Answers stay: they are made for places, and it is clients that are at other places now."""
        gone = (self.nodes.keys() - {each.name for each in message.nodes}) if message.whole else message.gone
        said: dict[str, Node | None] = {**dict.fromkeys(gone), **{each.name: each for each in message.nodes}}
        changes = {name: node for name, node in said.items() if self.nodes.get(name) != node}
        for name, node in changes.items():
            if node is None:
                del self.nodes[name]
            else:
                self.nodes[name] = node
        self._zones = frozenset(each.zone for each in self.nodes.values() if each.zone)
        self.views.move(changes)
        self.state = self._state()

    def _replace(self, message: Replace) -> None:
        held = self.statuses.get(message.cluster)
        if message.restored and held is not None and held.synced:
            return
        arriving = self._arriving
        if message.first:
            arriving[message.cluster] = []
        arriving.setdefault(message.cluster, []).extend(message.exports)
        if message.last:
            for key in self.catalog.replace(message.cluster, arriving.pop(message.cluster)):
                self._forget_service(key)

    def _turn_to(self, epoch: str, serial: int) -> None:
        """Another control process, or SOA serial: the zones' own records, which depend on no service, are made anew."""
        if (epoch, serial) != (self.epoch, self.serial):
            self.epoch, self.serial = epoch, serial
            self.state = self._state()
            self.memory.forget(None)

    def _state(self) -> State:
        return State(
            rules=self.rules,
            catalog=self.catalog,
            statuses=self.statuses,
            holders=self._holders,
            serial=self.serial,
            isolated=self.isolated,
            epoch=self.epoch,
            zones=self._zones,
        )

    def _forget_service(self, key: ServiceKey) -> None:
        self.memory.forget(key)
        self.memory.forget((key[0], ""))
        moved = self._holders.touch(key)
        for address in moved:
            self.memory.forget(("", address.hex()))
        if moved:
            self.memory.forget(("", PARTS))

    def _forget_all(self) -> None:
        self.views.forget()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Nobody finds what was remembered any more; it is freed bit by bit."""
        self._fading.append(self.memory)
        self.memory = Memory()

    def _fade(self) -> None:
        while self._fading and not self._fading[0]:
            del self._fading[0]
        if self._fading:
            self._fading[0].fade(FADE_ENTRIES)


def _let_go(statuses: dict[str, Status]) -> dict[str, Status]:
    """The same, with nobody held: without a control process no one could confirm."""
    return {name: structs.replace(each, held=False) if each.held else each for name, each in statuses.items()}
