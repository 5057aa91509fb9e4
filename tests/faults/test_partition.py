"""Packets that are lost without a word: members that are cut off leave the answers, those on a bad line stay."""

import asyncio
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from fedns.lab import network
from fedns.lab.members import Member
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World
from tests.lab.worlds import running, until

PATIENCE: Final = 45.0
LOSS_PERCENT: Final = 30
LOSS_SECONDS: Final = 12.0
"""Longer than a member may be silent here: were all of its packets lost, it would be gone."""
BAD_LINE: Final = {"probeInterval": "500ms", "probeTimeout": "2s", "suspectAfter": "9s", "staleAfter": "10s"}


@pytest.fixture(autouse=True)
async def nft() -> None:
    """Skip the test where packets cannot be lost."""
    if not await network.possible():
        pytest.skip("nft may not be used here: cuts need CAP_NET_ADMIN")


def port(world: World, member: Member) -> int:
    """That of its API server."""
    return int(world.clusters[member.name].url.rpartition(":")[2])


def pods(world: World, *members: Member) -> set[str]:
    """All that these have."""
    return {address for member in members for address in world.deployments[member.name].addresses()}


async def told(world: World, member: Member) -> tuple[set[str], list[int]]:
    """What a client beside a member is told: addresses, extended errors."""
    reply = await world.ask(SERVICE, source=member.source(member.zones[0]))
    return (set(), []) if reply is None else (set(addresses_of(reply)), extended_errors(reply))


async def given(world: World, client: Member, *givers: Member) -> bool:
    """Whether a client is told of pods of these members only, unmarked."""
    addresses, errors = await told(world, client)
    return bool(addresses) and addresses <= pods(world, *givers) and not errors


async def changes(world: World, member: Member) -> int:
    """How often the state of a member has changed."""
    url = f"http://127.0.0.1:{world.http_port}/api/v1/clusters"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        clusters = (await response.json())["clusters"]
    return next(int(each["stateChanges"]) for each in clusters if each["name"] == member.name)


@pytest.mark.timeout(150)
async def test_half_of_the_members_are_cut_off(tmp_path: Path) -> None:
    """Their clients go to the others, unmarked, and nobody else notices; mended, all is as before."""
    async with running(tmp_path, members=4) as world:
        eu1, eu2, *lost = world.plan
        for member in world.plan:
            await until(lambda member=member: given(world, member, member), PATIENCE)
        for member in lost:
            await world.cuts.cut(port(world, member))
        for member in lost:
            await until(lambda member=member: given(world, member, eu1, eu2), PATIENCE)
        assert await given(world, eu1, eu1)
        for member in lost:
            await world.cuts.mend(port(world, member))
        for member in world.plan:
            await until(lambda member=member: given(world, member, member), PATIENCE)


@pytest.mark.timeout(150)
async def test_a_bad_line_makes_nobody_flap(tmp_path: Path) -> None:
    """Three packets of ten are lost for longer than a member may be silent, and its state never changes."""
    async with running(tmp_path, members=2, settings={"freshness": BAD_LINE}) as world:
        eu2 = world.plan[1]
        await until(lambda: given(world, eu2, eu2), PATIENCE)
        before = await changes(world, eu2)
        await world.cuts.cut(port(world, eu2), LOSS_PERCENT)
        await asyncio.sleep(LOSS_SECONDS)
        assert await given(world, eu2, eu2)
        assert await changes(world, eu2) == before
