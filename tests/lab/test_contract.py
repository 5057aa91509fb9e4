"""What fedns and kubectl rely on, held to a simulated and to a real API server by the same tests."""

import asyncio

import pytest

from fedns.clusters.connect import METADATA
from tests.lab.conftest import ApiServer, Json

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

CORE, DISCOVERY, MULTICLUSTER = "/api/v1", "/apis/discovery.k8s.io/v1", "/apis/multicluster.x-k8s.io"


def service(name: str, **labels: str) -> Json:
    """A Service with one port."""
    return {"metadata": {"name": name, "labels": labels}, "spec": {"ports": [{"name": "http", "port": 80}]}}


def endpoint_slice(name: str, *addresses: str) -> Json:
    """An EndpointSlice, one endpoint per address."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "zone": "a"} for address in addresses],
        "ports": [{"name": "http", "port": 80}],
    }


async def test_service_gets_its_defaults(api_server: ApiServer) -> None:
    """A created Service comes back with an address, a family, defaults, and its identity."""
    await api_server.namespace("defaults")
    made = await api_server.make(f"{CORE}/namespaces/defaults/services", service("web"))
    spec, meta = made["spec"], made["metadata"]
    assert (made["kind"], made["apiVersion"]) == ("Service", "v1")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["type"], spec["ipFamilies"], spec["ipFamilyPolicy"]) == ("ClusterIP", ["IPv4"], "SingleStack")
    assert (spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("None", "Cluster")
    assert spec["ports"] == [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]
    assert made["status"] == {"loadBalancer": {}}
    assert meta["uid"]
    assert meta["creationTimestamp"].endswith("Z")
    assert int(meta["resourceVersion"])


async def test_headless_service_has_no_address(api_server: ApiServer) -> None:
    """ClusterIP None stays None, and such a Service needs no port."""
    await api_server.namespace("headless")
    body: Json = {"metadata": {"name": "db"}, "spec": {"clusterIP": "None"}}
    made = await api_server.make(f"{CORE}/namespaces/headless/services", body)
    assert made["spec"]["clusterIPs"] == ["None"]


async def test_list_shape_of_builtin_types(api_server: ApiServer) -> None:
    """Items of a built-in type's list carry no kind: it stands once, at the list."""
    await api_server.namespace("shape")
    await api_server.make(f"{CORE}/namespaces/shape/services", service("web"))
    found = await api_server.get(f"{CORE}/namespaces/shape/services")
    assert (found["kind"], found["apiVersion"]) == ("ServiceList", "v1")
    assert int(found["metadata"]["resourceVersion"])
    assert [("kind" in item, "apiVersion" in item) for item in found["items"]] == [(False, False)]


@pytest.mark.parametrize("version", ["v1alpha1", "v1beta1"])
async def test_custom_types_in_every_version(api_server: ApiServer, version: str) -> None:
    """A custom object is shown in the version that is asked for, in lists too."""
    name = f"versions-{version}"
    await api_server.namespace(name)
    await api_server.make(f"{MULTICLUSTER}/v1alpha1/namespaces/{name}/serviceexports", export("web"))
    found = await api_server.get(f"{MULTICLUSTER}/{version}/namespaces/{name}/serviceexports")
    assert found["kind"] == "ServiceExportList"
    assert [item["apiVersion"] for item in found["items"]] == [f"multicluster.x-k8s.io/{version}"]


def export(name: str) -> Json:
    """A ServiceExport."""
    return {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ServiceExport",
        "metadata": {"name": name},
    }


async def test_status_is_written_apart(api_server: ApiServer) -> None:
    """Status changes through /status only, and through nothing else."""
    await api_server.namespace("status")
    path = f"{MULTICLUSTER}/v1beta1/namespaces/status/serviceexports/web"
    body = export("web") | {"apiVersion": "multicluster.x-k8s.io/v1beta1", "status": {"conditions": []}}
    assert "status" not in await api_server.make(path.rpartition("/")[0], body)
    patch: Json = {"status": {"conditions": [{"type": "Valid"}]}, "metadata": {"labels": {"a": "b"}}}
    media = "application/merge-patch+json"
    assert (await api_server.call("PATCH", path, {"status": {"conditions": [1]}}, media))[1].get("status") is None
    status, shown = await api_server.call("PATCH", path + "/status", patch, media)
    assert (status, shown["status"]["conditions"]) == (200, [{"type": "Valid"}])


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ({"labelSelector": "app=a"}, ["a1", "a2"]),
        ({"labelSelector": "app!=a"}, ["b1"]),
        ({"labelSelector": "app in (b,c)"}, ["b1"]),
        ({"labelSelector": "app,!fast"}, ["a1", "b1"]),
        ({"labelSelector": "app=a,fast=yes"}, ["a2"]),
        ({"fieldSelector": "metadata.name=a1"}, ["a1"]),
        ({"fieldSelector": "metadata.name!=a1"}, ["a2", "b1"]),
        ({"fieldSelector": "metadata.name=none"}, []),
    ],
    ids=str,
)
async def test_selectors(api_server: ApiServer, selector: dict[str, str], names: list[str]) -> None:
    """Label and field selectors choose."""
    await api_server.namespace("selectors")
    path = f"{CORE}/namespaces/selectors/services"
    for each in (service("a1", app="a"), service("a2", app="a", fast="yes"), service("b1", app="b")):
        await api_server.call("POST", path, each)
    found = await api_server.get(path, **selector)
    assert [item["metadata"]["name"] for item in found["items"]] == names


