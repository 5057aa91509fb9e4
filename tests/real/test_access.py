"""What fedns needs of a real API server: a verified certificate, and rights to list and watch, no more."""

import json
import ssl
from pathlib import Path

import aiohttp
import pytest
from msgspec import structs

from fedns.clusters.connect import LostError, RefusedError, Timeouts, connect
from fedns.federation.objects import Cluster
from fedns.lab.real import READER_TOKEN, Server
from fedns.lab.world import World
from fedns.settings.schema import Kubeconfig, Member

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
EXPORTS = "/apis/multicluster.x-k8s.io/v1alpha1/serviceexports"


def member(server: Server, path: Path) -> Member:
    """A member of the configuration that reads its credentials from `path`, where a reader's kubeconfig is put."""
    path.write_text(json.dumps(server.kubeconfig()))
    return Member(cluster=Cluster(name=server.name), kubeconfig=Kubeconfig(path=str(path)))


def eu1(world: World) -> Server:
    """The first member's API server."""
    server = world.clusters["eu1"]
    assert isinstance(server, Server)
    return server


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/services", 200),
        ("GET", SLICES, 200),
        ("GET", EXPORTS, 200),
        ("GET", "/api/v1/services?watch=1&timeoutSeconds=1", 200),
        ("GET", "/readyz", 200),
        ("POST", SERVICES, 403),
        ("PATCH", f"{SERVICES}/kubernetes", 403),
        ("DELETE", f"{SERVICES}/kubernetes", 403),
        ("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", 403),
        ("GET", "/api/v1/secrets", 403),
        ("GET", f"{SERVICES}/kubernetes", 403),
    ],
)
async def test_the_reader_may_list_and_watch_only(ground: World, method: str, path: str, status: int) -> None:
    """The token that fedns is given reads what fedns follows, and can change nothing."""
    server = eu1(ground)
    headers = {"Authorization": f"Bearer {READER_TOKEN}"}
    if method == "PATCH":
        headers["Content-Type"] = "application/merge-patch+json"
    body = b"{}" if method in {"POST", "PATCH"} else None
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(server.ca)))
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector) as session,
        session.request(method, server.url + path, data=body) as response,
    ):
        assert response.status == status, await response.text()


async def test_a_verified_certificate_is_enough(ground: World, tmp_path: Path) -> None:
    """With the member's own CA the connection stands, and says so by the API server's own words."""
    connection = await connect(member(eu1(ground), tmp_path / "kubeconfig"))
    try:
        async with connection.get("/readyz", [], Timeouts(total=5.0)) as reply:
            assert await reply.body(100) == b"ok"
    finally:
        await connection.close()


async def test_a_foreign_certificate_is_no_connection(ground: World, tmp_path: Path) -> None:
    """An API server whose certificate the configured CA did not sign gets no token and no trust."""
    other = ground.clusters["eu2"]
    assert isinstance(other, Server)
    impostor = structs.replace(eu1(ground), ca=other.ca)
    connection = await connect(member(impostor, tmp_path / "kubeconfig"))
    try:
        with pytest.raises(LostError, match="certificate verify failed"):
            async with connection.get("/readyz", [], Timeouts(total=5.0)):
                pass
    finally:
        await connection.close()


async def test_a_token_without_rights_is_refused(ground: World, tmp_path: Path) -> None:
    """A token that the API server does not know is a refusal with its status, never an empty list."""
    path = tmp_path / "kubeconfig"
    entry = member(eu1(ground), path)
    path.write_text(json.dumps(eu1(ground).kubeconfig("stranger")))
    connection = await connect(entry)
    try:
        with pytest.raises(RefusedError) as refused:
            async with connection.get("/api/v1/services", [], Timeouts(total=5.0)):
                pass
    finally:
        await connection.close()
    assert refused.value.status == 401
