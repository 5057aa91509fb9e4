"""The wall clock is set by a day while a member is followed: no timer, no freshness and no serial goes by it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fedns.clusters.member import MemberFeed
from fedns.federation.health import Freshness, Timers
from fedns.lab.cluster import FakeCluster
from tests.clusters.scripted import endpointslice, member, service
from tests.control.stage import Control, rules, until

DAY = 86_400.0
TIMERS = Timers(probe_interval=0.1, probe_timeout=0.5, watch_period=1.0)


class Wall:
    """The wall clock of all of fedns, `ahead` seconds of the true one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        true = time.time
        for name, module in tuple(sys.modules.items()):
            if name.startswith("fedns.") and getattr(module, "time", None) is true:
                monkeypatch.setattr(module, "time", self.now)
        monkeypatch.setattr(time, "time", self.now)
        self._true: Callable[[], float] = true

    def now(self) -> float:
        """Unix seconds, as a process reads them."""
        return self._true() + self.ahead


@pytest.fixture
async def lab() -> AsyncIterator[FakeCluster]:
    """A simulated API server with one exported service of one endpoint."""
    async with FakeCluster("eu1") as cluster:
        cluster.store.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        await change(cluster, "10.0.0.1")
        yield cluster


async def change(lab: FakeCluster, address: str) -> None:
    """The service, with this one address."""
    for kind, version, item in (
        ("Service", "v1", service("web", 0)),
        ("EndpointSlice", "discovery.k8s.io/v1", endpointslice("web-1", 0, "web", address)),
    ):
        meta = {key: item["metadata"][key] for key in ("name", "namespace", "labels")}
        lab.store.apply({**item, "apiVersion": version, "kind": kind, "metadata": meta})


@pytest.mark.parametrize("step", [DAY, -DAY], ids=["forward", "back"])
async def test_a_step_changes_nothing(
    lab: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    """Nothing is read anew, the member stays fresh, changes come as ever, and the zones' serial never goes back."""
    wall = Wall(monkeypatch)
    control = Control(rules("eu1", timers=TIMERS), tmp_path / "control")
    feed = MemberFeed(member(lab.url, tmp_path), TIMERS, control.pipeline, lists=asyncio.Semaphore(8))
    states, serials = set[Freshness](), list[int]()

    async with control.serving(), control.worker() as replica:
        task = asyncio.create_task(feed.run(), name="feed")

        def answered(address: str) -> bool:
            control.now = time.monotonic()
            control.pipeline.tick()
            replica.tick(time.monotonic())
            if replica.statuses.get("eu1") is not None and replica.statuses["eu1"].synced:
                states.add(replica.statuses["eu1"].state)
            serials.append(replica.serial)
            found = replica.catalog.service(("shop", "web"))
            given = (
                [each for export in found.exports for part in export.slices for each in part.endpoints()]
                if found
                else []
            )
            return [".".join(map(str, each.address)) for each in given] == [address]

        try:
            await until(lambda: answered("10.0.0.1"), "the first address")
            before = feed.counts["list"]
            wall.ahead = step
            await change(lab, "10.0.0.2")
            await until(lambda: answered("10.0.0.2"), "the address after the step")
            checks = feed.counts["check"]
            await until(lambda: answered("10.0.0.2") and feed.counts["check"] >= checks + 3, "streams go on")
            wall.ahead = 0.0
            await change(lab, "10.0.0.3")
            await until(lambda: answered("10.0.0.3"), "the address after the cure")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert feed.counts["list"] == before
    assert feed.counts["failure"] == 0
    assert states == {Freshness.FRESH}
    assert serials == sorted(serials)
    assert serials[-1] > serials[0]