async def test_pages(api_server: ApiServer) -> None:
    """A limited list goes on where it stopped, and shows the state of its first page."""
    await api_server.namespace("pages")
    path = f"{CORE}/namespaces/pages/services"
    for name in ("a", "b", "c"):
        await api_server.make(path, service(name))
    first = await api_server.get(path, limit="2")
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    await api_server.make(path, service("d"))
    rest = await api_server.get(path, limit="2", **{"continue": first["metadata"]["continue"]})
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in rest["metadata"]


async def test_cached_list_ignores_the_limit(api_server: ApiServer) -> None:
    """With resourceVersion=0 all items come, whatever the limit."""
    await api_server.namespace("cached")
    path = f"{CORE}/namespaces/cached/services"
    for name in ("a", "b", "c"):
        await api_server.make(path, service(name))
    await api_server.get(path)  # a consistent read: the cache has caught up after it
    assert len((await api_server.get(path, limit="1", resourceVersion="0"))["items"]) == 3


FAILURES = [
    pytest.param("GET", f"{CORE}/namespaces/default/services/nope", None, 404, "NotFound", id="no such object"),
    pytest.param("GET", f"{CORE}/nopes", None, 404, "NotFound", id="no such type"),
    pytest.param("POST", f"{CORE}/namespaces/nope/services", service("a"), 404, "NotFound", id="no such namespace"),
    pytest.param("POST", f"{CORE}/namespaces/default/services", service("Bad_"), 422, "Invalid", id="bad name"),
    pytest.param(
        "POST", f"{CORE}/namespaces/default/services", {"metadata": {"name": "a"}}, 422, "Invalid", id="no port"
    ),
    pytest.param(
        "POST",
        f"{DISCOVERY}/namespaces/default/endpointslices",
        {"metadata": {"name": "a"}},
        422,
        "Invalid",
        id="family",
    ),
    pytest.param("POST", f"{CORE}/namespaces/default/services/a", service("a"), 405, "MethodNotAllowed", id="method"),
    pytest.param(
        "PUT",
        f"{DISCOVERY}/namespaces/default/endpointslices/b",
        endpoint_slice("a"),
        400,
        "BadRequest",
        id="other name",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "code", "reason"), FAILURES)
async def test_failures(
    api_server: ApiServer, method: str, path: str, body: Json | None, code: int, reason: str
) -> None:
    """A refused request answers with a Status that says code and reason."""
    status, found = await api_server.call(method, path, body)
    assert (status, found["kind"], found["status"], found["code"], found["reason"]) == (
        code,
        "Status",
        "Failure",
        code,
        reason,
    )


async def test_unknown_group_is_no_path(api_server: ApiServer) -> None:
    """A group that is not served answers 404 in plain text, as a member without the MCS types does."""
    status, body = await api_server.call("GET", "/apis/nope.example.com/v1/nopes")
    assert (status, body) == (404, "404 page not found\n")


async def test_create_twice(api_server: ApiServer) -> None:
    """The second create is a 409 that names the object."""
    await api_server.namespace("twice")
    path = f"{CORE}/namespaces/twice/services"
    await api_server.make(path, service("web"))
    status, body = await api_server.call("POST", path, service("web"))
    assert (status, body["reason"], body["message"]) == (409, "AlreadyExists", 'services "web" already exists')


async def test_old_version_conflicts(api_server: ApiServer) -> None:
    """A replace that names an old resourceVersion is a 409 of reason Conflict."""
    await api_server.namespace("conflicts")
    path = f"{DISCOVERY}/namespaces/conflicts/endpointslices"
    made = await api_server.make(path, endpoint_slice("web-1", "10.1.0.1"))
    changed = made | {"endpoints": [{"addresses": ["10.1.0.2"]}]}
    assert (await api_server.call("PUT", path + "/web-1", changed))[0] == 200
    status, body = await api_server.call("PUT", path + "/web-1", changed)
    assert (status, body["reason"]) == (409, "Conflict")


