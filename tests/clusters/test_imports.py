"""Imported services become exports of the clusters that they come from, whatever the order of events."""

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.decode import Decoder, Item
from fedns.clusters.imports import RESOURCES, Imports
from tests.clusters.scripted import endpointslice, export
from tests.clusters.test_decode import raw

if TYPE_CHECKING:
    from fedns.clusters.shelves import Touched
    from fedns.federation.objects import Export

KEY = ("shop", "web")
IP = bytes([10, 9, 0, 1])
SOURCE = "multicluster.kubernetes.io/source-cluster"


def imported(name: str, *, headless: bool = False) -> dict[str, Any]:
    """A ServiceImport."""
    spec = {"type": "Headless"} if headless else {"type": "ClusterSetIP", "ips": ["10.9.0.1"]}
    return export(name, 0) | {"spec": spec | {"ports": [{"port": 80}]}}


def slice_of(name: str, owner: str, cluster: str, *addresses: str) -> dict[str, Any]:
    """An imported slice."""
    item = endpointslice(name, 0, owner, *addresses)
    item["metadata"]["labels"] = {"multicluster.kubernetes.io/service-name": owner, SOURCE: cluster}
    return item


def lease(name: str, cluster: str, renewed: str) -> dict[str, Any]:
    """A Lease of a source cluster."""
    item = export(name, 0) | {"spec": {"renewTime": renewed, "leaseDurationSeconds": 30}}
    item["metadata"]["labels"] = {SOURCE: cluster}
    return item


def decoded(resource: str, item: dict[str, Any], version: int = 1) -> Item:
    """A decoded object of this version."""
    decoder = Decoder()
    decode = {"imports": decoder.imported, "slices": decoder.imported_slice, "leases": decoder.lease}[resource]
    return decode(raw(item | {"metadata": item["metadata"] | {"resourceVersion": str(version)}}))


def test_every_source_exports_the_ips_and_its_own_endpoints() -> None:
    """An import of two sources is an export of each, with the same IPs; the hub itself exports nothing then."""
    hub = Imports("hub")
    assert hub.resources == RESOURCES
    assert hub.replace("imports", [decoded("imports", imported("web"))]) == {("hub", KEY)}
    given = [slice_of("s1", "web", "eu1", "10.0.0.1"), slice_of("s2", "web", "us1", "10.0.0.2")]
    assert hub.replace("slices", [decoded("slices", each) for each in given]) == {
        (name, KEY) for name in ("hub", "eu1", "us1")
    }
    assert hub.clusters() == {"hub", "eu1", "us1"}
    assert hub.export("hub", KEY) is None
    for cluster, last in (("eu1", 1), ("us1", 2)):
        (found,) = hub.exports(cluster)
        assert (found.cluster, found.cluster_set_ips, found.created, found.headless) == (
            cluster,
            (IP,),
            1735689600,
            False,
        )
        assert [each.addresses for each in found.slices] == [bytes([10, 0, 0, last])]
        assert [port.number for port in found.ports] == [80]


def test_an_import_without_slices_is_the_hubs_own() -> None:
    """Its IPs are all that is known; with a first slice it is the source's, with the last one gone the hub's."""
    hub = Imports("hub")
    hub.replace("imports", [decoded("imports", imported("web"))])
    (found,) = hub.exports("hub")
    assert (found.cluster, found.cluster_set_ips, found.slices) == ("hub", (IP,), ())
    one = decoded("slices", slice_of("s1", "web", "eu1", "10.0.0.1"))
    assert hub.apply("slices", "ADDED", one) == {("hub", KEY), ("eu1", KEY)}
    assert list(hub.exports("hub")) == []
    assert hub.apply("slices", "DELETED", one) == {("hub", KEY), ("eu1", KEY)}
    assert len(list(hub.exports("hub"))) == 1
    assert hub.clusters() == {"hub"}


def test_a_change_of_an_import_touches_every_source() -> None:
    """Type and ports are told again for each; slices without an import export nothing."""
    hub = Imports("hub")
    hub.replace("slices", [decoded("slices", slice_of(name, "web", name, "10.0.0.1")) for name in ("eu1", "us1")])
    assert list(hub.exports("eu1")) == []
    headless = decoded("imports", imported("web", headless=True))
    assert hub.apply("imports", "ADDED", headless) == {(name, KEY) for name in ("hub", "eu1", "us1")}
    found = hub.export("us1", KEY)
    assert found is not None
    assert (found.headless, found.cluster_set_ips) == (True, ())


def test_leases() -> None:
    """The lease that was renewed last speaks for its source cluster; a lease touches no service."""
    hub = Imports("hub")
    given = [lease("b", "eu1", "2026-01-02"), lease("a", "eu1", "2026-01-03"), lease("c", "us1", "2026-01-01")]
    assert hub.replace("leases", [decoded("leases", each) for each in given]) == set()
    assert {name: facts.renewed for name, facts in hub.leases().items()} == {"eu1": "2026-01-03", "us1": "2026-01-01"}


OBJECTS = st.one_of(
    st.builds(lambda n, h: ("imports", imported(f"s{n}", headless=h)), st.integers(0, 2), st.booleans()),
    st.builds(
        lambda n, o, c, a: ("slices", slice_of(f"s{n}", f"s{o}", f"c{c}", f"10.0.0.{a}")),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(1, 3),
    ),
)


@given(st.lists(st.tuples(OBJECTS, st.booleans()), max_size=25), st.randoms(use_true_random=False))
def test_any_order_of_events_ends_like_the_list(history: list[Any], random: Any) -> None:
    """Events in any order, and each one twice, leave what the final list gives, and no export was left untold."""
    events, final = [], {}
    for version, ((resource, item), deleted) in enumerate(history, start=1):
        found = decoded(resource, item, version)
        events.append((resource, "DELETED" if deleted else "MODIFIED", found))
        final[resource, found.name] = None if deleted else found
    shuffled = events * 2
    random.shuffle(shuffled)
    streamed, whole = Imports("hub"), Imports("hub")
    told: dict[Touched, Export | None] = {}
    for resource, kind, found in shuffled:
        told |= {each: streamed.export(*each) for each in streamed.apply(resource, kind, found)}
    for wanted in RESOURCES:
        whole.replace(wanted, [each for (resource, _), each in final.items() if each and resource == wanted])
    assert streamed.clusters() == whole.clusters()
    expected = {(name, each.key): each for name in whole.clusters() for each in whole.exports(name)}
    assert {(name, each.key): each for name in streamed.clusters() for each in streamed.exports(name)} == expected
    assert {touched: each for touched, each in told.items() if each is not None} == expected
    assert streamed.objects() == whole.objects()
