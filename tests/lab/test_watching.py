"""Watch streams over a store, with short times."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from fedns.lab.kinds import ENDPOINT_SLICES, SERVICES, Json
from fedns.lab.store import Store
from fedns.lab.verbs import Target
from fedns.lab.watching import Plan, events

SERVICE: Json = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}


def plan(**changes: Any) -> Plan:
    """A watch of all Services from a version on."""
    target = Target(SERVICES, "v1")
    return msgspec.structs.replace(
        Plan(
            kind=SERVICES,
            api_version="v1",
            namespace="",
            matches=lambda _: True,
            version=None,
            initial=False,
            bookmarks=False,
            timeout=0.2,
            present=target.present,
        ),
        **changes,
    )


async def read(asked: Plan, store: Store) -> list[Json]:
    """All events until the end."""
    return [msgspec.json.decode(line) async for block in events(asked, store) for line in block.splitlines()]


def kinds(found: list[Json]) -> list[str]:
    """The types of events, in order."""
    return [event["type"] for event in found]


async def test_stream_ends_at_its_timeout() -> None:
    """A watch ends by itself when its seconds are over, without an error."""
    start = time.monotonic()
    assert await read(plan(version=100_000), Store()) == []
    assert await read(plan(), Store()) == []
    assert 0.4 <= time.monotonic() - start < 2


async def test_namespaces_are_apart() -> None:
    """A watch of one namespace sees nothing of another."""
    store = Store()
    asked = plan(version=store.version, namespace="shop")
    store.apply(SERVICE)
    store.apply(SERVICE | {"metadata": {"name": "b", "namespace": "shop"}})
    assert [event["object"]["metadata"]["name"] for event in await read(asked, store)] == ["b"]


async def test_bookmarks_though_others_change() -> None:
    """A quiet type gets its bookmarks while other types change, with the newest version."""
    store = Store()
    asked = plan(
        version=store.version, bookmarks=True, kind=ENDPOINT_SLICES, timeout=0.5, first_bookmark=0.1, bookmark_every=0.1
    )
    reading = asyncio.create_task(read(asked, store))
    for at in range(20):
        await asyncio.sleep(0.02)
        store.apply(SERVICE | {"metadata": {"name": f"a{at}"}})
    found = await reading
    assert set(kinds(found)) == {"BOOKMARK"}
    assert len(found) >= 3
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in found]
    assert versions == sorted(set(versions))
    assert found[-1]["object"]["endpoints"] is None


async def test_last_bookmark_before_the_end() -> None:
    """One bookmark comes two seconds before the end, however rare they are, if another type has changed."""
    store = Store(version=1000, multicluster=False)
    asked = plan(version=store.version, kind=ENDPOINT_SLICES, bookmarks=True, timeout=2.2, first_bookmark=60.0)
    store.apply(SERVICE)
    start = time.monotonic()
    seen = 0
    async for _ in events(asked, store):
        seen += 1
        assert 0.1 < time.monotonic() - start < 1.5
    assert seen == 1
    assert time.monotonic() - start >= 2.2


@pytest.mark.parametrize("initial", [False, True])
async def test_no_bookmark_without_news(initial: bool) -> None:
    """While the store is where the watch began no bookmark comes, neither in between nor before the end."""
    store = Store()
    asked = plan(version=store.version, bookmarks=True, timeout=2.2, first_bookmark=0.1, bookmark_every=0.1)
    found = await read(msgspec.structs.replace(asked, initial=initial), store)
    assert kinds(found) == ["BOOKMARK"] * initial


async def test_watch_list_of_nothing() -> None:
    """A WatchList of nothing is complete at once; without bookmarks nobody says so."""
    store = Store()
    found = await read(plan(initial=True, bookmarks=True), store)
    assert kinds(found) == ["BOOKMARK"]
    assert found[0]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert await read(plan(initial=True), store) == []


async def test_watch_list_of_the_future() -> None:
    """A WatchList from a version that is still to come is an ERROR event of code 504."""
    found = await read(plan(initial=True, version=100_000), Store())
    assert [(event["type"], event["object"]["code"]) for event in found] == [("ERROR", 504)]


@pytest.mark.parametrize("count", [1, 450])
async def test_many_changes_come_in_order(count: int) -> None:
    """However many changes are waiting, they come complete and in order."""
    store = Store()
    asked = plan(version=store.version)
    for at in range(count):
        store.apply(SERVICE | {"metadata": {"name": f"a{at}"}})
    assert [event["object"]["metadata"]["name"] for event in await read(asked, store)] == [
        f"a{at}" for at in range(count)
    ]
