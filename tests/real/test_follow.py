"""fedns follows two real API servers, as a reader over verified TLS: changes, deaths and recoveries."""

from collections.abc import Awaitable, Callable

import pytest
import pytest_asyncio

from fedns.lab.members import Member
from fedns.lab.real import ControlPlanes, Server
from fedns.lab.simulator import Deployment
from fedns.lab.world import World
from tests.real.asking import NXDOMAIN, STALE_ANSWER, Seen, addresses, errors, look, seen, settles

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

STRICT, FEDERATED = "svc.clusterset.local", "myfed.svc.example.com"
STALE_SECONDS = 5.0
"""Fast freshness calls a member stale after 2 s; probe, tick and a busy machine come on top."""
CURE_SECONDS = 30.0

Pods = dict[str, Deployment]
"""A service in every member: member -> what runs there."""


def pods_of(
    world: World, name: str, *, headless: bool = True, exported: bool = True, labels: dict[str, str] | None = None
) -> Pods:
    """A service with two pods in each zone of each member."""
    return {
        member.name: Deployment(
            namespace="real",
            name=name,
            zones=dict.fromkeys(member.zones, 2),
            pod_range=f"10.{150 + member.number}.0.0/16",
            headless=headless,
            exported=exported,
            labels=labels or {},
        )
        for member in world.plan
    }


async def put(world: World, pods: Pods) -> None:
    """Let the API servers hold what runs."""
    for name, deployment in pods.items():
        await world.clusters[name].put(deployment.objects())


def server(world: World, name: str) -> Server:
    """A member's API server."""
    found = world.clusters[name]
    assert isinstance(found, Server)
    return found


def asked(world: World, name: str, member: Member, zone: str) -> Callable[[], Awaitable[Seen]]:
    """The question of a client in this zone."""
    return lambda: look(world, name, member.source(zone))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pods(world: World) -> Pods:
    """The service `pods.real`, exported by ServiceExports."""
    made = pods_of(world, "pods")
    await put(world, made)
    return made


@pytest.mark.parametrize("suffix", [STRICT, FEDERATED])
async def test_each_zone_gets_its_own_pods(world: World, pods: Pods, suffix: str) -> None:
    """A client is told the pods of its own zone, by the strict name and by the federation's."""
    for member in world.plan:
        for zone in member.zones:
            own = addresses(pods[member.name].addresses(zone))
            await settles(asked(world, f"pods.real.{suffix}", member, zone), own)


@pytest.mark.parametrize("suffix", [STRICT, FEDERATED])
async def test_a_client_gets_its_clusters_service_address(world: World, suffix: str) -> None:
    """A Service with an address is told by the address that its own cluster's API server gave it."""
    await put(world, pods_of(world, "one", headless=False))
    for member in world.plan:
        plane = server(world, member.name)
        path = f"{plane.url}/api/v1/namespaces/real/services/one"
        async with plane.session() as session, session.get(path) as response:
            own = (await response.json())["spec"]["clusterIP"]
        assert own.startswith(f"10.{member.number * 10}.")
        await settles(asked(world, f"one.real.{suffix}", member, member.zones[0]), addresses([own]))


async def test_a_label_exports_as_well(world: World) -> None:
    """The label on the Service is enough; without label and ServiceExport a Service stays at home."""
    labelled = pods_of(world, "labelled", exported=False, labels={"fedns.io/export": "true"})
    private = pods_of(world, "private", exported=False)
    await put(world, private)
    await put(world, labelled)
    eu1 = world.plan[0]
    own = addresses(labelled[eu1.name].addresses(eu1.zones[0]))
    await settles(asked(world, f"labelled.real.{STRICT}", eu1, eu1.zones[0]), own)
    assert await look(world, f"private.real.{STRICT}") == NXDOMAIN


