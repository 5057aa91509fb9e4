"""Where clients are, and what namespaces and Services ask for, as real API servers tell it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from fedns.lab.world import World
from tests.real.asking import CHANGE_SECONDS, NODATA, Seen, addresses, look, settles
from tests.real.test_follow import pods_of, put, server
from tests.real.test_member import Held, deployment, followed

if TYPE_CHECKING:
    from fedns.lab.kinds import Json

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


async def becomes(found: Callable[[], Awaitable[str]], words: str) -> None:
    """Wait until a text has these words, not for ever."""
    started = monotonic()
    while words not in (told := await found()):
        assert monotonic() - started < CHANGE_SECONDS, f"{words} is not in {told}"
        await asyncio.sleep(0.05)


def whoami(world: World, source: str) -> Callable[[], Awaitable[str]]:
    """What a client is told of itself."""

    async def ask() -> str:
        reply = await world.ask("_whoami.example.com", "TXT", source)
        return " ".join(str(record.rdata) for record in reply.message.rr) if reply is not None else ""

    return ask


async def test_clients_are_where_their_nodes_are(world: World) -> None:
    """By the podCIDR of a Node, in the zone of its label, whatever its status says meanwhile; and when that moves."""
    eu1 = world.plan[0]
    node, zone = eu1.nodes()[1], eu1.zones[1]
    told = whoami(world, eu1.source(zone))
    await becomes(told, f"rule=node node-{zone}")
    assert f"zone={zone} " in await told()
    beat = {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]}
    await server(world, eu1.name).put([node | {"status": beat}])
    moved: Json = node | {"metadata": node["metadata"] | {"labels": {"topology.kubernetes.io/zone": "elsewhere"}}}
    await server(world, eu1.name).put([moved])
    await becomes(told, "zone=elsewhere ")
    await server(world, eu1.name).put([node])
    await becomes(told, f"zone={zone} ")


async def test_a_namespace_narrows_its_services(world: World) -> None:
    """An annotation that nobody meets empties every answer from that namespace, and gives it back when it goes."""
    made = pods_of(world, "pods")
    for each in made.values():
        each.namespace = "narrow"
    await put(world, made)
    eu1 = world.plan[0]
    source = eu1.source(eu1.zones[0])
    own = addresses(made[eu1.name].addresses(eu1.zones[0]))

    def question() -> Awaitable[Seen]:
        return look(world, "pods.narrow.myfed.svc.example.com", source)

    await settles(question, own)
    space: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "narrow"}}
    noted = space | {"metadata": space["metadata"] | {"annotations": {"fedns.io/jurisdictions": "moon"}}}
    await server(world, "eu2").put([noted])
    await settles(question, NODATA)
    await server(world, "eu2").put([space | {"metadata": space["metadata"] | {"annotations": {}}}])
    await settles(question, own)


async def test_traffic_and_hints_are_read(world: World, tmp_path: Path) -> None:
    """What a Service says of its traffic, and hints of its endpoints, arrive as a real API server keeps them."""
    hinted = deployment("hinted", exported=False)
    space, service, piece = hinted.objects()
    service["spec"]["trafficDistribution"] = "PreferClose"
    piece["endpoints"][0]["hints"] = {"forZones": [{"name": "y"}]}
    await server(world, "eu2").put([space, service, piece])
    async with followed(server(world, "eu2"), tmp_path / "kubeconfig") as held:
        assert isinstance(held, Held)
        found = held.exports["feed", "hinted"]
        assert found.traffic == "PreferSameZone"
        assert [each.hinted for part in found.slices for each in part.endpoints()] == [("y",)]
