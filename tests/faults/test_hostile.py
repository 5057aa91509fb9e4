"""Members that claim what is not theirs, or more than they may: nothing of it is ever told, and others never notice."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from fedns.federation.objects import ServiceKey
from fedns.lab.credentials import Credentials
from fedns.settings.schema import Trust
from tests.faults.bed import Bed, made, until

SPECIAL = ("127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0")


def listed(name: str, namespace: str, *addresses: str) -> list[dict[str, Any]]:
    """A headless, exported service with endpoints at these addresses."""
    meta = {"name": name, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta | {"labels": {"fedns.io/export": "true"}},
         "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
         "metadata": meta | {"labels": {"kubernetes.io/service-name": name}}, "ports": [],
         "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]},
    ]  # fmt: skip


async def test_what_is_not_a_member_s_to_give_is_never_told(tmp_path: Path) -> None:
    """Foreign namespaces, foreign and special addresses are left out and counted; the rest of it counts."""
    trust = {"us1": Trust(namespaces=("shop", "team-*"), cidrs=("10.0.0.0/12",))}

    def permits(cluster: str, key: ServiceKey, address: str) -> bool:
        if cluster != "us1":
            return True
        inside = ip_address(address) in ip_network("10.0.0.0/12")
        return inside and (key[0] == "shop" or key[0].startswith("team-"))

    async with made(tmp_path, trust=trust, permits=permits) as bed:
        for item in (
            *listed("us1-extra", "shop", "10.9.9.9", "192.0.2.1", *SPECIAL),
            *listed("payments", "bank", "10.9.9.8"),
            *listed("web", "team-a", "10.9.9.7"),
        ):
            bed.clusters["us1"].store.apply(item)
        await bed.right()
        refused = bed.feeds["us1"].refused
        assert refused["namespace"] >= 2
        assert refused["foreign-address"] >= 1
        assert refused["address"] == len(SPECIAL)
        await bed.judge()


async def test_a_backdated_claim_changes_nothing_and_is_told(tmp_path: Path) -> None:
    """A member says that it had another one's service long before, and as another kind: its pods are answered on."""
    async with made(tmp_path) as bed:
        claim = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "eu1-s0",
                "namespace": "shop",
                "labels": {"fedns.io/export": "true"},
                "creationTimestamp": "2001-01-01T00:00:00Z",
            },
            "spec": {"ports": [{"name": "http", "port": 80}]},
        }
        for _ in range(3):
            bed.clusters["us1"].store.apply(claim)
            await until(lambda: bed.pipeline.backdated["us1"])
            bed.deploy("eu1", "eu1-s0", 5)
            await bed.right()
            bed.clusters["us1"].store.remove(claim)
            bed.deploy("eu1", "eu1-s0", 2)
            await bed.right()
        assert bed.pipeline.backdated["us1"] == 3
        await bed.judge()


async def test_a_member_that_grabs_more_than_its_share(tmp_path: Path) -> None:
    """Services and endpoints beyond the quota are left out, the oldest stay, and the status says so."""
    trust = {"us1": Trust(max_services=40, max_endpoints=200)}
    async with made(tmp_path, trust=trust, permits=lambda _cluster, key, _address: "-x" not in key[1]) as bed:
        for at in range(50):
            bed.deploy("us1", f"us1-x{at}", 1)
        bed.deploy("eu1", "eu1-s3", 6)
        await until(lambda: len(bed.replica.catalog.exports_of("us1")) == 40 and bed.feeds["us1"].problems())
        assert {f"us1-s{at}" for at in range(6)} <= {export.name for export in bed.replica.catalog.exports_of("us1")}
        assert any("maxServices" in each for each in bed.feeds["us1"].problems())
        await until(lambda: not [each for each in bed.differences() if "eu1" in each])


async def test_a_member_that_talks_too_fast_is_read_slower(tmp_path: Path) -> None:
    """Beyond its events a second a member is held back without loss, and others are told at once."""

    def few(bed: Bed) -> None:
        for name in bed.clusters:
            bed.deploy(name, "s0", 3)

    trust = {"us1": Trust(max_events_per_second=50)}
    async with made(tmp_path, trust=trust, fill=few, limit=30.0) as bed:
        for at in range(150):
            bed.deploy("us1", "s0", at % 5)
        await until(lambda: bed.feeds["us1"].counts["throttled"])
        bed.deploy("eu1", "s0", 7)
        await until(lambda: not [each for each in bed.differences() if "eu1" in each])
        await bed.right(30.0)
        await bed.judge()


async def test_tokens_and_certificates_that_rotate(tmp_path: Path) -> None:
    """A new token, and then a new authority and certificate: read again at once, with no answer lost."""
    async with made(tmp_path, credentials={"eu1": Credentials(tmp_path, "eu1")}) as bed:
        for fault in ("rotate-token", "rotate-certificate"):
            await bed.clusters["eu1"].fault(fault)
            bed.clusters["eu1"].abort_connections()
            bed.deploy("eu1", "eu1-s1", 5)
            await bed.right(30.0)
        await bed.judge()