async def test_pods_come_and_go(world: World, pods: Pods) -> None:
    """Scaling a zone, failing readiness and passing it again change what that zone's clients are told."""
    eu2 = world.plan[1]
    here, there = eu2.zones
    mine = pods[eu2.name]
    question = asked(world, f"pods.real.{FEDERATED}", eu2, here)
    mine.scale(here, 5)
    await put(world, pods)
    await settles(question, addresses(mine.addresses(here)))
    mine.scale(here, 1)
    await put(world, pods)
    await settles(question, addresses(mine.addresses(here)))
    mine.set_ready(here, False)
    await put(world, pods)
    await settles(question, addresses(mine.addresses(there)))
    mine.set_ready(here, True)
    mine.scale(here, 2)
    await put(world, pods)
    await settles(question, addresses(mine.addresses(here)))


async def test_a_deleted_service_is_gone(world: World) -> None:
    """Deleted in one member, its clients are sent to the other; deleted in both, the name does not exist."""
    doomed = pods_of(world, "doomed")
    await put(world, doomed)
    eu1, eu2 = world.plan
    zone = eu2.zones[0]
    question = asked(world, f"doomed.real.{FEDERATED}", eu2, zone)
    await settles(question, addresses(doomed[eu2.name].addresses(zone)))
    await server(world, eu2.name).delete("/api/v1/namespaces/real/services/doomed")
    await settles(question, addresses(doomed[eu1.name].addresses()))
    await server(world, eu1.name).delete("/api/v1/namespaces/real/services/doomed")
    await settles(question, NXDOMAIN)


async def test_a_killed_api_server_moves_its_clients(world: World, planes: ControlPlanes, pods: Pods) -> None:
    """After kill -9 the clients of a remote member go to the other in time, none unanswered; a restart heals."""
    eu1, eu2 = world.plan
    zone = eu2.zones[0]
    question = asked(world, f"pods.real.{FEDERATED}", eu2, zone)
    home = addresses(pods[eu2.name].addresses(zone))
    away = addresses(pods[eu1.name].addresses())
    await settles(question, home)
    await server(world, eu2.name).stop()
    try:
        assert set(await settles(question, away, STALE_SECONDS)) == {home}
    finally:
        await planes.restart(eu2.name)
        world.clusters.update(planes.servers)
    assert set(await settles(question, home, CURE_SECONDS)) <= {away}
    pods[eu2.name].scale(zone, 3)
    await put(world, pods)
    await settles(question, addresses(pods[eu2.name].addresses(zone)))


async def test_a_frozen_api_server_moves_its_clients(world: World, pods: Pods) -> None:
    """SIGSTOP: connections stay open and say nothing, and the clients are sent to the other member all the same."""
    eu1, eu2 = world.plan
    zone = eu2.zones[1]
    question = asked(world, f"pods.real.{FEDERATED}", eu2, zone)
    home = addresses(pods[eu2.name].addresses(zone))
    away = addresses(pods[eu1.name].addresses())
    await settles(question, home)
    await server(world, eu2.name).fault("freeze")
    try:
        assert set(await settles(question, away, STALE_SECONDS)) == {home}
    finally:
        await server(world, eu2.name).fault("heal")
    assert set(await settles(question, home, CURE_SECONDS)) <= {away}


async def test_the_local_api_server_is_not_its_cluster(world: World, planes: ControlPlanes, pods: Pods) -> None:
    """Without its own API server the local cluster keeps its clients, since its pods run on: marked, TTL bounded."""
    eu1, eu2 = world.plan
    zone = eu1.zones[0]
    name = f"pods.real.{FEDERATED}"
    home = addresses(pods[eu1.name].addresses(zone))
    await settles(asked(world, name, eu1, zone), home)
    await server(world, eu1.name).stop()
    try:
        await settles(lambda: _marked(world, name, eu1.source(zone)), home, STALE_SECONDS)
        other = addresses(pods[eu2.name].addresses(eu2.zones[0]))
        await settles(asked(world, name, eu2, eu2.zones[0]), other)
    finally:
        await planes.restart(eu1.name)
        world.clusters.update(planes.servers)
    await settles(asked(world, name, eu1, zone), home, CURE_SECONDS)


async def _marked(world: World, name: str, source: str) -> Seen:
    """The answer, once it says that it may be stale (EDE 3)."""
    reply = await world.ask(name, "A", source)
    if reply is None or STALE_ANSWER not in errors(reply):
        return Seen("not marked")
    assert all(record.ttl <= 5 for record in reply.message.rr)
    return seen(reply)
