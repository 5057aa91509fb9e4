"""What may be used of a snapshot: who is still a member, what is young enough, what is trusted."""

import socket

import pytest
from msgspec import structs

from fedns.answers.snapshot import Heading, Snapshot
from fedns.answers.wire import Generation, Members, NewRules, Nodes, Replace, SettledType, ToWorker, Types
from fedns.clusters.trust import Boundary
from fedns.control.restoring import Past, past
from fedns.federation.health import Freshness, Status
from fedns.federation.locality import Location
from fedns.federation.objects import READY, Cluster, Endpoint, Export, pack
from fedns.settings.schema import (
    ClientsFrom,
    ClusterProfiles,
    ClustersFrom,
    Kubeconfig,
    Local,
    Member,
    Secrets,
    Settings,
    Trust,
)
from tests.control.stage import ZONES, export, node, rules

DAY = 86_400.0


def member(name: str, **more: object) -> Member:
    """A member that is configured."""
    return structs.replace(Member(cluster=Cluster(name=name), kubeconfig=Kubeconfig(path="/nowhere")), **more)


def status(name: str, alive: float = 100.0, **more: object) -> Status:
    """A member that was fresh when the snapshot was written, at 100 s of the writer's clock."""
    fresh = Status(cluster=name, joined=1.0, since=2.0, synced=True, state=Freshness.FRESH, alive=alive)
    return structs.replace(fresh, **more)


def snapshot(*statuses: Status, exports: tuple[Export, ...] = (), clusters: tuple[Cluster, ...] = ()) -> Snapshot:
    """A snapshot of these members, each with one service unless `exports` are given."""
    names = [each.cluster for each in statuses]
    held = exports or tuple(export(name, "web") for name in names)
    messages: tuple[ToWorker, ...] = (
        NewRules(
            structs.replace(rules(), zones=ZONES, clusters=clusters or tuple(Cluster(name=each) for each in names))
        ),
        Members(statuses),
        *(
            Replace(name, tuple(each for each in held if each.cluster == name), first=True, last=True)
            for name in names
            if any(each.cluster == name for each in held)
        ),
        Types((SettledType("shop", "web", headless=True),)),
        Generation("epoch", 7, 3),
    )
    return Snapshot(Heading(version="1", at=0.0, now=100.0), messages)


def used(found: Snapshot, settings: Settings, age: float = 5.0) -> Past:
    """What is used of it so many seconds later."""
    return past(found, settings, age, 1000.0, DAY)


def test_members_keep_their_own_age() -> None:
    """Each is as old as what was known of it when the snapshot was written, and a broken stream counts."""
    found = snapshot(status("eu1"), status("us1", 40.0), status("ap1", readable=70.0, broken=("slices",)))
    ages = used(found, Settings(clusters=(member("eu1"), member("us1"), member("ap1")))).members
    assert used(found, Settings(clusters=(member("eu1"),))).types == {("shop", "web"): True}
    assert {name: each.age for name, each in ages.items()} == {"eu1": 5.0, "us1": 65.0, "ap1": 35.0}


def test_what_left_or_was_never_read_is_not_used() -> None:
    """The configuration says who is a member; one that was syncing has nothing to restore."""
    syncing = Status(cluster="us1", joined=1.0)
    found = snapshot(status("eu1"), syncing, status("gone"), exports=(export("eu1", "a"), export("gone", "a")))
    assert list(used(found, Settings(clusters=(member("eu1"), member("us1")))).members) == ["eu1"]


def test_what_is_too_old_is_named() -> None:
    """Cluster by cluster."""
    found = used(snapshot(status("eu1"), status("us1", -DAY)), Settings(clusters=(member("eu1"), member("us1"))))
    assert (list(found.members), found.outdated) == (["eu1"], ("us1",))


@pytest.mark.parametrize(
    "others",
    [
        ClustersFrom(secrets=Secrets(namespace="fedns")),
        ClustersFrom(cluster_profiles=ClusterProfiles(namespace="fleet", providers=())),
    ],
    ids=["secrets", "profiles"],
)
def test_members_of_other_objects_and_sources_of_hubs_count(others: ClustersFrom) -> None:
    """What Secrets described is used until they are read, with what it told of; without Secrets it has left."""
    clusters = (Cluster(name="eu1"), Cluster(name="hub"), Cluster(name="c1", via="hub"), Cluster(name="x", via="lost"))
    found = snapshot(*(status(each.name) for each in clusters), clusters=clusters)
    with_others = used(found, Settings(clusters=(member("eu1"),), clusters_from=others))
    assert with_others.described == (Cluster(name="hub"),)
    assert with_others.told == (("hub", "c1"),)
    assert list(with_others.members) == ["eu1", "hub", "c1"]
    assert list(used(found, Settings(clusters=(member("eu1"),))).members) == ["eu1"]


def test_what_is_trusted_no_more_is_not_restored() -> None:
    """Namespaces and addresses that the configuration has taken away since do not come back from the disk."""
    good, bad = (socket.inet_aton(each) for each in ("10.1.0.1", "192.168.0.1"))
    web = structs.replace(
        export("eu1", "web"),
        cluster_ips=(good, bad),
        load_balancer_ips=(bad,),
        slices=(*pack((), (Endpoint(good, READY), Endpoint(bad, READY))), *pack((), (Endpoint(bad, READY),))),
    )
    other = structs.replace(export("eu1", "web"), namespace="kube-system")
    trust = Trust(namespaces=("shop",), cidrs=("10.1.0.0/16",))
    assert Boundary(trust).refuses(bad)
    found = used(snapshot(status("eu1"), exports=(web, other)), Settings(clusters=(member("eu1", trust=trust),)))
    (kept,) = found.members["eu1"].exports
    assert (kept.key, kept.cluster_ips, kept.load_balancer_ips) == (("shop", "web"), (good,), ())
    assert [each.address for piece in kept.slices for each in piece.endpoints()] == [good]


@pytest.mark.parametrize(
    ("clients_from", "local", "kept"),
    [
        pytest.param(ClientsFrom(nodes=True), "eu1", ("n1",), id="still asked for"),
        pytest.param(ClientsFrom(), "eu1", (), id="no more"),
        pytest.param(ClientsFrom(nodes=True), "us1", (), id="of another cluster"),
    ],
)
def test_nodes(clients_from: ClientsFrom, local: str, kept: tuple[str, ...]) -> None:
    """Clients are where they were, at once; nodes of another cluster say nothing."""
    found = snapshot(status("eu1"), status("us1"))
    first, *rest = found.messages
    assert isinstance(first, NewRules)
    first = NewRules(structs.replace(first.rules, local=Location(cluster="eu1")))
    found = Snapshot(found.heading, (first, *rest[:1], Nodes((node(1),), whole=True), *rest[1:]))
    now = Settings(clusters=(member("eu1"), member("us1")), local=Local(cluster=local), clients_from=clients_from)
    assert tuple(each.name for each in used(found, now).nodes) == kept
