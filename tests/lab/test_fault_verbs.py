"""Each fault of an API server, as a client meets it on the wire."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from fedns.lab import crds
from fedns.lab.cluster import FakeCluster
from fedns.lab.kinds import CRDS, SERVICES, Json
from tests.lab.conftest import ApiServer

PATH = "/api/v1/services"
WATCH_LIST: dict[str, Any] = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
EXPORTS = "/apis/multicluster.x-k8s.io/v1beta1/serviceexports"


def service(name: str) -> Json:
    """A service."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"clusterIP": "None"}}


@pytest.fixture(autouse=True)
def four(cluster: FakeCluster) -> None:
    """Four services are there."""
    for name in ("a", "b", "c", "d"):
        cluster.store.apply(service(name))


def names(found: Json) -> list[str]:
    """The objects of a list."""
    return [item["metadata"]["name"] for item in found["items"]]


async def raw(server: ApiServer, **params: str) -> bytes:
    """The bytes of a reply, unpacked by nobody."""
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(server.url + PATH, params=params, headers={"Accept-Encoding": "identity"}) as response,
    ):
        return await response.read()


def annotations(found: list[Json]) -> list[bool]:
    """Which bookmarks say that the beginning is over."""
    return ["annotations" in each["object"]["metadata"] for each in found if each["type"] == "BOOKMARK"]


@pytest.mark.parametrize(("fault", "status"), [("no-watchlist", 422), ("no-watchlist=400", 400)])
async def test_no_watchlist(cluster: FakeCluster, server: ApiServer, fault: str, status: int) -> None:
    """A WatchList is refused, a plain watch is not."""
    await cluster.fault(fault)
    assert (await server.call("GET", PATH, watch="1", **WATCH_LIST))[0] == status
    found = await server.events(PATH, timeoutSeconds="1")
    assert [each["type"] for each in found] == ["ADDED"] * 4


async def test_old_etcd(cluster: FakeCluster, server: ApiServer) -> None:
    """A WatchList is 200 with one ERROR of code 500, a plain watch goes on."""
    await cluster.fault("old-etcd")
    (event,) = await server.events(PATH, **WATCH_LIST)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 500)
    assert "RequestWatchProgress is disabled" in event["object"]["message"]
    assert len(await server.events(PATH, timeoutSeconds="1")) == 4


async def bookmarks_of_a_busy_store(cluster: FakeCluster, server: ApiServer) -> list[bool]:
    """The bookmarks of a WatchList during which others change."""
    opened = asyncio.Event()
    reading = asyncio.create_task(server.events(PATH, opened, timeoutSeconds="1", **WATCH_LIST))
    await opened.wait()
    cluster.store.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    return annotations(await reading)


