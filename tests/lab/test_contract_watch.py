"""What a watch promises, held to a simulated and to a real API server by the same tests."""

import asyncio
import time

import pytest

from tests.lab.conftest import ApiServer, Json

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

DISCOVERY = "/apis/discovery.k8s.io/v1"


def endpoint_slice(name: str, zone: str = "a") -> Json:
    """An EndpointSlice with one endpoint."""
    return {
        "metadata": {"name": name, "labels": {"zone": zone}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.0.1"], "zone": zone}],
    }


async def place(server: ApiServer, namespace: str) -> str:
    """A namespace of its own, as the path of its slices."""
    await server.namespace(namespace)
    return f"{DISCOVERY}/namespaces/{namespace}/endpointslices"


def shape(events: list[Json]) -> list[tuple[str, str]]:
    """Types and names, in order."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


async def test_watch_from_a_list(api_server: ApiServer) -> None:
    """A watch from a list's resourceVersion brings each later change once, in order, with rising versions."""
    path = await place(api_server, "from-a-list")
    version = (await api_server.get(path))["metadata"]["resourceVersion"]
    await api_server.make(path, endpoint_slice("a"))
    patch: Json = {"endpoints": []}
    await api_server.call("PATCH", path + "/a", patch, "application/merge-patch+json")
    await api_server.call("DELETE", path + "/a")
    events = await api_server.events(path, resourceVersion=version, timeoutSeconds="1")
    assert shape(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)
    assert all(event["object"]["kind"] == "EndpointSlice" for event in events)


async def test_watch_without_version(api_server: ApiServer) -> None:
    """A watch without a resourceVersion begins with what is there."""
    path = await place(api_server, "no-version")
    await api_server.make(path, endpoint_slice("a"))
    assert shape(await api_server.events(path, timeoutSeconds="1")) == [("ADDED", "a")]


async def test_live_change(api_server: ApiServer) -> None:
    """A change during a watch arrives well before the watch ends."""
    path = await place(api_server, "live")
    version = (await api_server.get(path))["metadata"]["resourceVersion"]
    watching = asyncio.create_task(api_server.events(path, resourceVersion=version, timeoutSeconds="2"))
    await asyncio.sleep(0)
    await api_server.make(path, endpoint_slice("a"))
    events = await watching
    assert shape(events) == [("ADDED", "a")]
    assert time.monotonic() - events[0]["at"] > 1


async def test_selector_in_a_watch(api_server: ApiServer) -> None:
    """What leaves the selector is DELETED for this watch, what enters it is ADDED."""
    path = await place(api_server, "watch-selector")
    version = (await api_server.get(path))["metadata"]["resourceVersion"]
    await api_server.make(path, endpoint_slice("a", "x"))
    for zone in ("y", "z", "x"):
        patch = {"metadata": {"labels": {"zone": zone}}}
        await api_server.call("PATCH", path + "/a", patch, "application/merge-patch+json")
    events = await api_server.events(path, resourceVersion=version, timeoutSeconds="1", labelSelector="zone=x")
    assert shape(events) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


async def test_watch_list(api_server: ApiServer) -> None:
    """WatchList: what is there, a bookmark that says so, then changes; nothing older than the bookmark follows."""
    path = await place(api_server, "watch-list")
    for name in ("a", "b"):
        await api_server.make(path, endpoint_slice(name))
    events = await api_server.events(
        path,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        timeoutSeconds="1",
    )
    assert sorted(shape(events[:2])) == [("ADDED", "a"), ("ADDED", "b")]
    assert shape(events[2:3]) == [("BOOKMARK", "")]
    meta = events[2]["object"]["metadata"]
    assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(meta["resourceVersion"]) >= max(int(e["object"]["metadata"]["resourceVersion"]) for e in events[:2])


async def test_bookmarks(api_server: ApiServer) -> None:
    """A watch that sees nothing while others change gets a bookmark of the right type to resume from."""
    path, elsewhere = await place(api_server, "bookmarks"), await place(api_server, "elsewhere")
    version = (await api_server.get(path))["metadata"]["resourceVersion"]
    options = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "5"}
    opened = asyncio.Event()
    watching = asyncio.create_task(api_server.events(path, opened, **options))
    # A real server counts what happened before it opened the watch as known, even where the watch did not see it.
    await asyncio.wait_for(opened.wait(), 5)
    await api_server.make(elsewhere, endpoint_slice("a"))
    events = await watching
    assert {event["type"] for event in events} == {"BOOKMARK"}
    assert {event["object"]["kind"] for event in events} == {"EndpointSlice"}
    assert int(events[-1]["object"]["metadata"]["resourceVersion"]) > int(version)


async def test_no_bookmarks_without_news(api_server: ApiServer) -> None:
    """A watch from the newest version of a quiet type gets no bookmark, not even before its end."""
    path = await place(api_server, "quiet")
    version = (await api_server.get(path))["metadata"]["resourceVersion"]
    options = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "4"}
    assert await api_server.events(path, **options) == []


async def test_version_without_objects(api_server: ApiServer) -> None:
    """A list that matches nothing tells the version of the collection, which never falls behind what was written."""
    path = await place(api_server, "nothing")
    made = await api_server.make(path, endpoint_slice("a"))
    found = await api_server.get(f"{DISCOVERY}/endpointslices", fieldSelector="metadata.name=none", limit="1")
    assert found["items"] == []
    assert int(found["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])


async def test_no_bookmarks_unasked(api_server: ApiServer) -> None:
    """Without allowWatchBookmarks a quiet watch is silent."""
    path = await place(api_server, "no-bookmarks")
    version = (await api_server.get(path))["metadata"]["resourceVersion"]
    assert await api_server.events(path, resourceVersion=version, timeoutSeconds="2") == []


async def test_version_of_the_future(api_server: ApiServer) -> None:
    """A list of a resourceVersion that is still to come is a 504 with the cause that clients look for."""
    status, body = await api_server.call("GET", f"{DISCOVERY}/endpointslices", resourceVersion="999999999")
    assert (status, body["reason"]) == (504, "Timeout")
    assert body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"watch": "1", "sendInitialEvents": "true"}, id="WatchList without match"),
        pytest.param({"resourceVersionMatch": "Exact"}, id="match without version"),
        pytest.param({"sendInitialEvents": "true"}, id="initial events of a list"),
    ],
)
async def test_refused_options(api_server: ApiServer, params: dict[str, str]) -> None:
    """Options that contradict each other are a 422."""
    status, body = await api_server.call("GET", f"{DISCOVERY}/endpointslices", **params)
    assert (status, body["reason"]) == (422, "Invalid")
