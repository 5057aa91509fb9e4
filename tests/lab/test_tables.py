"""Rows as `kubectl get` prints them."""

from datetime import UTC, datetime, timedelta

import pytest

from fedns.lab.kinds import ENDPOINT_SLICES, NAMESPACES, NODES, PODS, SERVICE_EXPORTS, SERVICES, Json, Kind
from fedns.lab.tables import table


def cells(kind: Kind, item: Json, age: timedelta = timedelta(seconds=5)) -> list[object]:
    """The cells of one object of that age."""
    created = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = item | {"metadata": {"name": "a", "uid": "u", "creationTimestamp": created}}
    row: list[object] = table(kind, [whole], {})["rows"][0]["cells"]
    return row


@pytest.mark.parametrize(
    ("spec", "status", "shown"),
    [
        (
            {"type": "ClusterIP", "clusterIP": "10.0.0.2", "ports": [{"port": 80, "protocol": "TCP"}]},
            {},
            ["ClusterIP", "10.0.0.2", "<none>", "80/TCP"],
        ),
        ({"type": "ClusterIP", "clusterIP": "None"}, {}, ["ClusterIP", "None", "<none>", "<none>"]),
        (
            {
                "type": "LoadBalancer",
                "clusterIP": "10.0.0.2",
                "ports": [{"port": 1, "nodePort": 30001, "protocol": "TCP"}],
            },
            {},
            ["LoadBalancer", "10.0.0.2", "<pending>", "1:30001/TCP"],
        ),
        (
            {"type": "LoadBalancer", "clusterIP": "10.0.0.2"},
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]}},
            ["LoadBalancer", "10.0.0.2", "192.0.2.1,lb.example", "<none>"],
        ),
        ({"type": "ExternalName", "externalName": "x.example"}, {}, ["ExternalName", "<none>", "x.example", "<none>"]),
    ],
    ids=["plain", "headless", "pending", "balanced", "external"],
)
def test_services(spec: Json, status: Json, shown: list[str]) -> None:
    """Type, addresses and ports."""
    assert cells(SERVICES, {"spec": spec, "status": status})[1:5] == shown


@pytest.mark.parametrize(
    ("addresses", "shown"),
    [([], "<unset>"), (["1", "2", "3"], "1,2,3"), (["1", "2", "3", "4", "5"], "1,2,3 + 2 more...")],
    ids=["none", "three", "more"],
)
def test_slices(addresses: list[str], shown: str) -> None:
    """Three endpoints, and how many more."""
    endpoints = [{"addresses": [address]} for address in addresses]
    item = {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": endpoints}
    assert cells(ENDPOINT_SLICES, item)[:4] == ["a", "IPv4", "80", shown]


@pytest.mark.parametrize(
    ("kind", "item", "shown"),
    [
        (NAMESPACES, {"status": {"phase": "Active"}}, ["a", "Active", "5s"]),
        (SERVICE_EXPORTS, {}, ["a", "5s"]),
        (NODES, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, ["a", "Ready", "<none>", "5s", ""]),
        (NODES, {}, ["a", "NotReady", "<none>", "5s", ""]),
        (
            PODS,
            {
                "spec": {"containers": [{}]},
                "status": {"phase": "Running", "containerStatuses": [{"ready": True}]},
            },
            ["a", "1/1", "Running", 0, "5s"],
        ),
    ],
)
def test_other_types(kind: Kind, item: Json, shown: list[object]) -> None:
    """One row each, as many cells as columns."""
    assert cells(kind, item) == shown
    assert len(shown) == len(table(kind, [], {})["columnDefinitions"])


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=3, seconds=4), "3m4s"),
        (timedelta(minutes=45), "45m"),
        (timedelta(hours=30), "30h"),
        (timedelta(days=5), "5d"),
    ],
    ids=str,
)
def test_ages(age: timedelta, shown: str) -> None:
    """Ages as kubectl prints them."""
    assert cells(NAMESPACES, {}, age)[-1] == shown


@pytest.mark.parametrize(("include", "kind"), [("Object", None), ("Metadata", "PartialObjectMetadata"), ("None", "")])
def test_rows_carry_what_is_asked_for(include: str, kind: str | None) -> None:
    """A row has the object, its metadata, or nothing."""
    row = table(NAMESPACES, [{"metadata": {"name": "a", "uid": "u"}}], {}, include=include)["rows"][0]
    assert row.get("object", {"kind": ""}).get("kind") == kind


def test_bookmark_is_a_row_without_cells() -> None:
    """What has no identity has no cells."""
    assert table(NAMESPACES, [{"metadata": {"resourceVersion": "1"}}], {})["rows"][0]["cells"] == []
