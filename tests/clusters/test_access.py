"""What fedns may do in a member, as its API server sees it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from fedns.clusters.access import missing
from fedns.clusters.connect import LostError
from fedns.federation.objects import Cluster
from fedns.lab.cluster import FakeCluster
from fedns.settings.schema import Kubeconfig, Member
from tests.clusters.scripted import Scripted
from tests.clusters.scripted import member as scripted_member


@pytest.fixture
async def server() -> AsyncIterator[FakeCluster]:
    """A simulated API server."""
    async with FakeCluster("eu1") as server:
        yield server


def member(server: FakeCluster, directory: Path) -> Member:
    """The server as a member."""
    path = server.kubeconfig(directory / "kubeconfig")
    return Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(path)))


async def test_nothing_is_missing_where_all_is_allowed(server: FakeCluster, tmp_path: Path) -> None:
    """A server that allows everything has nothing to tell."""
    assert await missing(member(server, tmp_path)) == []


async def test_what_is_forbidden_is_named(server: FakeCluster, tmp_path: Path) -> None:
    """One sentence for each verb and resource that the server refuses."""
    await server.fault("status=403@endpointslices")
    found = await missing(member(server, tmp_path))
    assert [sentence.partition(":")[0] for sentence in found] == [
        "may not list endpointslices",
        "may not watch endpointslices",
    ]


async def test_what_is_asked_for_must_be_allowed(server: FakeCluster, tmp_path: Path) -> None:
    """Namespaces are optional until they are required; nodes are followed where they are asked for only."""
    await server.fault("status=403@namespaces")
    await server.fault("status=403@nodes")
    asked = member(server, tmp_path)
    assert await missing(asked) == []
    wanted = structs.replace(asked, namespace_annotations="required", nodes=True)
    assert [sentence.partition(":")[0] for sentence in await missing(wanted)] == [
        f"may not {verb} {kind}" for kind in ("namespaces", "nodes") for verb in ("list", "watch")
    ]


async def test_a_server_that_cannot_be_asked(script: Scripted, tmp_path: Path) -> None:
    """Whatever goes wrong on the way is one reason in words."""
    with pytest.raises(LostError, match="HTTP 405"):
        await missing(scripted_member(script.url, tmp_path))
    with pytest.raises(LostError, match="Cannot connect"):
        await missing(scripted_member("http://127.0.0.1:1", tmp_path))


async def test_credentials_that_cannot_be_read(tmp_path: Path) -> None:
    """They are told as of a feed."""
    lost = Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(tmp_path / "none")))
    with pytest.raises(LostError, match="credentials: kubeconfig: cannot read"):
        await missing(lost)
