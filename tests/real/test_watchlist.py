"""A real API server gives its objects in the stream where its etcd can tell how far it is, and in a list elsewhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fedns.lab.processes import free_port
from tests.real.asking import Asker
from tests.real.binaries import old_etcd
from tests.real.siege import ONCE, Services, Siege, told

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


async def test_objects_come_in_the_stream(siege: Siege, asker: Asker, services: Services) -> None:
    """A first reading of a server of today is a WatchList of every resource, and no list at all."""
    await asker.becomes(await siege.change(services, asker))
    first = [each for each in siege.asked() if each.whole][: len(ONCE)]
    assert {each.resource for each in first} == ONCE.keys()
    assert {each.verb for each in first} == {"watch"}


async def test_an_old_etcd_is_listed(old: Siege) -> None:
    """The refusal, code 500 inside a 200 stream, leads to lists at once; changes then come as ever."""
    services = Services("old")
    await old.put(services.steady, services.scaled, services.doomed)
    async with Asker(old) as asker:
        await asker.becomes(told(services.steady, services.scaled, services.doomed))
        await asker.becomes(await old.change(services, asker))
        assert await modes(old) == {"list"}
        assert {each.resource for each in old.asked() if each.whole and each.verb == "list"} == ONCE.keys()
        await old.turns("fresh")
