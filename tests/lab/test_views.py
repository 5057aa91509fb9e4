"""What a request sees of a store under the faults that lie about objects."""

import asyncio

from fedns.lab.faults import Faults, parse
from fedns.lab.kinds import SERVICES, Json
from fedns.lab.store import Store
from fedns.lab.views import View, view

PATH = "/api/v1/services"


def filled(count: int = 4) -> Store:
    """A store with some services, one version each."""
    store = Store(multicluster=False)
    for at in range(count):
        service: Json = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"s{at}"},
            "spec": {"clusterIP": "None"},
        }
        store.apply(service)
    return store


def names(seen: View) -> list[str]:
    """The services that it has."""
    return [item["metadata"]["name"] for item in seen.items(SERVICES)]


def faults(*texts: str) -> Faults:
    """These faults, on."""
    made = Faults()
    for text in texts:
        made.set(parse(text))
    return made


def test_without_a_fault_it_is_the_store() -> None:
    """Version, objects and log are those of the store."""
    store = filled()
    seen = view(store, Faults(), PATH, consistent=False)
    assert (seen.version, seen.oldest) == (store.version, store.oldest)
    assert names(seen) == ["s0", "s1", "s2", "s3"]
    assert len(seen.since(store.version - 2)) == 2


def test_every_second_answer_is_of_a_lagging_replica() -> None:
    """Behind in objects, version and log; never for a consistent read."""
    store = filled()
    lagging = faults("lag=2")
    late, present = (view(store, lagging, PATH, consistent=False) for _ in range(2))
    assert (names(late), late.version) == (["s0", "s1"], store.version - 2)
    assert len(late.since(store.version - 3)) == 1
    assert names(present) == ["s0", "s1", "s2", "s3"]
    assert names(view(store, lagging, PATH, consistent=True)) == ["s0", "s1", "s2", "s3"]
    assert names(view(store, faults("lag=2@endpointslices"), PATH, consistent=False)) == ["s0", "s1", "s2", "s3"]


async def test_a_lagging_replica_hears_of_news_later() -> None:
    """A change is news only when as many others have followed it as the replica is behind."""
    store = filled()
    seen = View(store, behind=1)
    waiting = asyncio.create_task(seen.news(store.version))
    for name in ("late", "later"):
        await asyncio.sleep(0)
        assert not waiting.done()
        store.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"clusterIP": "None"}})
    await asyncio.wait_for(waiting, 1)


def test_lists_lose_objects_and_the_store_does_not() -> None:
    """All or half are missing, and the log knows no delete."""
    store = filled()
    version = store.version
    assert names(view(store, faults("empty"), PATH, consistent=True)) == []
    assert names(view(store, faults("short"), PATH, consistent=True)) == ["s0", "s1"]
    assert (len(store.items(SERVICES)), store.version) == (4, version)


def test_events_are_swallowed_at_the_rate_asked_for() -> None:
    """All at 1, none at 0, some in between; the list has everything."""
    store = filled(100)
    kept = {
        rate: len(view(store, faults(f"swallow={rate}"), PATH, consistent=True).since(store.version - 100))
        for rate in ("0", "0.5", "1")
    }
    assert (kept["0"], kept["1"]) == (100, 0)
    assert 0 < kept["0.5"] < 100
    assert len(names(view(store, faults("swallow=1"), PATH, consistent=True))) == 100
