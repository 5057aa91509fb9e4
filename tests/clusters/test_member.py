"""A member's feed against the lab's API server: what comes out when objects, the server or the network change."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from fedns.clusters.translate import Translator
from fedns.federation.health import NEVER, Alive, Freshness, Readable, Status, Synced, Unreachable, Unreadable, observe
from fedns.federation.objects import Cluster, Export, ServiceKey
from fedns.lab.cluster import FakeCluster
from fedns.settings.schema import Member
from tests.clusters.scripted import (
    QUICK,
    Heard,
    Json,
    Scripted,
    endpointslice,
    event,
    following,
    member,
    service,
    status,
    stream,
    until,
)

SERVICE = {"apiVersion": "v1", "kind": "Service"}
SLICE = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}


@pytest.fixture
async def lab() -> AsyncIterator[FakeCluster]:
    """A simulated API server with one exported service of one endpoint."""
    async with FakeCluster("eu1") as cluster:
        cluster.store.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        cluster.store.apply(SERVICE | named(service("web", 0)))
        cluster.store.apply(SLICE | named(endpointslice("web-1", 0, "web", "10.0.0.1")))
        yield cluster


def named(item: dict[str, object]) -> dict[str, object]:
    """An object as an owner writes it, without what the server adds."""
    meta = item["metadata"]
    assert isinstance(meta, dict)
    kept = {key: meta[key] for key in ("name", "namespace", "labels")}
    spec: dict[str, object] = (
        {"spec": {"clusterIP": "None", "ports": [{"port": 80}]}} if "spec" in item else {"ports": []}
    )
    return item | {"metadata": kept} | spec


@pytest.fixture
def of(lab: FakeCluster, tmp_path: Path) -> Member:
    """The lab's server as a member."""
    return member(lab.url, tmp_path)


def freshness(heard: Heard) -> Freshness:
    """What the evidence so far amounts to, as if it had all come now."""
    now = asyncio.get_running_loop().time()
    found = Status(cluster="eu1", joined=NEVER)
    for each in heard.evidence:
        found = observe(found, each, now, QUICK)
    return found.state


async def test_first_sync_is_one_whole(lab: FakeCluster, of: Member) -> None:
    """The first complete reading is told at once and as a whole, with its endpoints; then the member is synced."""
    async with following(of) as (feed, heard):
        await until(lambda: Synced() in heard.evidence)
        assert (heard.wholes, heard.changes) == (1, [])
        assert heard.addresses("web") == ["10.0.0.1"]
        assert feed.objects()["slices"] == 1
        assert freshness(heard) == Freshness.FRESH
        lab.store.apply(SLICE | named(endpointslice("web-2", 0, "web", "10.0.0.2")))
        await until(lambda: heard.addresses("web") == ["10.0.0.1", "10.0.0.2"])
        lab.store.remove(SERVICE | named(service("web", 0)))
        await until(lambda: heard.names() == [])
        assert heard.wholes == 1


async def test_a_quiet_member_is_listed_once(lab: FakeCluster, of: Member) -> None:
    """However many streams end without a word, a member in which nothing happens is listed once, and stays fresh."""
    async with following(of) as (feed, heard):
        version = lab.store.version
        await until(lambda: feed.counts["check"] >= 9, 15.0)
        assert lab.store.version == version
        assert feed.counts["list"] == 4
        assert feed.counts["failure"] == 0
        assert freshness(heard) == Freshness.FRESH


@pytest.mark.parametrize("fault", ["gone", "gone=http", "reset@services", "stop", "hang", "partition"])
async def test_faults_lose_nothing(lab: FakeCluster, of: Member, fault: str) -> None:
    """Whatever breaks, what is known stays, and what changed meanwhile is known after the cure."""
    async with following(of) as (_, heard):
        await until(lambda: heard.wholes)
        await lab.fault(fault)
        lab.store.apply(SLICE | named(endpointslice("web-1", 0, "web", "10.0.0.9")))
        await asyncio.sleep(0.7)
        assert heard.names() == ["web"]
        await lab.fault("heal")
        await until(lambda: heard.addresses("web") == ["10.0.0.9"], 10.0)
        assert heard.wholes == 1
        await until(lambda: isinstance(heard.evidence[-1], Alive))


