"""A real API server dies, freezes, goes silent or refuses, while the world goes on: no answer is ever wrong."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import pytest

from fedns.lab.real import Server
from tests.real import flows
from tests.real.asking import STALE_ANSWER, Asker, Seen, errors
from tests.real.siege import ACCOUNT, BINDINGS, MEMBER, ONCE, Services, Siege, name_of

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

CURE_SECONDS = 45.0
HALF_OPEN_SECONDS = 45.0
"""A stream of 4 s at most, 5 s of grace, a pause, and a busy machine."""


async def last_copy(siege: Siege, services: Services) -> None:
    """The member turns stale, and its last copy is what is told: marked, and not for long."""
    await siege.turns("stale")
    for each in (services.steady, services.scaled, services.doomed):
        reply = await siege.ask(name_of(each))
        assert reply is not None
        assert STALE_ANSWER in errors(reply)
        assert {record.ttl <= 5 for record in reply.message.rr} == {True}


async def healed(siege: Siege, asker: Asker, after: Mapping[str, Seen]) -> None:
    """From the cure on: right answers, and a member that is fresh; say how long both took."""
    cure = monotonic()
    await asker.becomes(after, CURE_SECONDS)
    right = monotonic() - cure
    async with asyncio.timeout(CURE_SECONDS):
        await siege.turns("fresh")
    fresh = monotonic() - cure
    print(f"right {right:.1f} s after the cure (half a second of it asking), fresh {fresh:.1f} s after")  # noqa: T201


async def test_killed_and_restarted(siege: Siege, asker: Asker, services: Services) -> None:
    """After kill -9 the last copy stays; what another API server was told meanwhile comes with the restart."""
    await siege.server.stop()
    after = await siege.change(services, asker)
    await last_copy(siege, services)
    await siege.planes.restart(MEMBER)
    await healed(siege, asker, after)


async def test_frozen(siege: Siege, asker: Asker, services: Services) -> None:
    """SIGSTOP leaves connections open and silent: it is found, and healed once the server goes on."""
    await siege.server.fault("freeze")
    try:
        after = await siege.change(services, asker)
        await last_copy(siege, services)
    finally:
        await siege.server.fault("heal")
    await asker.becomes(after, CURE_SECONDS)


@pytest.mark.parametrize("streams_only", [True, False], ids=["streams", "all"])
async def test_half_open(siege: Siege, asker: Asker, services: Services, *, streams_only: bool) -> None:
    """Established connections lose every packet and say nothing: new ones go on from there, and nothing is listed.

    Once only the streams are dead while the probe goes on, once everything that was open.
    """
    flows.needed()
    since = len(siege.asked())
    async with flows.dropped(siege.server_pid, port(siege.server), quiet_only=streams_only):
        after = await siege.change(services, asker)
        await asker.becomes(after, HALF_OPEN_SECONDS)
    assert not siege.readings(since)


async def test_compacted_while_cut_off(siege: Siege, asker: Asker, services: Services) -> None:
    """Its version is gone (410) when fedns comes back: one whole reading of each resource tells all, deletes too."""
    await siege.server.stop()
    after = await siege.change(services, asker)
    await siege.planes.etcd.compact()
    since = len(siege.asked())
    await siege.planes.restart(MEMBER)
    await healed(siege, asker, after)
    await siege.reads(since, ONCE)


async def test_compacted_while_frozen(siege: Siege, asker: Asker, services: Services) -> None:
    """A server that stood still while etcd forgot has lost its own place there, and breaks every stream."""
    await siege.server.fault("freeze")
    try:
        after = await siege.change(services, asker)
        await siege.turns("stale")
        await siege.planes.etcd.compact()
    finally:
        await siege.server.fault("heal")
    await healed(siege, asker, after)


async def test_rights_taken_and_given_back(siege: Siege, asker: Asker, services: Services) -> None:
    """Without rights nothing is empty: the member turns stale and says why; it heals soon after the cure."""
    await siege.spare.delete(f"{BINDINGS}/{ACCOUNT}")
    try:
        await siege.turns("stale", "HTTP 403")
        await last_copy(siege, services)
        after = await siege.change(services, asker)
        assert (await siege.member())["services"] >= 3
    finally:
        await siege.bind()
    await healed(siege, asker, after)


def port(server: Server) -> int:
    """Where it listens."""
    return int(server.url.rpartition(":")[2])
