"""Members under fault, and all of fedns that follows them, in one process: real HTTP, a real socket to the worker.

A checker asks the packet door for every service all the while, and the truth model judges. Waits that are minutes in
production are short here (`PACE`), and so is the time after which a member is stale.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

from dnslib import EDNS0, DNSRecord

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.rules import Rules, Zone
from fedns.client import Reply
from fedns.clusters.backoff import Pace
from fedns.clusters.member import MemberFeed
from fedns.control.feeds import LISTS_AT_ONCE
from fedns.control.pipeline import Pipeline
from fedns.control.publish import Publisher
from fedns.control.truth import Truth
from fedns.federation.health import Freshness, Timers
from fedns.federation.locality import Location
from fedns.federation.objects import Cluster, ServiceKey
from fedns.lab.checker import Checker
from fedns.lab.cluster import FakeCluster
from fedns.lab.credentials import Credentials
from fedns.lab.oracle import Kind, Oracle
from fedns.lab.simulator import Deployment
from fedns.servers.feed import follow
from fedns.settings.schema import Kubeconfig, Member, Trust

PACE: Final = Pace(grace=0.5, absent=0.3, confirm=0.6, again=0.2, initial=1.0, compare=(600.0, 900.0))
TIMERS: Final = Timers(
    probe_interval=0.2,
    probe_timeout=0.4,
    suspect_after=0.8,
    stale_after=1.2,
    expire_after=600.0,
    recover_after=0.3,
    watch_period=1.5,
)
LIMIT: Final = 9.0
"""An answer may be so old, in seconds: three tries at a garbled stream, `stale_after`, and what a busy machine adds."""
ZONES: Final = (Zone(name="example.com", kind="federation", federation="myfed"),)


class Bed:
    """Everything; enter it with `made`."""

    def __init__(self, clusters: Mapping[str, FakeCluster], limit: float, permits: Callable[..., bool]) -> None:
        names = tuple(Cluster(name=name) for name in clusters)
        rules = Rules(zones=ZONES, clusters=names, local=Location(network="default"), timers=TIMERS)
        self.clusters = clusters
        self.truth = Truth(rules=rules)
        self.publisher = Publisher(self.truth, "epoch")
        self.pipeline = Pipeline(self.truth, self.publisher)
        self.replica = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
        self.feeds: dict[str, MemberFeed] = {}
        self.oracle = Oracle({name: each.store for name, each in clusters.items()}, limit=limit, permits=permits)
        self.checker = Checker(self.oracle, self._ask)
        self.deployments: dict[tuple[str, str], Deployment] = {}

    def deploy(self, cluster: str, name: str, pods: int, **more: Any) -> None:
        """Have a headless service with so many ready pods in a member."""
        made = self.deployments.get((cluster, name))
        if made is None:
            number = len(self.deployments)
            fields: dict[str, Any] = {
                "namespace": "shop",
                "pod_range": f"10.{number >> 3}.{(number & 7) << 5}.0/19",
                **more,
            }
            made = Deployment(name=name, zones={"a": 0}, headless=True, **fields)
            self.deployments[cluster, name] = made
        made.scale("a", pods)
        for item in made.objects():
            self.clusters[cluster].store.apply(item)
        self.oracle.look(monotonic())

    def delete(self, cluster: str, name: str) -> None:
        """Take a service out of a member, with all that belongs to it."""
        for item in reversed(self.deployments.pop((cluster, name)).objects()):
            if item["kind"] != "Namespace":
                self.clusters[cluster].store.remove(item)
        self.oracle.look(monotonic())

    def freshness(self, cluster: str) -> Freshness:
        """What the worker makes of a member."""
        status = self.replica.statuses.get(cluster)
        return status.state if status else Freshness.SYNCING

    def differences(self) -> list[str]:
        """Where the worker holds something else than the members do."""
        self.oracle.look(monotonic())
        held = {
            (export.cluster, export.key): {
                socket.inet_ntoa(each.address) for piece in export.slices for each in piece.endpoints() if each.ready
            }
            for name in self.clusters
            for export in self.replica.catalog.exports_of(name)
        }
        wanted = {(name, key): self.oracle.now(key, name) for name in self.clusters for key in self.oracle.services()}
        keys = held.keys() | {each for each, addresses in wanted.items() if addresses}
        return [f"{each}: {held.get(each)}" for each in keys if held.get(each, set()) != wanted.get(each, frozenset())]

    async def right(self, seconds: float = 15.0) -> None:
        """Wait until the worker holds exactly what all members do, and all of them are fresh."""
        await until(
            lambda: all(self.freshness(name) is Freshness.FRESH for name in self.clusters) and not self.differences(),
            seconds,
            lambda: f"{self.differences()[:5]}, {[(n, s.state, s.reason) for n, s in self.replica.statuses.items()]}",
        )

    async def judge(self) -> None:
        """No answer was wrong, and many were right."""
        await until(lambda: self.checker.counts[Kind.CORRECT] > 50)
        assert not self.checker.wrong, [(each.key, each.verdict) for each in self.checker.wrong[:5]]

    async def _ask(self, key: ServiceKey) -> Reply:
        question = DNSRecord.question(f"{key[1]}.{key[0]}.myfed.svc.example.com")
        question.add_ar(EDNS0(udp_len=1232))
        wire = respond(bytes(question.pack()), self.replica.view("127.0.0.1", stream=True), self.replica, monotonic())
        return Reply(DNSRecord.parse(wire), wire, 0.0, "tcp")

    async def _tick(self) -> None:
        while True:
            self.pipeline.tick()
            self.replica.tick(monotonic())
            await asyncio.sleep(0.05)


@asynccontextmanager
async def made(
    path: Path,
    *names: str,
    pace: Pace = PACE,
    limit: float = LIMIT,
    trust: Mapping[str, Trust] | None = None,
    credentials: Mapping[str, Credentials] | None = None,
    permits: Callable[[str, ServiceKey, str], bool] = lambda _cluster, _key, _address: True,
    fill: Callable[[Bed], None] | None = None,
) -> AsyncIterator[Bed]:
    """A bed whose members have been read, with the checker at work; `fill` puts what is there from the start."""
    async with AsyncExitStack() as stack:
        clusters = {}
        for name in names or ("eu1", "us1"):
            cluster = FakeCluster(name, credentials=(credentials or {}).get(name))
            clusters[name] = await stack.enter_async_context(cluster)
        bed = Bed(clusters, limit, permits)
        (fill or usual)(bed)
        tasks = [asyncio.create_task(bed._tick()), *await _served(bed, path, stack)]
        lists = asyncio.Semaphore(LISTS_AT_ONCE)
        for name, cluster in clusters.items():
            file = cluster.kubeconfig(path / f"{name}.kubeconfig")
            member = Member(
                cluster=Cluster(name=name),
                kubeconfig=Kubeconfig(path=str(file)),
                trust=(trust or {}).get(name, Trust()),
            )
            feed = MemberFeed(member, TIMERS, bed.pipeline, lists=lists, random=Random(1), pace=pace)
            bed.feeds[name] = feed
            tasks.append(asyncio.create_task(feed.run()))
        try:
            await bed.right()
            tasks.append(asyncio.create_task(bed.checker.run()))
            yield bed
        finally:
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def usual(bed: Bed) -> None:
    """Six services of its own in each member, and one that all have."""
    for name in bed.clusters:
        for at in range(6):
            bed.deploy(name, f"{name}-s{at}", 3)
        bed.deploy(name, "common", 2)


async def _served(bed: Bed, path: Path, stack: AsyncExitStack) -> list[asyncio.Task[None]]:
    """The publisher on a Unix socket, and the worker's part that follows it."""
    listener = stack.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(str(path / "control.sock"))
    listener.listen()
    return [
        asyncio.create_task(bed.publisher.serve(listener)),
        asyncio.create_task(follow(str(path / "control.sock"), 1, bed.replica)),
    ]


async def until(condition: Callable[[], object], seconds: float = 15.0, why: Callable[[], str] = str) -> None:
    """Wait for a condition, within a bound."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never within {seconds:g} s: {why()}") from None
