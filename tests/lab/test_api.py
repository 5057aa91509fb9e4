"""The HTTP face: paths, formats and faults (what both kinds of server promise stands in test_contract)."""

import io

import aiohttp
import pytest

from fedns.lab.api import parse_path
from fedns.lab.cluster import FakeCluster
from fedns.lab.crds import definitions
from fedns.lab.kinds import SERVICE_EXPORTS, SERVICES
from tests.lab.conftest import ApiServer

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/services", ("services", "", "", "")),
        ("/api/v1/namespaces", ("namespaces", "", "", "")),
        ("/api/v1/namespaces/shop", ("namespaces", "", "shop", "")),
        ("/api/v1/namespaces/shop/status", ("namespaces", "", "shop", "status")),
        ("/api/v1/namespaces/shop/services", ("services", "shop", "", "")),
        ("/api/v1/namespaces/shop/services/web", ("services", "shop", "web", "")),
        ("/api/v1/namespaces/shop/services/web/status", ("services", "shop", "web", "status")),
        ("/apis/discovery.k8s.io/v1/endpointslices", ("endpointslices", "", "", "")),
        ("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/web/status", None),
        ("/apis/discovery.k8s.io/v2/endpointslices", None),
        ("/api/v1/services/web", None),
        ("/api/v1/namespaces/shop/nodes", None),
        ("/api/v1", None),
        ("/version", None),
    ],
)
def test_paths(path: str, found: tuple[str, str, str, str] | None) -> None:
    """A path names a type, a namespace, an object and a subresource, or no resource at all."""
    target = parse_path(path)
    assert (target and (target.kind.plural, target.namespace, target.name, target.sub)) == found


async def test_tables_on_request(cluster: FakeCluster, server: ApiServer) -> None:
    """Kubectl's Accept header gets a Table, anything unknown a 406."""
    cluster.store.apply(SERVICE)
    url = server.url + "/api/v1/services"
    wanted = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    async with server.session.get(url, headers={"Accept": wanted}) as response:
        assert (await response.json())["kind"] == "Table"
    async with server.session.get(url, headers={"Accept": "application/vnd.kubernetes.protobuf"}) as response:
        assert response.status == 406


async def test_member_without_multicluster_types(cluster: FakeCluster, server: ApiServer) -> None:
    """Without its definition a custom type is no path; with it again, it is served at once."""
    path = "/apis/multicluster.x-k8s.io/v1alpha1/serviceexports"
    export = {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceExport", "metadata": {"name": "a"}}
    cluster.store.apply(export)
    for definition in definitions():
        cluster.store.remove(definition)
    assert await server.call("GET", path) == (404, "404 page not found\n")
    assert cluster.store.find(SERVICE_EXPORTS, "default", "a") is None
    for definition in definitions():
        cluster.store.apply(definition)
    assert (await server.get(path))["items"] == []


async def test_large_lists_are_gzipped(cluster: FakeCluster, server: ApiServer) -> None:
    """A list above 128 KiB is gzipped for who asks so, and only then."""
    for at in range(400):
        cluster.store.apply(SERVICE | {"metadata": {"name": f"a{at}"}})
    for encoding, found in (("gzip", "gzip"), ("identity", None)):
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            headers = {"Accept-Encoding": encoding}
            async with session.get(server.url + "/api/v1/services", headers=headers) as response:
                assert response.headers.get("Content-Encoding") == found


@pytest.mark.parametrize(
    ("body", "media", "code"),
    [(b"{", "application/json", 400), (b"{}", "text/csv", 415), (b"[]", "application/json", 400)],
)
async def test_bad_bodies(server: ApiServer, body: bytes, media: str, code: int) -> None:
    """A body that cannot be read is refused with the code that says why."""
    url = server.url + "/api/v1/namespaces/default/services"
    async with server.session.post(url, data=body, headers={"Content-Type": media}) as response:
        assert response.status == code


async def test_too_large_a_body(server: ApiServer) -> None:
    """More than 3 MiB is a 413."""
    content = io.BytesIO(b" " * 4_000_000)
    async with server.session.post(server.url + "/api/v1/namespaces", data=content) as response:
        assert (response.status, (await response.json())["reason"]) == (413, "RequestEntityTooLarge")


async def test_forbidden_resource(cluster: FakeCluster, server: ApiServer) -> None:
    """A 403 fault on one type shows in its lists and in access reviews, and nowhere else."""
    await cluster.fault("status=403@endpointslices")
    assert (await server.call("GET", "/apis/discovery.k8s.io/v1/endpointslices"))[0] == 403
    assert (await server.call("GET", "/api/v1/services"))[0] == 200
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    for resource, allowed in (("endpointslices", False), ("services", True)):
        body = {"spec": {"resourceAttributes": {"verb": "list", "resource": resource}}}
        assert (await server.make(path, body))["status"]["allowed"] is allowed


async def test_put_creates_services_only(server: ApiServer, cluster: FakeCluster) -> None:
    """PUT of a missing Service makes it, of a missing slice is a 404."""
    assert (await server.call("PUT", "/api/v1/namespaces/default/services/a", SERVICE))[0] == 201
    assert cluster.store.find(SERVICES, "default", "a") is not None
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/a"
    assert (await server.call("PUT", path, {"metadata": {"name": "a"}, "addressType": "IPv4"}))[0] == 404
