"""What one decision costs: 500 candidates for one location, as pods of few members, and as addresses of many.

The goal is half a millisecond. `first` makes the candidates too, as the first question for a service does after each
change; `drained` and `migrated` decide the same with a drain and a migration in force.

Then what a worker does with remembered answers when a member is lost: services asked for from fifty places, and all of
it void at once. Here a pause counts, and the goal is 20 ms; `collector` is a whole round of Python's garbage collector.
The same happens to a worker process that is asked all the time.
"""

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

from msgspec import structs

from bench.asking import query
from bench.outage import told, under_load
from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.wire import Members
from fedns.federation.catalog import join
from fedns.federation.drains import drain
from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.migrations import Shift
from fedns.federation.objects import READY, SERVING, AddressKind, Cluster, Endpoint, Export, Port, Service, pack
from fedns.federation.placement import Placement, Policy, World, place

CANDIDATES: Final = 500
PORTS: Final = (Port("http", 80),)
GOAL_MILLISECONDS: Final = 0.5
GOAL_PAUSE_MILLISECONDS: Final = 20.0
SERVICES: Final = 250
PLACES: Final = 50
NOW: Final = 1000.0


def _pods(members: int) -> tuple[Service, World]:
    """A headless service of 500 pods over these members, three zones each."""
    exports = []
    for at in range(members):
        endpoints = [
            Endpoint(bytes((10, at, each >> 8, each & 255)), READY | SERVING, f"z{each % 3}")
            for each in range(CANDIDATES // members)
        ]
        exports.append(Export(f"c{at}", "shop", "web", 1, headless=True, ports=PORTS, slices=pack(PORTS, endpoints)))
    return join(exports, {}), _world(members)


def _addresses() -> tuple[Service, World]:
    """A service with one load balancer in each of 500 members, one ready pod behind each."""
    exports = [
        Export(
            f"c{at}",
            "shop",
            "web",
            1,
            headless=False,
            ports=PORTS,
            load_balancer_ips=(bytes((192, 0, at >> 8, at & 255)),),
            slices=pack(PORTS, [Endpoint(bytes((10, 0, at >> 8, at & 255)), READY | SERVING, "z0")]),
        )
        for at in range(CANDIDATES)
    ]
    return join(exports, {}), _world(CANDIDATES)


def _world(members: int) -> World:
    clusters = {
        f"c{at}": Cluster(
            name=f"c{at}",
            region=f"r{at % 5}",
            jurisdiction=f"j{at % 2}",
            addresses=(AddressKind.POD_IP, AddressKind.LOAD_BALANCER),
            network="default" if members < CANDIDATES else f"n{at}",
        )
        for at in range(members)
    }
    return World(clusters=clusters, states=dict.fromkeys(clusters, Freshness.FRESH))


def _first(service: Service, where: Location, world: World, policy: Policy) -> Placement:
    """With nothing that an earlier decision has left behind."""
    return place(join(service.exports, {}), where, world, policy)


def _milliseconds(action: Callable[[], Any], seconds: float) -> float:
    """The median of as many runs as fit, 20 at least."""
    end = perf_counter() + seconds
    spent: list[float] = []
    while len(spent) < 20 or perf_counter() < end:
        began = perf_counter()
        action()
        spent.append(perf_counter() - began)
    return median(spent) * 1000


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Milliseconds of one decision in each case; `goal` is what it may cost."""
    where = Location("c0", "z1", "r0", "j0", "default")
    policy = Policy(min_ready="50%")
    shift = Shift(namespace="shop", service="web", source="c0", target="c1", percent=30)
    figures: dict[str, Any] = {"goal": GOAL_MILLISECONDS}
    cases = {"pods, 5 members": _pods(5), "pods, 50 members": _pods(50), "addresses, 500 members": _addresses()}
    for name, (service, world) in cases.items():
        drained = structs.replace(world, drains=(drain("c2"),))
        migrated = structs.replace(world, shifts=(shift,))
        part = seconds / 12
        figures[name] = {
            "again": _milliseconds(partial(place, service, where, world, policy), part),
            "first": _milliseconds(partial(_first, service, where, world, policy), part),
            "drained": _milliseconds(partial(place, service, where, drained, policy), part),
            "migrated": _milliseconds(partial(place, service, where, migrated, policy), part),
        }
    return figures | {"a member is lost": _loss(), **await asyncio.to_thread(under_load, directory)}


def _loss() -> dict[str, float]:
    """Milliseconds of CPU: one answer made, all of them made void, the ticks that follow, a round of the collector."""
    replica = _worker()
    views = [replica.view(f"10.9.{at}.7", stream=False) for at in range(PLACES)]
    queries = [query(f"s{at}.shop.myfed.svc.example.com") for at in range(SERVICES)]
    began = process_time()
    for packet in queries:
        for view in views:
            respond(packet, view, replica, NOW)
    figures = {"answers": float(len(replica.memory)), "goal": GOAL_PAUSE_MILLISECONDS}
    figures["one_answer"] = (process_time() - began) * 1000 / len(replica.memory)
    gone = structs.replace(replica.statuses["c0"], alive=NOW - 20, readable=NOW - 20)
    figures["collector"] = _spent(gc.collect)
    figures["void"] = _spent(partial(replica.apply, Members((gone, *list(replica.statuses.values())[1:])), NOW))
    figures["longest_tick"] = max(_spent(partial(replica.tick, NOW)) for _ in range(20))
    return figures


def _spent(action: Callable[[], Any]) -> float:
    began = process_time()
    action()
    return (process_time() - began) * 1000


def _worker() -> Replica:
    """A worker that knows three members with the same services, and clients at many places."""
    replica = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    for message in told(SERVICES, [f"10.9.{at}.0/24" for at in range(PLACES)], NOW):
        replica.apply(message, NOW)
    return replica
