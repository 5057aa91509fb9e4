"""Members: the plan is told apart by region and zone, and a simulated one can be filled and broken."""

import ssl
from pathlib import Path

import aiohttp
import pytest

from fedns.lab.members import Embedded, Security, Simulated, plan


def test_the_plan_has_two_regions_of_two_zones() -> None:
    """Names, regions, zones and client networks never meet twice."""
    members = plan(5)
    assert [member.name for member in members] == ["eu1", "eu2", "us1", "us2", "eu3"]
    assert len({member.clients(zone) for member in members for zone in member.zones}) == 10
    assert members[2].source("us-east-b") == "127.3.2.1"
    assert [each["spec"]["podCIDR"] for each in members[2].nodes()] == ["127.3.1.0/24", "127.3.2.0/24"]
    assert {(member.region, member.zones) for member in members[:2]} == {
        ("eu-west", ("eu-west-a", "eu-west-b")),
        ("eu-west", ("eu-west-c", "eu-west-d")),
    }


async def test_a_simulated_member_is_filled_broken_and_healed() -> None:
    """Objects and faults go through the side door; a frozen process says so, and goes on when healed."""
    member = await Simulated.start(plan(1)[0])
    try:
        await member.put([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}])
        await member.fault("status=503")
        async with aiohttp.ClientSession() as session:
            for expected in (503, 200):
                async with session.get(member.url + "/api/v1/namespaces/shop") as response:
                    assert response.status == expected
                await member.fault("heal")
            await member.fault("freeze")
            with pytest.raises(TimeoutError):
                await session.get(member.url + "/readyz", timeout=aiohttp.ClientTimeout(total=0.3))
            await member.fault("heal")
            async with session.get(member.url + "/readyz") as response:
                assert response.status == 200
        with pytest.raises(RuntimeError, match="unknown fault"):
            await member.fault("nonsense")
        assert member.kubeconfig()["current-context"] == "eu1"
    finally:
        await member.stop()
    with pytest.raises(RuntimeError, match="cannot be reached"):
        await member.fault("stop")


@pytest.mark.parametrize("kind", [Embedded, Simulated])
async def test_either_kind_can_be_reached_by_its_kubeconfig_only(
    kind: type[Embedded] | type[Simulated], tmp_path: Path
) -> None:
    """With TLS and a token the files lie beside the kubeconfig; objects come and go."""
    member = await kind.start(plan(1)[0], Security(directory=tmp_path, tls=True, tokens=True))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    try:
        config = member.kubeconfig()
        trust = ssl.create_default_context(cafile=config["clusters"][0]["cluster"]["certificate-authority"])
        token = Path(config["users"][0]["user"]["tokenFile"])
        assert token.parent == tmp_path
        await member.put([namespace])

        async def status() -> int:
            headers = {"Authorization": f"Bearer {token.read_text()}"}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(member.url + "/api/v1/namespaces/shop", ssl=trust) as response,
            ):
                return response.status

        assert await status() == 200
        await member.fault("rotate-token")
        await member.remove([namespace])
        assert await status() == 404
        await member.fault("status=503")
        assert await status() == 503
    finally:
        await member.stop()
