"""Cold starts: a restart knows what was known, marked; one that knows nothing says so and never that a name is not."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from fedns.client import Reply
from fedns.lab.processes import free_port
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
