"""Simulated deployments."""

from collections import Counter

import pytest

from fedns.lab.kinds import ENDPOINT_SLICES, SERVICES
from fedns.lab.simulator import SLICE_SIZE, Deployment
from fedns.lab.store import Store


def deployment(pods: int = 2, *, headless: bool = False, pod_range: str = "10.1.0.0/16") -> Deployment:
    """Pods in two zones."""
    return Deployment(
        namespace="shop", name="web", zones={"a": pods, "b": pods}, pod_range=pod_range, headless=headless
    )


def test_pods_are_ready_and_placed() -> None:
    """Each zone has its pods, each with an address of its own."""
    made = deployment()
    assert made.places() == {"10.1.0.1": "a", "10.1.0.2": "a", "10.1.0.3": "b", "10.1.0.4": "b"}
    assert made.addresses() == list(made.places())
    assert made.addresses("b") == ["10.1.0.3", "10.1.0.4"]


def test_scaling_takes_the_newest_and_reuses_no_address() -> None:
    """The newest pods of the zone go; new ones get new addresses."""
    made = deployment()
    made.scale("a", 1)
    made.scale("a", 3)
    assert made.addresses("a") == ["10.1.0.1", "10.1.0.5", "10.1.0.6"]
    assert made.places()["10.1.0.2"] == "a"


@pytest.mark.parametrize(
    ("change", "conditions"),
    [
        ("ready", {"ready": True, "serving": True, "terminating": False}),
        ("unready", {"ready": False, "serving": False, "terminating": False}),
        ("terminate", {"ready": False, "serving": True, "terminating": True}),
    ],
)
def test_conditions(change: str, conditions: dict[str, bool]) -> None:
    """The three conditions of a slice follow the pod's life."""
    made = deployment(1)
    if change == "terminate":
        made.terminate("a")
    else:
        made.set_ready("a", change == "ready")
    endpoints = made.objects()[2]["endpoints"]
    assert endpoints[0]["conditions"] == conditions
    assert endpoints[1]["conditions"]["ready"] is True


def test_slices_are_bounded_and_stay() -> None:
    """A slice has at most 100 endpoints; pods stay in theirs, gaps are filled, emptied slices remain, empty."""
    made = deployment(150)
    slices = [item for item in made.objects() if item["kind"] == "EndpointSlice"]
    assert [len(item["endpoints"]) for item in slices] == [SLICE_SIZE] * 3
    made.scale("a", 0)
    made.scale("b", 151)
    slices = [item for item in made.objects() if item["kind"] == "EndpointSlice"]
    assert [len(item["endpoints"]) for item in slices] == [1, 50, 100]
    addresses = Counter(endpoint["addresses"][0] for item in slices for endpoint in item["endpoints"])
    assert max(addresses.values()) == 1


def test_headless_with_hostnames() -> None:
    """A StatefulSet's pods are named; its Service has no address; the slices say headless."""
    made = Deployment(
        namespace="shop",
        name="db",
        zones={"a": 2},
        pod_range="fd00::/64",
        headless=True,
        hostnames=True,
        exported=False,
    )
    service, piece = made.objects()[1:]
    assert service["spec"]["clusterIP"] == "None"
    assert piece["addressType"] == "IPv6"
    assert [endpoint["hostname"] for endpoint in piece["endpoints"]] == ["db-0", "db-1"]


@pytest.mark.parametrize("headless", [False, True])
def test_store_takes_the_objects(headless: bool) -> None:
    """The objects can be created in their order, and putting them again changes nothing."""
    store, made = Store(), deployment(headless=headless)
    for item in made.objects():
        store.apply(item)
    version = store.version
    for item in made.objects():
        store.apply(item)
    assert store.version == version
    made.scale("a", 3)
    for item in made.objects():
        store.apply(item)
    assert store.version == version + 1
    assert len(store.get(ENDPOINT_SLICES, "shop", "web-0")["endpoints"]) == 5
    assert (store.get(SERVICES, "shop", "web")["spec"]["clusterIP"] == "None") is headless
