"""Cold starts: a restart knows what was known, marked; one that knows nothing says so and never that a name is not."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fedns.client import Reply
from fedns.lab import crds
from fedns.lab.hub import Hub
from fedns.lab.members import plan
from fedns.lab.mischief import CONTROL
from fedns.lab.processes import free_port, serving
from fedns.lab.simulator import Deployment
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World
from tests.lab.worlds import running, until

NOT_READY = 14
STALE = 3
RESTARTS = 60.0


def rcode(reply: Reply | None) -> int:
    """The response code, -1 without a reply."""
    return -1 if reply is None else int(reply.message.header.rcode)


async def stopped(world: World, number: signal.Signals) -> None:
    """End the server, and every child with it."""
    if number == signal.SIGTERM:
        await world.close_server()
        return
    assert world._server is not None
    os.kill(world.server_pid, number)
    await world._server.wait()
    await until(lambda: not _bound(world.port))


def _bound(port: int) -> bool:
    """Whether a process still holds the UDP port."""
    return f":{port:04X} " in Path("/proc/net/udp").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_a_restart_without_any_member_answers_from_the_snapshot(tmp_path: Path, number: signal.Signals) -> None:
    """Every API server is gone: ready at once, the same addresses, marked, TTL 5 at most; fresh when they come back."""
    snapshot = {"path": str(tmp_path / "snapshot"), "interval": "200ms"}
    async with running(tmp_path, members=2, settings={"snapshot": snapshot}) as world:
        names = [SERVICE, *(f"{each.name}.{SERVICE}" for each in world.plan), "web.shop.svc.clusterset.local"]
        before = {name: await _sorted(world, name) for name in names}
        await until((tmp_path / "snapshot").exists)
        for cluster in world.clusters.values():
            await cluster.fault("stop")
        await stopped(world, number)
        await world.serve()
        for name in names:
            reply = await world.ask(name)
            assert reply is not None
            assert sorted(addresses_of(reply)) == before[name]
            assert extended_errors(reply) == [STALE]
            assert max(record.ttl for record in reply.message.rr) <= 5
        gone = await world.ask(SERVICE.replace("web", "gone"))
        assert gone is not None
        assert (rcode(gone), extended_errors(gone)) == (3, [19])
        for cluster in world.clusters.values():
            await cluster.fault("heal")

        async def confirmed() -> bool:
            reply = await world.ask(SERVICE)
            return reply is not None and not extended_errors(reply)

        await until(confirmed, RESTARTS)
        assert await _sorted(world, SERVICE) == before[SERVICE]


async def test_members_that_others_describe_survive_a_control_process(tmp_path: Path) -> None:
    """It is killed, there is no snapshot, and who the members are cannot be read: the workers keep what they hold.

    Once that can be read again it counts: who is not described any more has left.
    """
    provider = {"name": "tokens", "tokenFile": str(tmp_path / "token")}
    (tmp_path / "token").write_text("sesame")
    local = {"name": "eu1", "region": "eu-west", "kubeconfig": {"path": str(tmp_path / "eu1.kubeconfig")}}
    settings = {
        "clusters": [local],
        "clustersFrom": {"clusterProfiles": {"namespace": "fleet", "providers": [provider]}},
    }
    async with World(
        tmp_path, members=2, workers=2, port=free_port(), freshness="fast", embedded=True, settings=settings
    ) as world:
        await world.deploy()
        far = world.plan[1].name
        store, name = world.stores["eu1"], f"{far}.{SERVICE}"
        profile = described(far, world.clusters[far].kubeconfig()["clusters"][0]["cluster"]["server"])
        for each in (
            crds.profiles(),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet"}},
            profile,
        ):
            store.apply(each)
        await world.serve()
        pods = sorted(world.deployments[far].addresses())
        await until(lambda: _answers(world, name, pods), RESTARTS)
        await world.clusters["eu1"].fault("stop")
        await _outlives(world, far, name, pods)
        await world.clusters["eu1"].fault("heal")
        await until(lambda: _fresh(world, far), RESTARTS)
        assert await _answers(world, name, pods)
        store.remove(profile)
        await until(lambda: _answers(world, name, []), RESTARTS)


async def test_clusters_that_a_hub_tells_of_survive_a_control_process(tmp_path: Path) -> None:
    """It is killed while the hub is away, which alone knows of them: the workers keep what they hold."""
    pods = Deployment(namespace="shop", name="pods", zones={"z": 3}, pod_range="10.99.0.0/16", headless=True)
    hub = plan(2)[1].name
    async with running(tmp_path, members=2, embedded=True, entries={hub: {"source": "imports"}}) as world:
        for item in Hub(sources={"far": [pods]}).objects():
            world.stores[hub].apply(item)
        name = "far.pods.shop.myfed.svc.example.com"
        addresses = sorted(pods.addresses())
        await until(lambda: _answers(world, name, addresses), RESTARTS)
        await world.clusters[hub].fault("stop")
        await _outlives(world, "far", name, addresses)
        await world.clusters[hub].fault("heal")
        await until(lambda: _fresh(world, "far"), RESTARTS)
        assert await _answers(world, name, addresses)


async def _outlives(world: World, cluster: str, name: str, addresses: list[str]) -> None:
    """Kill the control process: every answer stays, and the next control process knows the cluster by the workers."""
    (control,) = serving(world.server_pid, CONTROL)
    os.kill(control, signal.SIGKILL)
    await until(lambda: serving(world.server_pid, CONTROL) not in ([], [control]))
    asked = 0

    async def remembered() -> bool:
        nonlocal asked
        asked += 1
        assert await _answers(world, name, addresses)
        return asked > 200 and cluster in await _clusters(world)

    await until(remembered, RESTARTS)


def described(name: str, server: str) -> dict[str, Any]:
    """A ClusterProfile that leads to this API server."""
    head = {"apiVersion": f"{crds.GROUP}/v1alpha1", "kind": "ClusterProfile"}
    status = {"accessProviders": [{"name": "tokens", "cluster": {"server": server}}]}
    meta = {"name": name, "namespace": "fleet"}
    return {**head, "metadata": meta, "spec": {"clusterManager": {"name": "lab"}}, "status": status}


async def _answers(world: World, name: str, addresses: list[str]) -> bool:
    reply = await world.ask(name)
    return reply is not None and sorted(addresses_of(reply)) == addresses


async def _clusters(world: World) -> dict[str, str]:
    """The clusters that the control process knows, with their states; none while it does not answer."""
    url = f"http://127.0.0.1:{world.http_port}/api/v1/clusters"
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return {each["name"]: each["state"] for each in (await response.json())["clusters"]}
    except aiohttp.ClientError:
        return {}


async def _fresh(world: World, name: str) -> bool:
    return (await _clusters(world)).get(name) == "fresh"


async def _sorted(world: World, name: str) -> list[str]:
    reply = await world.ask(name)
    assert reply is not None
    return sorted(addresses_of(reply))


async def test_a_start_that_knows_nothing_denies_nothing(tmp_path: Path) -> None:
    """Every API server is gone, and there is no snapshot: SERVFAIL with EDE 14 for every service's name, not ready."""
    async with World(tmp_path, members=2, workers=2, port=free_port(), freshness="fast") as world:
        await world.deploy()
        for cluster in world.clusters.values():
            await cluster.fault("stop")
        starting = asyncio.create_task(world.serve())

        async def answers() -> bool:
            return rcode(await world.ask(SERVICE)) != -1

        await until(answers, RESTARTS)
        for _ in range(20):
            for name in (SERVICE, SERVICE.replace("web", "other"), "web.shop.svc.clusterset.local", f"eu1.{SERVICE}"):
                for qtype in ("A", "AAAA", "SRV"):
                    reply = await world.ask(name, qtype)
                    assert reply is not None
                    assert (rcode(reply), extended_errors(reply)) == (2, [NOT_READY]), name
        assert not await world.is_ready()
        for cluster in world.clusters.values():
            await cluster.fault("heal")
        await starting
        assert await _sorted(world, SERVICE)
