"""A cluster is lost while a worker process of its own answers for 2,000 services to clients at 50 places.

5,000 queries a second, from a source address for each place. Which service and place is asked for is skewed: of 100,000
pairs in a random order the n-th is asked for in proportion to 1/n (Zipf). Loss makes all remembered answers void.
"""

import gc
import random
import select
import socket
from contextlib import suppress
from itertools import accumulate
from math import inf
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Final

from msgspec import Struct

from bench.asking import query
from fedns.answers.rules import Rules, Zone
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker
from fedns.federation.health import Freshness, Status
from fedns.federation.locality import ClientRule
from fedns.federation.objects import READY, SERVING, Cluster, Endpoint, Export, Port, pack
from tests.differential.worker import worker

SERVICES: Final = 2_000
PLACES: Final = 50
RATE: Final = 5_000
WARM: Final = 20_000
"""The pairs that are asked for most, one time each before the load begins."""
BEFORE: Final = 5
"""Whole seconds under load before the loss, of which the first is not counted."""
AFTER: Final = 5
GRACE: Final = 1.0
"""Seconds that the last answers may take."""
TURNED: Final = 0.1
"""Seconds after the loss from which on no answer may name a pod of the lost member."""
MEMBERS: Final = ("c0", "c1", "c2")
PORTS: Final = (Port("http", 80),)


def told(services: int, places: list[str], now: float) -> list[ToWorker]:
    """Three members with three pods for each of the same services, and clients at places by their prefixes."""
    rules = Rules(
        zones=(Zone(name="example.com", kind="federation", federation="myfed"),),
        clusters=tuple(Cluster(name=name, region=name) for name in MEMBERS),
        clients=tuple(ClientRule(cidrs=(place,), region=f"r{at}") for at, place in enumerate(places)),
    )
    messages: list[ToWorker] = [NewRules(rules), _heard(now)]
    for number, name in enumerate(MEMBERS):
        exports = []
        for at in range(services):
            pods = [Endpoint(bytes((10, number, at >> 6, (at & 63) * 4 + each)), READY | SERVING) for each in range(3)]
            exports.append(Export(name, "shop", f"s{at}", 1, headless=True, ports=PORTS, slices=pack(PORTS, pods)))
        messages.append(Replace(name, tuple(exports), first=True, last=True))
    return [*messages, Generation("bench", 1)]


def _heard(now: float, lost: float = 0.0) -> Members:
    """All members, alive now; the first one was for the last time so many seconds ago."""
    return Members(
        tuple(
            Status(
                cluster=name,
                joined=0.0,
                state=Freshness.FRESH,
                synced=True,
                alive=now - lost * (name == MEMBERS[0]),
                readable=now - lost * (name == MEMBERS[0]),
            )
            for name in MEMBERS
        )
    )


class _Asked(Struct):
    """One query: when it went out, how long its answer took (None: none came), whether that names a lost pod."""

    sent: float
    took: float | None = None
    lost_pod: bool = False


def under_load(directory: Path) -> dict[str, dict[str, float]]:
    """Lost answers and latencies before the loss and in each second after it; `load_gap_ms` is our own longest pause.

    What takes long because the load itself was not running says nothing of the worker.
    """
    chance = random.Random(1)
    pairs = [(service, place) for service in range(SERVICES) for place in range(PLACES)]
    chance.shuffle(pairs)
    skew = list(accumulate(1 / rank for rank in range(1, len(pairs) + 1)))
    drawn = chance.choices(pairs, cum_weights=skew, k=RATE * (BEFORE + AFTER))
    later: SimpleQueue[ToWorker] = SimpleQueue()
    places = [f"127.9.{at}.0/24" for at in range(PLACES)]
    with worker(directory, told(SERVICES, places, monotonic()), later=later) as port:
        load = _Load(port, later)
        load.warm(pairs[:WARM])
        gc.collect()
        gc.disable()
        try:
            asked = load.run(drawn)
        finally:
            gc.enable()
            load.close()
    lost_at = asked[0].sent + BEFORE
    figures = {"under load: before": _told([each for each in asked[RATE:] if each.sent < lost_at])}
    for second in range(AFTER):
        began = lost_at + second
        figures[f"under load: second {second + 1}"] = _told([each for each in asked if 0 <= each.sent - began < 1])
    stale = sum(each.lost_pod and each.sent > lost_at + TURNED for each in asked)
    return figures | {"under load": {"load_gap_ms": load.gap * 1000, "answers_of_the_lost": stale}}


class _Load:
    """Sockets with an address of each place, that ask one worker."""

    def __init__(self, port: int, later: SimpleQueue[ToWorker]) -> None:
        self._later = later
        self.gap = 0.0
        self._poll = select.epoll()
        self._sockets: list[socket.socket] = []
        for at in range(PLACES):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.bind((f"127.9.{at}.7", 0))
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            self._poll.register(client, select.EPOLLIN)
            self._sockets.append(client)
        self._by_number = {each.fileno(): each for each in self._sockets}
        self._queries = [query(f"s{at}.shop.myfed.svc.example.com")[2:] for at in range(SERVICES)]

    def warm(self, pairs: list[tuple[int, int]]) -> None:
        """Ask once for each, and wait for the answers."""
        for at, (service, place) in enumerate(pairs):
            client = self._sockets[place]
            client.settimeout(1.0)
            client.send((at & 0xFFFF).to_bytes(2) + self._queries[service])
            with suppress(TimeoutError):
                client.recv(4096)
            client.setblocking(False)
            if at % 1000 == 0:
                self._later.put(_heard(monotonic()))

    def run(self, drawn: list[tuple[int, int]]) -> list[_Asked]:
        """Ask for all of these at the rate; the first member is lost after BEFORE seconds."""
        asked: list[_Asked] = []
        began = turned = heard = monotonic()
        lost = 0.0
        while turned < began + BEFORE + AFTER + GRACE:
            now = monotonic()
            self.gap, turned = max(self.gap, now - turned), now
            if lost == 0.0 and now >= began + BEFORE:
                lost, heard = 20.0, 0.0
            if now >= heard + 1:
                self._later.put(_heard(now, lost))
                heard = now
            for service, place in drawn[len(asked) : int((now - began) * RATE)]:
                self._sockets[place].send((len(asked) & 0xFFFF).to_bytes(2) + self._queries[service])
                asked.append(_Asked(monotonic()))
            for number, _ in self._poll.poll(0.0005):
                self._take(self._by_number[number], asked)
        return asked

    def close(self) -> None:
        """Ask no more."""
        self._poll.close()
        for each in self._sockets:
            each.close()

    @staticmethod
    def _take(client: socket.socket, asked: list[_Asked]) -> None:
        while True:
            try:
                reply = client.recv(4096)
            except BlockingIOError:
                return
            last = len(asked) - 1
            which = asked[last - ((last - int.from_bytes(reply[:2])) & 0xFFFF)]
            which.took = monotonic() - which.sent
            which.lost_pod = b"\0\4\x0a\0" in reply


def _told(asked: list[_Asked]) -> dict[str, float]:
    times = sorted(each.took for each in asked if each.took is not None) or [inf]
    return {
        "queries": len(asked),
        "lost": sum(each.took is None for each in asked),
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "max_ms": times[-1] * 1000,
    }
