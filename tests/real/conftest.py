"""The real tier's world: real API servers that fedns follows, started once for all tests that need them.

The binaries come from KUBEBUILDER_ASSETS, else from the cache of `tests.real.build`, else Go builds them; where none of
these is possible every test is skipped, and says what is missing. One world serves all tests: each uses names of its
own and puts right what it broke.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fedns.lab.processes import free_port
from fedns.lab.real import ControlPlanes, assets
from fedns.lab.world import World
from tests.real.asking import Asker
from tests.real.binaries import binaries
from tests.real.siege import Services, Siege, told


@pytest.fixture(scope="session")
def coredns() -> Path:
    """The CoreDNS binary."""
    return binaries(("coredns",)) / "coredns"


@pytest.fixture(scope="session")
def control_plane() -> Path:
    """The folder of etcd and kube-apiserver."""
    return binaries(("etcd", "kube-apiserver"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ground(control_plane: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Two real members, eu1 and eu2, that nobody follows yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEBUILDER_ASSETS", str(control_plane))
        assert assets() == control_plane
        directory = tmp_path_factory.mktemp("real")
        async with World(directory, real=("eu1", "eu2"), members=2, port=free_port(), freshness="fast") as world:
            yield world


@pytest.fixture(scope="session")
def planes(ground: World) -> ControlPlanes:
    """The control planes of the two members: how one is started again."""
    assert ground._planes is not None
    return ground._planes


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(ground: World) -> World:
    """The two members with the lab's service each, and a fedns that follows them and answers."""
    await ground.deploy()
    await ground.serve()
    return ground


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def siege(control_plane: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Siege]:
    """One real member to break, and the fedns that follows it."""
    async with Siege(tmp_path_factory.mktemp("siege"), control_plane, free_port()) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def services(siege: Siege, request: pytest.FixtureRequest) -> Services:
    """Services of this test's own, that fedns tells of."""
    made = Services("".join(char if char.isalnum() else "-" for char in request.node.name[-40:]).strip("-"))
    await siege.put(made.steady, made.scaled, made.doomed)
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def asker(siege: Siege, services: Services) -> AsyncIterator[Asker]:
    """Asks for this test's services all the while: no answer may be wrong from the first right one to the end."""
    await siege.turns("fresh")
    async with Asker(siege) as made:
        await made.becomes(told(services.steady, services.scaled, services.doomed))
        yield made
