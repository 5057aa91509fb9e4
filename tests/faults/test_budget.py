"""The failover budget, with a real fedns: a silent member is held, marked, and given up when somebody confirms it."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import click
import pytest

from fedns.cli.held import fetch, order
from fedns.lab.processes import serving
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World
from tests.lab.worlds import running, until

PATH = "/api/v1/failover"
STALE_ANSWER = 3
PATIENCE = 30.0


async def client(world: World) -> tuple[list[str], list[int], bool]:
    """What a client beside us1 is told: addresses, extended errors, and whether it may keep them for 5 s at most."""
    member = next(each for each in world.plan if each.name == "us1")
    reply = await world.ask(SERVICE, source=member.source(member.zones[0]))
    assert reply is not None
    return sorted(addresses_of(reply)), extended_errors(reply), max(each.ttl for each in reply.message.rr) <= 5


@pytest.mark.timeout(150)
async def test_held_until_confirmed(tmp_path: Path) -> None:
    """Its addresses stay while it is silent, over restarts of worker and control process; then others answer."""
    settings: dict[str, Any] = {"failover": {"budget": 0.1, "window": "1m"}}
    async with running(tmp_path, members=3, workers=1, embedded=True, settings=settings) as world:
        own, errors, _ = await client(world)
        assert errors == []
        await world.clusters["us1"].fault("partition")

        async def held() -> bool:
            return await client(world) == (own, [STALE_ANSWER], True)

        await until(held, PATIENCE)
        for name in ("fedns.servers.worker", "fedns.control"):
            (gone,) = serving(world.server_pid, name)
            os.kill(gone, signal.SIGKILL)
            await until(lambda name=name, gone=gone: serving(world.server_pid, name) not in ([], [gone]), PATIENCE)
            await until(held, PATIENCE)
        url = f"http://127.0.0.1:{world.http_port}"

        async def known() -> bool:
            """The new control process has its pages, and knows that it does not know us1."""
            with contextlib.suppress(click.ClickException):
                return b'"cluster": "us1"' in await asyncio.to_thread(fetch, url, PATH)
            return False

        await until(known, PATIENCE)
        assert await held()
        await asyncio.to_thread(order, url, PATH, "POST", {"cluster": "us1"})

        async def moved() -> bool:
            addresses, errors, _ = await client(world)
            return bool(addresses) and not set(addresses) & set(own) and not errors

        await until(moved, PATIENCE)
        await world.clusters["us1"].fault("heal")

        async def back() -> bool:
            return await client(world) == (own, [], True)

        await until(back, PATIENCE)
