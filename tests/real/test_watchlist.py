"""A real API server gives its objects in the stream where its etcd can tell how far it is, and in a list elsewhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fedns.lab.processes import free_port
from tests.real.asking import Asker
from tests.real.binaries import old_etcd
from tests.real.siege import MEMBER, ONCE, Services, Siege, told

CURE_SECONDS = 45.0
pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]


@pytest_asyncio.fixture(loop_scope="session")
async def old(control_plane: Path, tmp_path: Path) -> AsyncIterator[Siege]:
    """A member on an etcd that cannot tell how far its watch is (no RequestWatchProgress)."""
    folder = tmp_path / "binaries"
    folder.mkdir()
    (folder / "etcd").symlink_to(old_etcd())
    (folder / "kube-apiserver").symlink_to(control_plane / "kube-apiserver")
    async with Siege(tmp_path / "old", folder, free_port()) as made:
        yield made


async def modes(siege: Siege) -> set[str]:
    """How the streams of the member are read."""
    return {stream["mode"] for stream in (await siege.member())["streams"]}


async def forget(siege: Siege, services: Services, asker: Asker) -> int:
    """Have the server forget every version while it is away; how much it had been asked before it came back."""
    await siege.server.stop()
    after = await siege.change(services, asker)
    await siege.planes.etcd.compact()
    since = len(siege.asked())
    await siege.planes.restart(MEMBER)
    await asker.becomes(after, CURE_SECONDS)
    await siege.turns("fresh")
    return since


async def test_objects_come_in_the_stream(siege: Siege, asker: Asker, services: Services) -> None:
    """A start lists every resource, which is faster; later a server of today tells all objects in the watch."""
    await asker.becomes(await siege.change(services, asker))
    first = [each for each in siege.asked() if each.whole][: len(ONCE)]
    assert {each.resource for each in first} == ONCE.keys()
    assert {each.verb for each in first} == {"list"}
    since = await forget(siege, services, asker)
    assert {each.verb for each in siege.asked(since) if each.whole} == {"watch"}
    assert "watchlist" in await modes(siege)


async def test_an_old_etcd_is_listed(old: Siege) -> None:
    """The refusal, code 500 inside a 200 stream, leads to lists at once; changes then come as ever."""
    services = Services("old")
    await old.put(services.steady, services.scaled, services.doomed)
    async with Asker(old) as asker:
        await asker.becomes(told(services.steady, services.scaled, services.doomed))
        since = await forget(old, services, asker)
        assert {each.resource for each in old.asked(since) if each.whole and each.verb == "list"} == ONCE.keys()
        assert await modes(old) == {"list"}
        assert {each.resource for each in old.asked() if each.whole and each.verb == "list"} == ONCE.keys()
        await old.turns("fresh")