@pytest.mark.parametrize("code", [401, 403, 500, 503])
async def test_a_server_that_refuses_is_unreadable(lab: FakeCluster, of: Member, code: int) -> None:
    """A member that lives and refuses to be read says so, keeps its names, and is read again after the cure."""
    async with following(of) as (_, heard):
        await until(lambda: heard.wholes)
        for path in ("/services", "/endpointslices", "/serviceexports"):
            await lab.fault(f"status={code}@{path}")
        await lab.fault("reset@services")
        lab.faults.active = [each for each in lab.faults.active if each.verb != "reset"]
        await until(lambda: any(isinstance(each, Unreadable) and str(code) in each.reason for each in heard.evidence))
        assert heard.names() == ["web"]
        await lab.fault("heal")
        lab.store.apply(SLICE | named(endpointslice("web-1", 0, "web", "10.0.0.9")))
        await until(lambda: heard.addresses("web") == ["10.0.0.9"], 10.0)


async def test_a_dead_member_is_unreachable(lab: FakeCluster, of: Member) -> None:
    """Without replies the evidence is that the member cannot be reached, with a reason."""
    async with following(of) as (_, heard):
        await until(lambda: heard.wholes)
        await lab.fault("stop")
        await until(lambda: any(isinstance(each, Unreachable) for each in heard.evidence))
        assert all(each.reason for each in heard.evidence if isinstance(each, Unreachable))


async def test_credentials_may_come_later(lab: FakeCluster, of: Member, tmp_path: Path) -> None:
    """A member whose kubeconfig is absent is unreachable, and followed once the file is there."""
    (tmp_path / "kubeconfig").rename(tmp_path / "away")
    async with following(of) as (_, heard):
        await until(lambda: any(isinstance(each, Unreachable) for each in heard.evidence))
        (tmp_path / "away").rename(tmp_path / "kubeconfig")
        await until(lambda: heard.names() == ["web"])
    assert lab.store.version