async def test_write_without_change_is_no_event(api_server: ApiServer) -> None:
    """A write that changes nothing keeps the resourceVersion."""
    await api_server.namespace("quiet")
    path = f"{DISCOVERY}/namespaces/quiet/endpointslices"
    made = await api_server.make(path, endpoint_slice("web-1", "10.1.0.1"))
    _, again = await api_server.call("PUT", path + "/web-1", made)
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


PATCHES = [
    pytest.param(
        "application/json-patch+json", [{"op": "add", "path": "/metadata/labels/x", "value": "y"}], id="json patch"
    ),
    pytest.param("application/merge-patch+json", {"metadata": {"labels": {"x": "y"}}}, id="merge"),
    pytest.param("application/strategic-merge-patch+json", {"metadata": {"labels": {"x": "y"}}}, id="strategic merge"),
]


@pytest.mark.parametrize(("media", "patch"), PATCHES)
async def test_patch_formats(api_server: ApiServer, media: str, patch: Json) -> None:
    """Each format changes what it names and leaves the rest."""
    await api_server.namespace("patches")
    path = f"{CORE}/namespaces/patches/services"
    await api_server.call("POST", path, service("web", app="a"))
    status, body = await api_server.call("PATCH", path + "/web", patch, media)
    assert (status, body["metadata"]["labels"]) == (200, {"app": "a", "x": "y"})
    await api_server.call("DELETE", path + "/web")


async def test_a_list_of_metadata(api_server: ApiServer) -> None:
    """Asked so, a list has of each object its metadata alone; who understands that may say what else it takes."""
    await api_server.namespace("metadata")
    path = f"{CORE}/namespaces/metadata/services"
    made = await api_server.make(path, service("web", app="a"))
    async with api_server.session.get(api_server.url + path, headers={"Accept": METADATA}) as response:
        found = await response.json()
    assert (found["kind"], found["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    (item,) = found["items"]
    assert item.keys() == {"kind", "apiVersion", "metadata"}
    assert item["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert int(found["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])


async def test_custom_types_take_no_strategic_patch(api_server: ApiServer) -> None:
    """A strategic merge patch of a custom object is a 415."""
    await api_server.namespace("strategic")
    path = f"{MULTICLUSTER}/v1alpha1/namespaces/strategic/serviceexports"
    await api_server.make(path, export("web"))
    status, body = await api_server.call("PATCH", path + "/web", {}, "application/strategic-merge-patch+json")
    assert (status, body["reason"]) == (415, "UnsupportedMediaType")


async def test_apply_creates_and_changes(api_server: ApiServer) -> None:
    """Server-side apply answers 201 the first time and 200 after that."""
    await api_server.namespace("apply")
    path = f"{DISCOVERY}/namespaces/apply/endpointslices/web-1"
    head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
    codes: list[int] = []
    for address in ("10.1.0.1", "10.1.0.2"):
        body = head | endpoint_slice("web-1", address)
        media = "application/apply-patch+yaml"
        code, made = await api_server.call("PATCH", path, body, media, fieldManager="test", force="true")
        codes.append(code)
        assert made["endpoints"][0]["addresses"] == [address]
    assert codes == [201, 200]


async def test_delete(api_server: ApiServer) -> None:
    """A delete answers with a Status of kind Success that names the object; the next one is a 404."""
    await api_server.namespace("deletes")
    path = f"{DISCOVERY}/namespaces/deletes/endpointslices"
    made = await api_server.make(path, endpoint_slice("web-1", "10.1.0.1"))
    status, body = await api_server.call("DELETE", path + "/web-1")
    assert (status, body["status"]) == (200, "Success")
    assert body["details"]["uid"] == made["metadata"]["uid"]
    assert (await api_server.call("DELETE", path + "/web-1"))[0] == 404


async def test_access_review(api_server: ApiServer) -> None:
    """A SelfSubjectAccessReview is answered at once, in its status."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    body = {"spec": {"resourceAttributes": {"verb": "list", "resource": "services"}}}
    assert (await api_server.make(path, body))["status"]["allowed"] is True


@pytest.mark.parametrize("path", ["/readyz", "/livez"])
async def test_probes(api_server: ApiServer, path: str) -> None:
    """A healthy server says ok."""
    assert await asyncio.wait_for(api_server.call("GET", path), 10) == (200, "ok")
