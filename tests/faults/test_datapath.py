"""Data paths that fail while API servers live, and API servers that fail while data paths live, with a real fedns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from fedns.lab.processes import free_port
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World
from tests.lab.worlds import running, until

PATIENCE: Final = 30.0
NAMES: Final = ("eu1", "eu2", "us1")
Client = tuple[list[str], list[int]]


class Gateway:
    """What is probed of one member: a port that takes connections, or does not."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", self.port)

    async def close(self) -> None:
        """Refuse them."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


@asynccontextmanager
async def federation(path: Path) -> AsyncIterator[tuple[World, dict[str, Gateway]]]:
    """Three members, the first one local, each with a gateway that is probed."""
    gateways = {name: Gateway() for name in NAMES}
    for each in gateways.values():
        await each.open()
    probe = {"interval": "200ms", "timeout": "2s", "failures": 3}
    entries = {name: {"dataPath": {"tcp": f"127.0.0.1:{each.port}", **probe}} for name, each in gateways.items()}
    try:
        async with running(path, embedded=True, workers=1, entries=entries) as world:
            assert tuple(world.clusters) == NAMES
            yield world, gateways
    finally:
        for each in gateways.values():
            await each.close()


async def client(world: World, name: str) -> Client:
    """What a client beside a member is told: addresses, extended errors."""
    member = next(each for each in world.plan if each.name == name)
    reply = await world.ask(SERVICE, source=member.source(member.zones[0]))
    return ([], []) if reply is None else (sorted(addresses_of(reply)), extended_errors(reply))


async def state(world: World, name: str) -> str:
    """What fedns knows of a member."""
    reply = await world.ask(f"{name}._state.example.com", "TXT")
    return "" if reply is None else " ".join(str(each.rdata) for each in reply.message.rr)


@pytest.mark.timeout(120)
async def test_a_data_path_is_lost(tmp_path: Path) -> None:
    """A remote member with a live API server gives way, with the reason, and comes back with its gateway."""
    async with federation(tmp_path) as (world, gateways):

        async def told(*words: str) -> bool:
            found = await state(world, "us1")
            return all(word in found for word in words)

        await until(lambda: told("state=fresh", "path=up"), PATIENCE)
        before, local = await client(world, "us1"), await client(world, "eu1")
        await gateways["us1"].close()
        await until(lambda: told("state=stale", "path=down", "reason=data-path: tcp 127.0.0.1:"), PATIENCE)
        after = await client(world, "us1")
        assert after[0]
        assert not set(after[0]) & set(before[0])
        assert (after[1], await client(world, "eu1")) == ([], local)
        await gateways["us1"].open()
        await until(lambda: told("state=fresh", "path=up"), PATIENCE)
        assert await client(world, "us1") == before


@pytest.mark.timeout(120)
async def test_the_local_cluster(tmp_path: Path) -> None:
    """Its API server alone changes no order, while its gateway answers; when that is gone, too, others come first."""
    async with federation(tmp_path) as (world, gateways):
        before = (await client(world, "eu1"))[0]
        await world.clusters["eu1"].fault("partition")

        async def told(word: str) -> bool:
            return word in await state(world, "eu1")

        await until(lambda: told("state=stale"), PATIENCE)
        assert "path=up" in await state(world, "eu1")
        assert await client(world, "eu1") == (before, [3])
        await gateways["eu1"].close()
        await until(lambda: told("path=down"), PATIENCE)
        after = await client(world, "eu1")
        assert after[0]
        assert not set(after[0]) & set(before)
        await gateways["eu1"].open()
        await until(lambda: told("path=up"), PATIENCE)
        assert await client(world, "eu1") == (before, [3])


@pytest.mark.timeout(120)
async def test_all_remote_paths_at_once(tmp_path: Path) -> None:
    """API servers may be reached by another way: fedns takes itself for the one that is cut off."""
    async with federation(tmp_path) as (world, gateways):
        local = await client(world, "eu1")
        for name in ("eu2", "us1"):
            await gateways[name].close()

        async def isolated() -> bool:
            return "isolated=yes" in await state(world, "eu2")

        await until(isolated, PATIENCE)
        assert await client(world, "eu1") == local
        reply = await world.ask(f"us1.{SERVICE}")
        assert reply is not None
        assert extended_errors(reply) == [3]
