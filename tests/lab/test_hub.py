"""What a hub holds of its source clusters."""

import pytest

from fedns.lab.hub import SERVICE_LABEL, SOURCE_LABEL, Hub
from fedns.lab.kinds import ENDPOINT_SLICES, LEASES, SERVICE_IMPORTS, Json
from fedns.lab.simulator import Deployment
from fedns.lab.store import Store


def deployment(name: str, pods: str, *, headless: bool = True, exported: bool = True) -> Deployment:
    """Two pods in one zone."""
    return Deployment(namespace="shop", name=name, zones={"a": 2}, pod_range=pods, headless=headless, exported=exported)


@pytest.fixture
def held() -> Store:
    """The store of a hub with two sources: one service of both, one with an IP, one that is not exported."""
    sources = {
        "ap1": [deployment("web", "10.1.0.0/24"), deployment("hidden", "10.3.0.0/24", exported=False)],
        "ap2": [deployment("web", "10.2.0.0/24"), deployment("till", "10.4.0.0/24", headless=False)],
    }
    store = Store()
    for item in Hub(sources=sources).objects():
        store.apply(item)
    return store


def test_an_import_for_each_exported_service(held: Store) -> None:
    """Headless, or with an IP of the set; the clusters stand in its status."""
    found = {item["metadata"]["name"]: item for item in held.items(SERVICE_IMPORTS)}
    assert set(found) == {"till", "web"}
    assert (found["web"]["spec"]["type"], found["till"]["spec"]["type"]) == ("Headless", "ClusterSetIP")
    assert found["till"]["spec"]["ips"] == ["10.250.0.1"]
    assert "ips" not in found["web"]["spec"]
    assert found["web"]["spec"]["ports"] == [{"name": "http", "port": 80, "protocol": "TCP"}]
    assert found["web"]["status"]["clusters"] == [{"cluster": "ap1"}, {"cluster": "ap2"}]


def test_slices_say_whose_they_are(held: Store) -> None:
    """One cluster each, by label; none looks like a slice of a local service."""
    places: dict[tuple[str, str], list[str]] = {}
    for item in held.items(ENDPOINT_SLICES):
        labels = item["metadata"]["labels"]
        assert "kubernetes.io/service-name" not in labels
        assert labels["endpointslice.kubernetes.io/managed-by"] != "endpointslice-controller.k8s.io"
        addresses = [address for each in item["endpoints"] for address in each["addresses"]]
        places[labels[SERVICE_LABEL], labels[SOURCE_LABEL]] = addresses
    assert places == {
        ("web", "ap1"): ["10.1.0.1", "10.1.0.2"],
        ("web", "ap2"): ["10.2.0.1", "10.2.0.2"],
        ("till", "ap2"): ["10.4.0.1", "10.4.0.2"],
    }


def test_a_lease_for_each_source(held: Store) -> None:
    """It names the source and how long its word lasts."""
    leases = {item["metadata"]["labels"][SOURCE_LABEL]: item["spec"] for item in held.items(LEASES)}
    assert set(leases) == {"ap1", "ap2"}
    assert leases["ap1"]["leaseDurationSeconds"] == 30
    assert leases["ap1"]["renewTime"].endswith("Z")


@pytest.mark.parametrize("version", ["v1alpha1", "v1beta1"])
def test_both_versions_of_the_api(version: str) -> None:
    """Imports can be written in either."""
    hub = Hub(sources={"ap1": [deployment("web", "10.1.0.0/24")]}, version=version)
    (item,) = hub.imports()
    assert item["apiVersion"] == f"multicluster.x-k8s.io/{version}"
    store = Store()
    stored: Json = store.apply(item)
    assert stored["metadata"]["namespace"] == "shop"