async def test_bookmarks(cluster: FakeCluster, server: ApiServer) -> None:
    """Either kind of bookmark can be missing, and the other one stays."""
    whole = await bookmarks_of_a_busy_store(cluster, server)
    assert (whole[0], set(whole[1:])) == (True, {False})
    await cluster.fault("no-bookmarks")
    assert await bookmarks_of_a_busy_store(cluster, server) == [True]
    await cluster.fault("heal")
    cluster.store.remove({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    await cluster.fault("no-initial-end")
    assert set(await bookmarks_of_a_busy_store(cluster, server)) == {False}


async def test_swallow(cluster: FakeCluster, server: ApiServer) -> None:
    """A change is there in the list and never came in the watch."""
    await cluster.fault("swallow=1")
    opened = asyncio.Event()
    version = str(cluster.store.version)
    reading = asyncio.create_task(server.events(PATH, opened, timeoutSeconds="1", resourceVersion=version))
    await opened.wait()
    cluster.store.apply(service("e"))
    assert await reading == []
    assert "e" in names(await server.get(PATH))


@pytest.mark.parametrize("fault", ["gone", "gone=http"])
async def test_gone_is_over_with_a_list(cluster: FakeCluster, server: ApiServer, fault: str) -> None:
    """Whoever lists again can watch again."""
    await cluster.fault(fault)
    version = (await server.get(PATH))["metadata"]["resourceVersion"]
    assert await server.events(PATH, timeoutSeconds="1", resourceVersion=version) == []


async def test_gone_on_a_page(cluster: FakeCluster, server: ApiServer) -> None:
    """The next page is a 410, and a watch goes on."""
    page = await server.get(PATH, limit="2")
    await cluster.fault("gone=continue")
    status, body = await server.call("GET", PATH, limit="2", **{"continue": page["metadata"]["continue"]})
    assert (status, body["reason"]) == (410, "Expired")
    version = page["metadata"]["resourceVersion"]
    assert await server.events(PATH, timeoutSeconds="1", resourceVersion=version) == []


async def test_gone_always(cluster: FakeCluster, server: ApiServer) -> None:
    """Every watch ends at once, however fresh its version, until it is healed."""
    await cluster.fault("gone=always")
    for _ in range(3):
        version = (await server.get(PATH))["metadata"]["resourceVersion"]
        (event,) = await server.events(PATH, resourceVersion=version)
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    await cluster.fault("heal")
    assert await server.events(PATH, timeoutSeconds="1", resourceVersion=version) == []


@pytest.mark.parametrize(("fault", "left"), [("empty", []), ("short", ["a", "b"])])
async def test_lists_shrink(cluster: FakeCluster, server: ApiServer, fault: str, left: list[str]) -> None:
    """Objects are missing from lists and WatchLists, page by page too, and no DELETED tells it."""
    version = str(cluster.store.version)
    await cluster.fault(fault)
    assert names(await server.get(PATH)) == left
    assert names(await server.get(PATH, limit="1")) == left[:1]
    begun = await server.events(PATH, timeoutSeconds="1", **WATCH_LIST)
    assert [each["object"]["metadata"]["name"] for each in begun if each["type"] == "ADDED"] == left
    assert await server.events(PATH, timeoutSeconds="1", resourceVersion=version) == []
    await cluster.fault("heal")
    assert names(await server.get(PATH)) == ["a", "b", "c", "d"]


async def test_lag(cluster: FakeCluster, server: ApiServer) -> None:
    """Answers alternate between an older state and the present; a consistent list is never old."""
    await cluster.fault("lag=2")
    seen = [names(await server.get(PATH, resourceVersion="0")) for _ in range(4)]
    assert seen == [["a", "b"], ["a", "b", "c", "d"]] * 2
    assert [len(names(await server.get(PATH))) for _ in range(2)] == [4, 4]
    newest = str(cluster.store.version)
    answers = [(await server.call("GET", PATH, resourceVersion=newest))[0] for _ in range(2)]
    assert answers == [504, 200]


async def test_restore(cluster: FakeCluster, server: ApiServer) -> None:
    """Objects and version are those of the snapshot, and an open watch hears nothing of it."""
    with pytest.raises(ValueError, match="snapshot first"):
        await cluster.fault("restore")
    await cluster.fault("snapshot")
    before = await server.get(PATH)
    for name in ("e", "f"):
        cluster.store.apply(service(name))
    cluster.store.remove(service("a"))
    after = await server.get(PATH)
    opened = asyncio.Event()
    params: dict[str, Any] = {"timeoutSeconds": "1", "resourceVersion": after["metadata"]["resourceVersion"]}
    reading = asyncio.create_task(server.events(PATH, opened, **params))
    await opened.wait()
    await cluster.fault("restore")
    assert await server.get(PATH) == before
    assert names(after) == ["b", "c", "d", "e", "f"]
    assert await reading == []
    cluster.store.apply(service("g"))
    assert cluster.store.get(SERVICES, "default", "g")["metadata"]["resourceVersion"] <= params["resourceVersion"]


async def test_redirect(cluster: FakeCluster, server: ApiServer) -> None:
    """Requests are sent elsewhere."""
    await cluster.fault("redirect=http://192.0.2.1:1/stolen@home")
    async with server.session.get(server.url + PATH, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "http://192.0.2.1:1/stolen@home")


@pytest.mark.parametrize(
    ("faults", "status"), [(("retry-after=7",), 429), (("status=503", "retry-after=7"), 503)], ids=["alone", "with 503"]
)
async def test_retry_after(cluster: FakeCluster, server: ApiServer, faults: tuple[str, ...], status: int) -> None:
    """A refusal says when to come again."""
    for fault in faults:
        await cluster.fault(fault)
    async with server.session.get(server.url + PATH) as response:
        assert (response.status, response.headers["Retry-After"]) == (status, "7")


@pytest.mark.parametrize("kind", ["bits", "cut", "utf8", "twice", "type", "fields"])
async def test_garble(cluster: FakeCluster, server: ApiServer, kind: str) -> None:
    """A list and the lines of a stream are not what they were; after the heal they are."""
    version = str(cluster.store.version)
    params = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": str(int(version) - 4)}
    good = (await raw(server), await raw(server, **params))
    await cluster.fault(f"garble={kind}")
    bad = (await raw(server), await raw(server, **params))
    assert good[0] != bad[0]
    assert good[1] != bad[1]
    await cluster.fault("heal")
    assert (await raw(server), await raw(server, **params)) == good


@pytest.mark.parametrize(("fault", "least"), [("huge=3MiB", 3 << 20), ("deep=100000", 200_000)])
async def test_more_than_there_is(cluster: FakeCluster, server: ApiServer, fault: str, least: int) -> None:
    """A list ends and a stream begins with one more object, of that size."""
    await cluster.fault(fault)
    listed = await raw(server)
    assert len(listed) > least
    assert b'"name":"d"' in listed
    first, *rest = (await raw(server, watch="1", timeoutSeconds="1")).splitlines()
    assert len(first) > least
    assert [json.loads(line)["object"]["metadata"]["name"] for line in rest] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("params", [{}, {"watch": "1", "timeoutSeconds": "1"}], ids=["list", "stream"])
async def test_bomb(cluster: FakeCluster, server: ApiServer, params: dict[str, str]) -> None:
    """A packed reply to whoever asked for a plain one: small on the wire."""
    await cluster.fault("bomb=8MiB")
    content = await raw(server, **params)
    assert content[:2] == b"\x1f\x8b"
    assert len(content) < 32 * 1024


async def test_forbidden_resource(cluster: FakeCluster, server: ApiServer) -> None:
    """A right that is missing for one resource is missing for it alone."""
    await cluster.fault("status=403@services")
    assert (await server.call("GET", PATH))[0] == 403
    assert (await server.call("GET", "/api/v1/namespaces"))[0] == 200


async def test_a_definition_comes_and_goes(cluster: FakeCluster, server: ApiServer) -> None:
    """Without its definition a custom resource is a 404, and with it there again, empty."""
    definition = next(each for each in crds.definitions() if each["metadata"]["name"].startswith("serviceexports"))
    cluster.store.apply({"apiVersion": "multicluster.x-k8s.io/v1beta1", "kind": "ServiceExport", **named("a")})
    assert names(await server.get(EXPORTS)) == ["a"]
    cluster.store.remove(definition)
    assert (await server.call("GET", EXPORTS))[0] == 404
    assert (await server.call("GET", EXPORTS, watch="1"))[0] == 404
    cluster.store.apply(definition)
    assert names(await server.get(EXPORTS)) == []
    assert cluster.store.find(CRDS, "", definition["metadata"]["name"]) is not None


def named(name: str) -> Json:
    """The metadata of an object."""
    return {"metadata": {"name": name}}
