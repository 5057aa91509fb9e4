"""The store: versions, the log, preconditions."""

import asyncio

import pytest

from fedns.lab.kinds import NAMESPACES, SERVICES, Json
from fedns.lab.status import ApiError
from fedns.lab.store import Store


def service(name: str = "a", namespace: str = "default", **meta: object) -> Json:
    """A headless Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": {"clusterIP": "None"},
    }


def balanced(name: str) -> Json:
    """A Service with a cluster IP."""
    return service(name) | {"spec": {"ports": [{"port": 80}]}}


def code(caught: pytest.ExceptionInfo[ApiError]) -> int:
    """The HTTP code of a failure."""
    return caught.value.code


def test_each_write_is_one_version() -> None:
    """Create, update and delete each raise the version by one and log what was before and after."""
    store = Store()
    start = store.version
    made = store.apply(service())
    store.apply(service(labels={"x": "y"}))
    store.remove(service())
    changes = store.since(start)
    assert [change.version for change in changes] == [start + 1, start + 2, start + 3]
    assert [(change.before is None, change.after is None) for change in changes] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert changes[1].before == made


def test_objects_are_never_changed_in_place() -> None:
    """What was handed in or out stays as it was."""
    store = Store()
    given = service()
    made = store.apply(given)
    version = made["metadata"]["resourceVersion"]
    given["metadata"]["labels"] = {"x": "y"}
    store.apply(given)
    assert made["metadata"]["resourceVersion"] == version
    assert "labels" not in made["metadata"]
    assert "uid" not in given["metadata"]


def test_past_states_are_rebuilt() -> None:
    """A page shows the state of its first page: later changes are undone."""
    store = Store()
    store.apply(service("a"))
    store.apply(service("b"))
    version, then = store.version, store.items(SERVICES)
    store.apply(service("a", labels={"x": "y"}))
    store.remove(service("b"))
    store.apply(service("c"))
    names = [item["metadata"]["name"] for item in store.items_at(SERVICES, "", version)]
    assert names == [item["metadata"]["name"] for item in then] == ["a", "b"]
    assert "labels" not in store.items_at(SERVICES, "", version)[0]["metadata"]


def test_bounded_log() -> None:
    """Who is further behind than the log reaches gets a 410, all others every change."""
    store = Store(keep=3, multicluster=False)
    for at in range(5):
        store.apply(service(f"a{at}"))
    assert len(store.since(store.version - 3)) == 3
    assert store.since(store.version) == []
    with pytest.raises(ApiError) as caught:
        store.since(store.version - 4)
    assert code(caught) == 410


def test_compaction_outdates_everybody() -> None:
    """After a compaction even the newest known version is too old."""
    store = Store()
    known = store.version
    store.compact()
    with pytest.raises(ApiError) as caught:
        store.since(known)
    assert code(caught) == 410
    assert store.since(store.version) == []


async def test_news() -> None:
    """Whoever waits for news wakes at the next change, and not before."""
    store = Store()
    waiting = asyncio.create_task(store.news(store.version))
    await asyncio.sleep(0)
    assert not waiting.done()
    store.apply(service())
    await asyncio.wait_for(waiting, 1)


def test_finalizers_delay_the_end() -> None:
    """An object with finalizers stays, marked, until the last one is gone."""
    store = Store()
    store.apply(service(finalizers=["x/y"]))
    item, gone = store.delete(SERVICES, "default", "a")
    assert (gone, "deletionTimestamp" in item["metadata"]) == (False, True)
    assert store.delete(SERVICES, "default", "a")[1] is False
    store.update(SERVICES, item | {"metadata": item["metadata"] | {"finalizers": []}})
    assert store.find(SERVICES, "default", "a") is None


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_preconditions(field: str) -> None:
    """A delete that names another uid or version is a conflict."""
    store = Store()
    store.apply(service())
    with pytest.raises(ApiError) as caught:
        store.delete(SERVICES, "default", "a", preconditions={field: "other"})
    assert code(caught) == 409


def test_update_of_another_uid() -> None:
    """A replace that names another uid is a conflict."""
    store = Store()
    store.apply(service())
    with pytest.raises(ApiError) as caught:
        store.update(SERVICES, service(uid="other"))
    assert code(caught) == 409


def test_namespace_takes_its_objects_along() -> None:
    """Deleting a namespace deletes what is in it, each as a change."""
    store = Store()
    store.apply(service("a", "shop"))
    start = store.version
    store.delete(NAMESPACES, "", "shop")
    assert [change.kind for change in store.since(start)] == [SERVICES, NAMESPACES]


def test_dry_runs_change_nothing() -> None:
    """A dry create or update says what would be, and no more."""
    store = Store()
    start = store.version
    assert store.create(SERVICES, service(), dry=True)["spec"]["clusterIPs"] == ["None"]
    assert store.version == start


def test_generated_names() -> None:
    """GenerateName makes a name that starts so."""
    store = Store()
    item = service()
    item["metadata"] = {"generateName": "web-"}
    assert store.create(SERVICES, item)["metadata"]["name"].startswith("web-")


@pytest.mark.parametrize(
    "item", [{"apiVersion": "v1", "kind": "Nope", "metadata": {}}, {"apiVersion": "multicluster.x-k8s.io/v1alpha1"}]
)
def test_unknown_types(item: Json) -> None:
    """A type that is not served cannot be applied, and removing it removes nothing."""
    store = Store(multicluster=False)
    with pytest.raises(ApiError):
        store.apply({"kind": "ServiceExport", "metadata": {"name": "a"}} | item)
    assert store.remove({"kind": "ServiceExport", "metadata": {"name": "a"}} | item) is False


def test_a_snapshot_brings_back_objects_version_and_addresses() -> None:
    """A restored store is as it was; versions before it are gone, and freed cluster IPs can be given again."""
    store = Store()
    kept = store.apply(balanced("a"))
    snapshot, writes = store.snapshot(), store.writes
    lost = store.apply(balanced("b"))
    store.remove(kept)
    store.restore(snapshot)
    assert store.items(SERVICES) == [kept]
    assert store.writes > writes
    assert (store.version, store.oldest) == (snapshot.version, snapshot.version)
    assert kept["spec"]["clusterIP"] in store.ips.taken
    assert lost["spec"]["clusterIP"] not in store.ips.taken
    assert store.since(snapshot.version) == []
    store.apply(balanced("c"))
    store.restore(snapshot)
    assert store.items(SERVICES) == [kept]
