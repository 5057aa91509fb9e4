"""The feed of one member on a real API server: what comes and goes at the server's own pace, without a fedns around."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import aiohttp
import msgspec
import pytest
from msgspec import structs

from fedns.clusters.backoff import Pace
from fedns.clusters.member import MemberFeed
from fedns.federation.health import Evidence, Synced, Timers
from fedns.federation.locality import Node
from fedns.federation.objects import Cluster, Export, ServiceKey
from fedns.lab import crds
from fedns.lab.real import ControlPlanes, Server
from fedns.lab.simulator import Deployment
from fedns.settings.schema import FAST, Kubeconfig, Member

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

PATIENCE_SECONDS = 20.0


class Held:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.exports: dict[ServiceKey, Export] = {}
        self.synced = 0
        self.counts = Counter[str]()

    def replaced(self, cluster: str, exports: Iterable[Export]) -> None:
        assert cluster == "eu2"
        self.exports = {export.key: export for export in exports}

    def changed(self, cluster: str, key: ServiceKey, export: Export | None, triggered: float = 0.0) -> None:
        assert cluster == "eu2"
        assert triggered >= 0.0
        self.exports.pop(key, None)
        if export is not None:
            self.exports[key] = export

    def observed(self, cluster: str, evidence: Evidence) -> None:
        assert cluster == "eu2"
        self.synced += isinstance(evidence, Synced)

    def located(self, cluster: str, nodes: Mapping[str, Node | None], *, whole: bool) -> None:
        raise AssertionError((cluster, nodes, whole))

    def found(self, via: str, cluster: str) -> bool:
        raise AssertionError((via, cluster))


@asynccontextmanager
async def followed(server: Server, path: Path, timers: Timers = FAST, pace: Pace | None = None) -> AsyncIterator[Held]:
    """A member that is followed until the end, by a feed that looks often for types that are not there."""
    path.write_text(json.dumps(server.kubeconfig()))
    held = Held()
    member = Member(cluster=Cluster(name=server.name), kubeconfig=Kubeconfig(path=str(path)))
    feed = MemberFeed(member, timers, held, lists=asyncio.Semaphore(2), pace=pace or Pace(absent=0.2))
    held.counts = feed.counts
    task = asyncio.create_task(feed.run())
    try:
        await until(lambda: held.synced == 1)
        yield held
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, not for ever."""
    started = monotonic()
    while not condition():
        assert monotonic() - started < PATIENCE_SECONDS
        await asyncio.sleep(0.02)


def deployment(name: str, *, exported: bool) -> Deployment:
    """One headless service of one pod."""
    return Deployment(
        namespace="feed",
        name=name,
        zones={"z": 1},
        pod_range="10.180.0.0/16",
        headless=True,
        exported=exported,
        labels={} if exported else {"fedns.io/export": "true"},
    )


async def served(session: aiohttp.ClientSession, server: Server, *, wanted: bool) -> None:
    """Wait until the API server serves ServiceExports, or does so no more."""
    url = f"{server.url}/apis/{crds.GROUP}/v1alpha1/serviceexports"
    started = monotonic()
    while True:
        async with session.get(url) as response:
            if response.status == (200 if wanted else 404):
                return
        assert monotonic() - started < PATIENCE_SECONDS
        await asyncio.sleep(0.1)


async def test_a_version_from_before_is_gone(planes: ControlPlanes) -> None:
    """A restarted API server remembers no events: a watch from an old version is an ERROR event of code 410."""
    server = planes.servers["eu2"]
    await server.stop()
    await planes.restart("eu2")
    server = planes.servers["eu2"]
    url = f"{server.url}/apis/discovery.k8s.io/v1/endpointslices?watch=1&resourceVersion=1&timeoutSeconds=5"
    async with server.session() as session, session.get(url) as response:
        assert response.status == 200
        event = msgspec.json.decode(await response.content.readline())
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_restart_is_followed(planes: ControlPlanes, tmp_path: Path) -> None:
    """Through a restart of the API server the feed keeps what it knows, and then learns what changed meanwhile."""
    kept, dropped = (deployment(name, exported=False) for name in ("kept", "dropped"))
    await planes.servers["eu2"].put([*kept.objects(), *dropped.objects()])
    async with followed(planes.servers["eu2"], tmp_path / "kubeconfig") as held:
        assert {("feed", "kept"), ("feed", "dropped")} <= held.exports.keys()
        await planes.servers["eu2"].stop()
        await planes.restart("eu2")
        assert ("feed", "dropped") in held.exports
        await planes.servers["eu2"].delete("/api/v1/namespaces/feed/services/dropped")
        await until(lambda: ("feed", "dropped") not in held.exports)
        assert ("feed", "kept") in held.exports


async def test_a_quiet_member_is_listed_once(planes: ControlPlanes, tmp_path: Path) -> None:
    """Streams in which nothing happens end in silence here; each costs a small read, and none a list."""
    timers = msgspec.structs.replace(FAST, watch_period=2.0)
    async with planes.servers["eu2"].session() as session:
        await served(session, planes.servers["eu2"], wanted=True)  # a server that starts asks for patience first
    async with followed(planes.servers["eu2"], tmp_path / "kubeconfig", timers) as held:
        await until(lambda: held.counts["check"] >= 6)
        assert held.counts["list"] == 4  # services, slices, exports, namespaces
        assert not held.counts["failure"]


async def test_types_may_come_later(planes: ControlPlanes, tmp_path: Path) -> None:
    """A member without the MCS types syncs and exports by label; the types are picked up when they come."""
    server = planes.servers["eu2"]
    labelled, asked = deployment("labelled", exported=False), deployment("asked", exported=True)
    *unexported, export = asked.objects()
    async with server.session() as session:
        await server.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/serviceexports.{crds.GROUP}")
        await served(session, server, wanted=False)
        await server.put([*labelled.objects(), *unexported])
        async with followed(server, tmp_path / "kubeconfig") as held:
            assert ("feed", "labelled") in held.exports
            assert ("feed", "asked") not in held.exports
            await server.put(crds.definitions())
            await served(session, server, wanted=True)
            await server.put([export])
            await until(lambda: ("feed", "asked") in held.exports)
            assert ("feed", "labelled") in held.exports
            assert held.synced == 1


async def test_comparisons_find_nothing_where_nothing_is_lost(planes: ControlPlanes, tmp_path: Path) -> None:
    """Names and versions alone are read, and while services come and change they are those of what is held."""
    server = planes.servers["eu2"]
    timers, pace = structs.replace(FAST, watch_period=1.0), Pace(compare=(0.1, 0.2))
    async with server.session() as session:
        await served(session, server, wanted=True)
    async with followed(server, tmp_path / "kubeconfig", timers, pace) as held:
        for at in range(6):
            made = deployment(f"compared-{at}", exported=True)
            await server.put(made.objects())
            made.scale("z", 3)
            await server.put(made.objects())
        await until(lambda: held.counts["compare"] >= 9)
        await until(lambda: {("feed", f"compared-{at}") for at in range(6)} <= held.exports.keys())
        assert held.counts["list"] == 4  # services, slices, exports, namespaces
