"""A member's namespaces and nodes, against the lab's API server: what they change, and what their absence costs."""

from typing import TYPE_CHECKING, Any

from msgspec import structs

from fedns.clusters.listing import NAMESPACES, NODES
from fedns.federation.health import Freshness, Unreadable
from tests.clusters.scripted import Heard, Json, following, service, until
from tests.clusters.test_member import SERVICE, freshness, lab, named, of

if TYPE_CHECKING:
    from fedns.lab.cluster import FakeCluster
    from fedns.settings.schema import Member

__all__ = ["lab", "of"]

UNREAD = f"namespaces: {NAMESPACES.missed}"


def space(name: str = "shop", **notes: str) -> Json:
    """A namespace with annotations of fedns."""
    annotations = {f"fedns.io/{key}": text for key, text in notes.items()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}


def narrowing(heard: Heard) -> list[str]:
    """What the namespace of each service asks for."""
    return [text for each in heard.exports.values() for _, text in each.namespace_annotations]


async def broken(server: "FakeCluster", code: int, plural: str) -> None:
    """From now on a resource answers with this status, and its stream is cut."""
    await server.fault(f"status={code}@/{plural}")
    await server.fault(f"reset@/{plural}")
    server.faults.active = [each for each in server.faults.active if each.verb != "reset"]


async def test_annotations_of_a_namespace_narrow_its_services(lab: "FakeCluster", of: "Member") -> None:
    """From the first word on, and as they come, change and go; other services are not told again."""
    lab.store.apply(space(jurisdictions="eu"))
    lab.store.apply(space("bank"))
    elsewhere: Json = named(service("books", 0))
    lab.store.apply(SERVICE | elsewhere | {"metadata": elsewhere["metadata"] | {"namespace": "bank"}})
    async with following(of) as (feed, heard):
        await until(lambda: heard.wholes)
        assert narrowing(heard) == ["eu"]
        assert feed.objects()["namespaces"] == 1
        lab.store.apply(space(jurisdictions="eu,ch"))
        await until(lambda: narrowing(heard) == ["eu,ch"])
        lab.store.apply(space())
        await until(lambda: narrowing(heard) == [])
        assert {key for key, _ in heard.changes} == {("shop", "web")}
        assert feed.problems() == []


async def test_a_member_whose_namespaces_may_not_be_read(lab: "FakeCluster", of: "Member") -> None:
    """It is followed without them, and says so; once they may be read, they count, and stay when they may not again."""
    lab.store.apply(space(jurisdictions="eu"))
    await lab.fault("status=403@/namespaces")
    async with following(of) as (feed, heard):
        await until(lambda: heard.wholes)
        assert narrowing(heard) == []
        assert feed.problems() == [UNREAD]
        assert freshness(heard) == Freshness.FRESH
        await lab.fault("heal")
        await until(lambda: narrowing(heard) == ["eu"], 10.0)
        await until(lambda: feed.problems() == [])
        await broken(lab, 403, "namespaces")
        await until(lambda: feed.problems() == [UNREAD], 10.0)
        assert narrowing(heard) == ["eu"]
        assert freshness(heard) == Freshness.FRESH


async def test_namespaces_that_must_be_read(lab: "FakeCluster", of: "Member") -> None:
    """Where they are required, a member is not known before they have been read."""
    await lab.fault("status=403@/namespaces")
    async with following(structs.replace(of, namespace_annotations="required")) as (_, heard):
        await until(lambda: any(isinstance(each, Unreadable) for each in heard.evidence))
        assert heard.wholes == 0
        await lab.fault("heal")
        await until(lambda: heard.wholes == 1, 10.0)


async def test_namespaces_that_are_ignored(lab: "FakeCluster", of: "Member") -> None:
    """Where they are ignored, they are not even asked for."""
    lab.store.apply(space(jurisdictions="eu"))
    async with following(structs.replace(of, namespace_annotations="ignore")) as (feed, heard):
        await until(lambda: heard.wholes)
        assert narrowing(heard) == []
        assert [each.resource for each in feed.streams()] == ["services", "slices", "exports"]


def host(name: str, cidr: str, zone: str = "eu-a", **status: Any) -> Json:
    """A node."""
    meta = {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}
    spec = {"podCIDR": cidr, "podCIDRs": [cidr]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": status}


async def test_nodes_are_told(lab: "FakeCluster", of: "Member") -> None:
    """All at first, then what changes; a heartbeat says what was known already."""
    lab.store.apply(host("n1", "10.64.1.0/24"))
    async with following(structs.replace(of, nodes=True)) as (feed, heard):
        await until(lambda: heard.wholes and heard.nodes)
        known = heard.nodes["n1"]
        assert known.zone == "eu-a"
        lab.store.apply(host("n1", "10.64.1.0/24", conditions=[{"type": "Ready", "lastHeartbeatTime": "now"}]))
        lab.store.apply(host("n2", "10.64.2.0/24", "eu-b"))
        await until(lambda: set(heard.nodes) == {"n1", "n2"})
        assert heard.nodes["n1"] is known
        lab.store.remove(host("n1", "10.64.1.0/24"))
        await until(lambda: set(heard.nodes) == {"n2"})
        assert feed.objects()["nodes"] == 1


async def test_nodes_that_cannot_be_read_cost_no_service(lab: "FakeCluster", of: "Member") -> None:
    """The member is known and fresh without them, whatever is wrong with them, and what is known of them stays."""
    await lab.fault("status=403@/nodes")
    async with following(structs.replace(of, nodes=True)) as (feed, heard):
        await until(lambda: heard.wholes)
        await until(lambda: feed.problems() == [f"nodes: {NODES.missed}"])
        assert heard.located_at == []
        await lab.fault("heal")
        lab.store.apply(host("n1", "10.64.1.0/24"))
        await until(lambda: heard.nodes, 10.0)
        await broken(lab, 503, "nodes")
        await until(lambda: any("nodes: HTTP 503" in each for each in feed.problems()), 10.0)
        assert freshness(heard) == Freshness.FRESH
        assert set(heard.nodes) == {"n1"}
