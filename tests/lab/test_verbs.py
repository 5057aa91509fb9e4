"""Verbs on the store (what both kinds of server promise stands in test_contract)."""

import pytest

from fedns.lab import verbs
from fedns.lab.kinds import SERVICE_EXPORTS, SERVICES, Json
from fedns.lab.status import ApiError
from fedns.lab.store import Store
from fedns.lab.verbs import Target

ALL = Target(SERVICES, "v1")
HERE = Target(SERVICES, "v1", "default")
ONE = Target(SERVICES, "v1", "default", "a")
EXPORT = Target(SERVICE_EXPORTS, "v1alpha1", "default", "a")


def body(name: str = "a") -> Json:
    """A headless Service."""
    return {"metadata": {"name": name}, "spec": {"clusterIP": "None"}}


def test_continue_after_compaction() -> None:
    """A page token that is too old is a 410, one that is none a 400."""
    store = Store()
    for name in ("a", "b"):
        verbs.create(store, HERE, body(name), dry=False)
    _, meta = verbs.read_list(store, ALL, {"limit": "1"})
    store.compact()
    for token, code in ((meta["continue"], 410), ("nonsense!", 400)):
        with pytest.raises(ApiError) as caught:
            verbs.read_list(store, ALL, {"continue": token})
        assert caught.value.code == code


def test_exact_version() -> None:
    """ResourceVersionMatch=Exact shows the past; without it the version is a lower bound."""
    store = Store()
    verbs.create(store, HERE, body(), dry=False)
    version = str(store.version)
    verbs.create(store, HERE, body("b"), dry=False)
    exact = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    items, meta = verbs.read_list(store, ALL, exact)
    assert ([item["metadata"]["name"] for item in items], meta["resourceVersion"]) == (["a"], version)
    assert len(verbs.read_list(store, ALL, {"resourceVersion": version})[0]) == 2


@pytest.mark.parametrize(
    ("target", "item", "code"),
    [
        (ALL, body(), 405),
        (HERE, body() | {"kind": "Pod"}, 400),
        (HERE, {"metadata": {"name": "a", "namespace": "other"}}, 400),
        (HERE, {"metadata": {"name": "a", "resourceVersion": "5"}, "spec": {"clusterIP": "None"}}, 400),
        (HERE, [], 400),
        (HERE, {"metadata": 5}, 400),
    ],
    ids=["all namespaces", "other kind", "other namespace", "with version", "list", "no metadata"],
)
def test_refused_creates(target: Target, item: Json, code: int) -> None:
    """A body that does not fit its URL is refused."""
    with pytest.raises(ApiError) as caught:
        verbs.create(Store(), target, item, dry=False)
    assert caught.value.code == code


def test_custom_objects_are_replaced_by_version() -> None:
    """A PUT of a custom object without a resourceVersion is a 422."""
    store = Store()
    item = {"metadata": {"name": "a"}}
    verbs.create(store, Target(SERVICE_EXPORTS, "v1alpha1", "default"), item, dry=False)
    with pytest.raises(ApiError) as caught:
        verbs.replace(store, EXPORT, {"metadata": {"name": "a"}}, dry=False)
    assert caught.value.code == 422


@pytest.mark.parametrize("media", verbs.PATCH_TYPES)
def test_patch_of_what_is_missing(media: str) -> None:
    """Only apply creates; the others are a 404."""
    store = Store()
    if media == "application/apply-patch+yaml":
        assert verbs.patch(store, ONE, body(), media, dry=False)[1] is True
    else:
        with pytest.raises(ApiError) as caught:
            verbs.patch(store, ONE, body(), media, dry=False)
        assert caught.value.code == 404


def test_delete_of_a_collection() -> None:
    """What the selector chooses goes, the rest stays."""
    store = Store()
    for name in ("a", "b", "c"):
        verbs.create(store, HERE, body(name), dry=False)
    found = verbs.delete_all(store, HERE, {"fieldSelector": "metadata.name!=b"})
    assert [item["metadata"]["name"] for item in found["items"]] == ["a", "c"]
    assert [item["metadata"]["name"] for item in store.items(SERVICES)] == ["b"]


def test_dry_delete() -> None:
    """A dry delete says what would happen."""
    store = Store()
    verbs.create(store, HERE, body(), dry=False)
    assert verbs.delete(store, ONE, {"dryRun": ["All"]}, dry=False)["status"] == "Success"
    assert store.find(SERVICES, "default", "a") is not None
