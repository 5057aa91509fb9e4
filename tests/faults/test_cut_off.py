"""Members that go, one, half or all at once: who leaves the answers, who expires, and who says that it is cut off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from fedns.lab.checker import Checker
from fedns.lab.oracle import Kind
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World
from tests.lab.worlds import running, until

FRESHNESS: Final = {
    "probeInterval": "500ms",
    "probeTimeout": "500ms",
    "suspectAfter": "1s",
    "staleAfter": "2s",
    "expireAfter": "3s",
    "recoverAfter": "1s",
}
STALE: Final = 3
PATIENCE: Final = 30.0
EXPIRY_SECONDS: Final = 3.5


@asynccontextmanager
async def federation(path: Path, remote: int = 3) -> AsyncIterator[tuple[World, Checker]]:
    """One local member and some remote ones, which expire soon, with the checker at work."""
    settings = {"freshness": FRESHNESS}
    async with (
        running(path, members=1 + remote, workers=1, embedded=True, settings=settings) as world,
        world.checker(limit=15.0) as checker,
    ):
        yield world, checker


async def state(world: World, name: str) -> str:
    """What fedns knows of a member, as one line."""
    reply = await world.ask(f"{name}._state.example.com", "TXT")
    return "" if reply is None else str(reply.message.rr[0].rdata)


async def break_all(world: World, names: tuple[str, ...], verb: str) -> None:
    """The same fault for each."""
    for name in names:
        await world.clusters[name].fault(verb)


async def told(world: World, names: tuple[str, ...], words: str) -> bool:
    """Whether each of these is told of in these words."""
    return all([words in await state(world, name) for name in names])


async def client(world: World, name: str) -> tuple[list[str], list[int]]:
    """What a client beside a member is told: addresses, extended errors."""
    member = next(each for each in world.plan if each.name == name)
    reply = await world.ask(SERVICE, source=member.source(member.zones[0]))
    assert reply is not None
    return sorted(addresses_of(reply)), extended_errors(reply)


@pytest.mark.timeout(150)
async def test_one_of_three_goes(tmp_path: Path) -> None:
    """It leaves the answers, expires, and comes back; nobody takes fedns for cut off."""
    async with federation(tmp_path) as (world, checker):
        before = await client(world, "us1")
        await break_all(world, ("us1",), "partition")

        async def gone() -> bool:
            addresses, errors = await client(world, "us1")
            return bool(addresses) and not set(addresses) & set(before[0]) and not errors

        await until(gone, PATIENCE)
        await until(lambda: told(world, ("us1",), "state=expired"), PATIENCE)
        assert "isolated" not in await state(world, "us2")
        await break_all(world, ("us1",), "heal")

        async def back() -> bool:
            return await client(world, "us1") == before

        await until(back, PATIENCE)
    assert not checker.wrong, checker.wrong[:3]
    assert checker.counts[Kind.CORRECT] > 10


@pytest.mark.timeout(150)
async def test_all_go_at_once(tmp_path: Path) -> None:
    """Local answers are as ever; what was known of the others is kept, marked, and never expires; then all is well."""
    async with federation(tmp_path) as (world, checker):
        names = ("eu2", "us1", "us2")
        local = await client(world, "eu1")
        remote = {name: await _of(world, name) for name in names}
        await break_all(world, names, "partition")
        await until(lambda: told(world, names, "state=stale"), PATIENCE)
        await until(lambda: told(world, names, "isolated=yes"), PATIENCE)
        # They would expire now, if it were they that had gone: look all the while.
        end = monotonic() + EXPIRY_SECONDS
        while monotonic() < end:
            assert await told(world, names, "state=stale")
            assert await client(world, "eu1") == local
            for name in names:
                assert await _of(world, name) == (remote[name][0], [STALE])
        await break_all(world, names, "heal")
        await until(lambda: told(world, names, "state=fresh"), PATIENCE)
        assert "isolated" not in await state(world, names[0])
        assert {name: await _of(world, name) for name in names} == remote
    assert not checker.wrong, checker.wrong[:3]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("remote", [1, 2])
async def test_all_of_few_go_at_once(tmp_path: Path, remote: int) -> None:
    """The one of one, and both of two, are never given up: fedns cannot tell that from being cut off itself."""
    async with federation(tmp_path, remote) as (world, checker):
        names = tuple(world.clusters)[1:]
        await break_all(world, names, "partition")
        await until(lambda: told(world, names, "isolated=yes"), PATIENCE)
        end = monotonic() + EXPIRY_SECONDS
        while monotonic() < end:
            assert await told(world, names, "state=stale")
        await break_all(world, names, "heal")
        await until(lambda: told(world, names, "state=fresh"), PATIENCE)
        assert "isolated" not in await state(world, names[0])
    assert not checker.wrong, checker.wrong[:3]


async def _of(world: World, name: str) -> tuple[list[str], list[int]]:
    """What is told of one member's own pods."""
    reply = await world.ask(f"{name}.{SERVICE}")
    assert reply is not None
    return sorted(addresses_of(reply)), extended_errors(reply)
