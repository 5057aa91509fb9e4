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
from tests.real.binaries import binaries


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
        async with World(directory, real=True, members=2, port=free_port(), freshness="fast") as world:
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