async def test_a_bad_object_is_told_once(script: Scripted, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An object that cannot be understood is logged once, however often it is listed, and the others count."""
    script.objects["services"] = [service("bad", 1) | {"spec": 5}, service("a", 2)]
    script.say("watch services", *[status(410)] * 2)
    with caplog.at_level(logging.WARNING):
        async with following(member(script.url, tmp_path)) as (feed, heard):
            await until(lambda: script.count("list services") == 3)
            assert heard.names() == ["a"]
            assert feed.refused["object"] >= 2
    assert sum("shop/bad" in record.message for record in caplog.records) == 1


class Failing(Translator):
    """A translator with a fault of its own, once."""

    failed = False

    def export(self, cluster: str, key: ServiceKey) -> Export | None:
        """Fail for one service, the first time."""
        if key[1] == "trap" and not Failing.failed:
            Failing.failed = True
            raise RuntimeError("a fault of ours")
        return super().export(cluster, key)


async def test_a_fault_of_ours_restarts_the_feed(
    lab: FakeCluster, of: Member, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A crash in any task is logged with its cause, and the member is read anew."""
    monkeypatch.setattr("fedns.clusters.member.Translator", Failing)
    async with following(of) as (feed, heard):
        await until(lambda: heard.wholes)
        lab.store.apply(SERVICE | named(service("trap", 0)))
        await until(lambda: heard.wholes == 2)
        assert heard.names() == ["trap", "web"]
        assert feed.counts["crash"] == 1
        assert freshness(heard) == Freshness.FRESH
    assert "a fault of ours" in caplog.text


async def test_no_task_is_left_behind(of: Member) -> None:
    """Who cancels a feed has nothing of it left."""
    before = asyncio.all_tasks()
    async with following(of) as (_, heard):
        await until(lambda: heard.wholes)
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        assert {"eu1: watch services", "eu1: watch slices", "eu1: watch exports", "eu1: probe"} <= names
    await until(lambda: not any(task.get_name().startswith("eu1") for task in asyncio.all_tasks()))


def imported(name: str, version: int, source: str, address: str) -> Json:
    """An imported slice of a source cluster."""
    item = endpointslice(name, version, "web", address)
    item["metadata"]["labels"] = {
        "multicluster.kubernetes.io/service-name": "web",
        "multicluster.kubernetes.io/source-cluster": source,
    }
    return item


@pytest.fixture
def hub(script: Scripted, tmp_path: Path) -> Member:
    """A member that holds imported services: one configured source, one found, one that is another member's."""
    meta = {"name": "web", "namespace": "shop", "resourceVersion": "5"}
    script.objects = {
        "serviceimports": [{"metadata": meta, "spec": {"type": "Headless", "ports": [{"port": 80}]}}],
        "endpointslices": [
            imported("web-us1", 6, "us1", "10.1.0.1"),
            imported("web-us2", 7, "us2", "10.2.0.1"),
            imported("web-us3", 8, "us3", "10.3.0.1"),
        ],
    }
    sources = (Cluster(name="us1", via="eu1"),)
    return structs.replace(member(script.url, tmp_path), source="imports", sources=sources)


def addresses(heard: Heard, cluster: str) -> list[str]:
    """What a source cluster gives to the service."""
    export = heard.held.get(cluster, {}).get(("shop", "web"))
    slices = export.slices if export else ()
    return [".".join(map(str, point.address)) for each in slices for point in each.endpoints()]


async def test_a_hub_tells_of_its_sources(script: Scripted, hub: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source cluster is told for itself, found ones are asked for, and another member's are refused; no Leases."""
    monkeypatch.setattr(Heard, "found", lambda _, via, cluster: (via, cluster) != ("eu1", "us3"))
    script.say("watch endpointslices", stream(event("ADDED", imported("web-us4", 101, "us4", "10.4.0.1")), hold=5))
    async with following(hub) as (feed, heard):
        await until(lambda: addresses(heard, "us4") == ["10.4.0.1"])
        assert (addresses(heard, "us1"), addresses(heard, "us2")) == (["10.1.0.1"], ["10.2.0.1"])
        assert "us3" not in heard.held
        assert any("us3" in each for each in feed.problems())
        assert not any(isinstance(each, Unreadable) for each in heard.evidence)
        assert {each.resource: each.state for each in feed.streams()}["leases"] == "absent"
        selectors = {verb: query.get("labelSelector", "") for verb, query in script.asked}
        assert "endpointslice-controller.k8s.io" in selectors["list endpointslices"]
        assert selectors["list leases"] == "multicluster.kubernetes.io/source-cluster"


async def test_a_lease_that_runs_out_makes_its_source_unreadable(script: Scripted, hub: Member) -> None:
    """A renewal is evidence for the source; without one it cannot be read, and the others can."""
    spec = {"renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 1}
    meta = {"name": "us1", "namespace": "shop", "labels": {"multicluster.kubernetes.io/source-cluster": "us1"}}
    lease = {"metadata": meta | {"resourceVersion": "9"}, "spec": spec}
    renewed = {
        "metadata": meta | {"resourceVersion": "101"},
        "spec": spec | {"renewTime": "2026-01-01T00:00:09.000000Z"},
    }
    script.objects["leases"] = [lease]
    async with following(hub) as (_, heard):
        await until(lambda: any(isinstance(each, Unreadable) for each in heard.of.get("us1", [])))
        assert heard.of["us1"] == [Readable("lease"), Unreadable("its lease in eu1 has run out", "lease")]
        script.say("watch leases", stream(event("MODIFIED", renewed), hold=5))
        await until(lambda: heard.of["us1"][-1] == Readable("lease"))
        assert "us2" not in heard.of


async def test_a_state_is_logged_once(script: Scripted, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However often a resource fails before it can be read again, that is one line, and one more for the cure."""
    script.say("list services", status(503), status(500), status(503))
    with caplog.at_level(logging.INFO):
        async with following(member(script.url, tmp_path)) as (feed, heard):
            await until(lambda: any("HTTP 50" in each for each in feed.problems()))
            await until(lambda: heard.wholes)
            assert not feed.problems()
    lines = [record.message for record in caplog.records if ": services" in record.message]
    assert len(lines) == 2
    assert "cannot be read: HTTP 503" in lines[0]
