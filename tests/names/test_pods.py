"""Hosts that are called by their pods, where that is asked for: one name for both families, beside the other kinds."""

import dns.message
import pytest

from fedns.answers.replica import Replica
from fedns.answers.rules import Rules, Zone
from fedns.federation.objects import Cluster
from tests.names import beds
from tests.names.objects import Json, export, exports, point, service, slices

DB = "db.shop.svc.clusterset.local."


def of_pod(name: str, address: str, host: str = "") -> Json:
    """An endpoint of a pod."""
    return point(address, host) | {"targetRef": {"kind": "Pod", "namespace": "shop", "name": name}}


def replica(*, pods: bool) -> Replica:
    """A headless service with a pod of both families, one with a hostname, and one whose name is too long."""
    points = (
        of_pod("db-7d9f-x2x", "10.0.0.1"),
        of_pod("db-7d9f-x2x", "fd00::1"),
        of_pod("db-7d9f-abc", "10.0.0.2", "pet-0"),
        of_pod("p" * 64, "10.0.0.3"),
    )
    objects = [export("db"), service("db", "sql:3306"), *slices("db", *points, ports=["sql:3306"])]
    zones = (Zone(name="clusterset.local", kind="clusterset"),)
    rules = Rules(zones=zones, clusters=(Cluster(name="eu1"),), timers=beds.TIMERS)
    return beds.replica(rules, {"eu1": exports("eu1", objects, pods=pods)}, {})


def values(held: Replica, name: str, qtype: str) -> list[str]:
    """The values of an answer, sorted."""
    reply = beds.answered(held, dns.message.make_query(name, qtype).to_wire(), "127.0.0.1", stream=True)
    return sorted(str(rdata) for found in dns.message.from_wire(reply).answer for rdata in found)


@pytest.mark.parametrize(
    ("pods", "hosts"),
    [
        (True, ["10-0-0-3", "db-7d9f-x2x", "pet-0"]),
        (False, ["10-0-0-1", "10-0-0-3", "fd00--1", "pet-0"]),
    ],
)
def test_hosts_by_their_pods(pods: bool, hosts: list[str]) -> None:
    """SRV points at the names of pods, and these have the addresses of both families."""
    held = replica(pods=pods)
    found = [each.split()[-1] for each in values(held, DB, "SRV")]
    assert sorted(found) == [f"{host}.eu1.{DB}" for host in hosts]
    pod = f"db-7d9f-x2x.eu1.{DB}"
    assert values(held, pod, "A") == (["10.0.0.1"] if pods else [])
    assert values(held, pod, "AAAA") == (["fd00::1"] if pods else [])
    assert values(held, f"10-0-0-1.eu1.{DB}", "A") == ([] if pods else ["10.0.0.1"])
    assert values(held, f"pet-0.eu1.{DB}", "A") == ["10.0.0.2"]
