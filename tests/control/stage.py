"""What the tests of the control process share: made-up members, a running publisher, real feeds of workers."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic, time

import pytest

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.rules import Rules, Zone
from fedns.clusters.streams import Stream
from fedns.control.orders import Orders
from fedns.control.paths import Paths
from fedns.control.pipeline import Pipeline
from fedns.control.preserving import Keeper
from fedns.control.publish import Publisher
from fedns.control.reach import Reach
from fedns.control.replicas import Others
from fedns.control.truth import Truth
from fedns.federation.health import Timers
from fedns.federation.locality import Location, Node
from fedns.federation.objects import READY, Cluster, Endpoint, Export, Port, pack
from fedns.servers.feed import follow

ZONES = (Zone(name="clusterset.local", kind="clusterset"),)
TIMERS = Timers()
PATIENCE = 5.0


def rules(*clusters: str, local: str = "", timers: Timers = TIMERS) -> Rules:
    """Rules with these members."""
    members = tuple(Cluster(name=name) for name in clusters)
    return Rules(zones=ZONES, clusters=members, local=Location(cluster=local), timers=timers)


def export(cluster: str, name: str, address: str = "10.0.0.1", *, endpoints: int = 1) -> Export:
    """One headless service with endpoints that all have the same address."""
    place = Endpoint(socket.inet_aton(address), READY)
    ports = (Port("http", 80),)
    slices = pack(ports, (place,) * endpoints)
    return Export(cluster, "shop", name, created=1, headless=True, ports=ports, slices=slices)


def node(number: int, zone: str = "eu-a") -> Node:
    """A node with 256 addresses of pods."""
    return Node(f"n{number}", 1, zone, (bytes((10, 64, number, 0, 24)),))


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fails after PATIENCE seconds."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"never: {what}")


def block() -> memoryview:
    """Counters of one process that nobody shares."""
    return memoryview(bytearray(counters.BYTES)).cast("Q")


class Followed:
    """A feed of which only what it knows of itself is asked."""

    def __init__(self, *streams: Stream) -> None:
        self.counts = Counter({"failure": 3, "list": 4, "throttled": 5})
        self.refused = Counter({"address": 2})
        self.rejected = {("shop", "outside"): "InvalidServiceType"}
        self._streams = streams

    def streams(self) -> list[Stream]:
        """Those that were given."""
        return list(self._streams)

    def problems(self) -> list[str]:
        """One."""
        return ["something is wrong"]


class Control:
    """A control process without its edges: truth, publisher, pipeline, and the path where workers connect."""

    def __init__(self, first: Rules, path: Path, epoch: str = "epoch") -> None:
        self.now = monotonic()
        self.path = path
        self.truth = Truth(rules=first)
        self.complete = True
        """Whether all members are known, beside those that hubs tell of."""
        self.publisher = Publisher(self.truth, epoch, lambda met: self.pipeline.meet(met, complete=self.complete))
        self.pipeline = Pipeline(self.truth, self.publisher, lambda: self.now)
        self.paths = Paths(self.pipeline.observed)
        self.others = Others(self.truth, self.pipeline, epoch, lambda: self.now)
        self.keeper = Keeper(self.truth, self.publisher, self.pipeline)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Control"]:
        """With its Unix socket open."""
        self.path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.path))
            listener.listen()
            task = asyncio.create_task(self.publisher.serve(listener))
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.wait((task,))
                await until(lambda: not self.publisher.links, "all connections closed")

    @asynccontextmanager
    async def worker(self, replica: Replica | None = None) -> AsyncIterator[Replica]:
        """With a worker's replica that follows."""
        replica = replica or Replica(block())
        task = asyncio.create_task(follow(str(self.path), 1, replica))
        try:
            yield replica
        finally:
            task.cancel()
            await asyncio.wait((task,))

    def orders(
        self, changed: Callable[[], None], clock: Callable[[], float] = time, blocks: Sequence[memoryview] = ()
    ) -> Orders:
        """Orders of this control process with one worker; `changed` is called when the rules are to be made again."""
        return Orders(
            self.truth,
            lambda: Reach(self.publisher, 1),
            changed,
            history=self.pipeline.history,
            told=self.publisher.members,
            blocks=blocks,
            clock=clock,
            steady=lambda: self.now,
        )

    async def told(self, replica: Replica) -> None:
        """Wait until a replica has everything."""
        publisher = self.publisher
        await until(
            lambda: (replica.epoch, replica.generation) == (publisher.epoch, publisher.generation), "worker is told"
        )
