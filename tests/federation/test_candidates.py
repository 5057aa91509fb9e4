"""From exports to the addresses that a client could use."""

from itertools import chain

import pytest
from hypothesis import given
from msgspec import structs

from fedns.federation.candidates import candidates, endpoint_at, in_order, order
from fedns.federation.locality import Location
from fedns.federation.objects import READY, AddressKind, Cluster, Endpoint, Export, Port, Service, Slice, pack
from fedns.federation.placement import Candidate, Reason, World
from tests.federation.worlds import (
    DOWN,
    EU1,
    HERE,
    LEAVING,
    UP,
    export,
    locations,
    pods,
    service,
    services,
    world,
    worlds,
)

CIP, LB, GW, SET = b"\x0a\x60\0\x01", b"\xc0\0\x02\x01", b"\xc0\0\x02\x02", b"\xf1\0\0\x01"
SIX = b"\xfd" + bytes(15)
FULL = export("eu1", *pods(UP), headless=False, cluster_ips=(CIP,), load_balancer_ips=(LB,), cluster_set_ips=(SET,))
GATED = structs.replace(EU1, gateway_ips=(GW,))
ALL_KINDS = tuple(AddressKind)
AWAY = Location(cluster="us1", network="default")
OUTSIDE = Location(network="office")


def found(given: Export, location: Location, cluster: Cluster) -> list[Candidate]:
    """The candidates of one export for this client."""
    return list(in_order(candidates(service(given), location, world(cluster), {})[0]))


@pytest.mark.parametrize(
    ("cluster", "location", "given", "kind"),
    [
        pytest.param(EU1, HERE, FULL, AddressKind.CLUSTER_IP, id="the ClusterIP inside the cluster"),
        pytest.param(EU1, AWAY, FULL, AddressKind.POD_IP, id="pods inside the network"),
        pytest.param(EU1, OUTSIDE, FULL, AddressKind.LOAD_BALANCER, id="the load balancer from outside"),
        pytest.param(
            structs.replace(EU1, cluster_ips_routable=True), OUTSIDE, FULL, AddressKind.CLUSTER_IP, id="routable"
        ),
        pytest.param(structs.replace(EU1, network=""), Location(), FULL, AddressKind.LOAD_BALANCER, id="no network"),
        pytest.param(
            structs.replace(GATED, addresses=(AddressKind.GATEWAY, AddressKind.CLUSTER_IP)),
            HERE,
            FULL,
            AddressKind.GATEWAY,
            id="in the cluster's order",
        ),
        pytest.param(structs.replace(EU1, addresses=ALL_KINDS), HERE, FULL, AddressKind.CLUSTER_SET_IP, id="set IP"),
        pytest.param(
            EU1,
            AWAY,
            structs.replace(FULL, annotations=(("fedns.io/addresses", "LoadBalancer, Gateway, SetIP"),)),
            AddressKind.LOAD_BALANCER,
            id="narrowed by the service",
        ),
        pytest.param(
            EU1,
            AWAY,
            structs.replace(
                FULL, namespace_annotations=(("fedns.io/addresses", "LoadBalancer"), ("fedns.io/ttl", "1"))
            ),
            AddressKind.LOAD_BALANCER,
            id="narrowed by its namespace",
        ),
        pytest.param(EU1, AWAY, structs.replace(FULL, slices=()), AddressKind.LOAD_BALANCER, id="no pods, next kind"),
        pytest.param(EU1, AWAY, export("eu1", *pods(UP), cluster_ips=(CIP,)), AddressKind.POD_IP, id="headless"),
        pytest.param(
            structs.replace(EU1, addresses=()), HERE, export("eu1", *pods(UP)), AddressKind.POD_IP, id="headless always"
        ),
    ],
)
def test_the_first_kind_that_the_client_can_reach(
    cluster: Cluster, location: Location, given: Export, kind: AddressKind
) -> None:
    """Each cluster gives addresses of one kind: the first in its order that has any and that this client reaches."""
    assert [each.kind for each in found(given, location, cluster)] == [kind]


def test_other_kinds_are_left_out_with_a_reason() -> None:
    """Kinds out of reach, and those after the one that is used, are told apart."""
    _, left = candidates(service(FULL), AWAY, world(GATED), {})
    assert {(each.candidates[0].kind, each.reason) for each in left} == {
        (AddressKind.CLUSTER_IP, Reason.UNREACHABLE_KIND),
        (AddressKind.LOAD_BALANCER, Reason.OTHER_KIND),
        (AddressKind.GATEWAY, Reason.OTHER_KIND),
    }


@pytest.mark.parametrize(
    ("given", "location"),
    [
        pytest.param(export("gone", *pods(UP)), HERE, id="a member that left"),
        pytest.param(export("eu1", *pods(UP)), OUTSIDE, id="headless out of reach"),
        pytest.param(export("eu1", headless=False, cluster_ips=(b"odd",)), HERE, id="no address at all"),
    ],
)
def test_nothing_to_hand_out(given: Export, location: Location) -> None:
    """Without an address that the client reaches there is no candidate."""
    assert found(given, location, EU1) == []


@pytest.mark.parametrize(
    ("endpoints", "ready", "total", "conditions", "zones"),
    [
        pytest.param(pods(UP, UP, zone="b") + pods(UP, net=1) + pods(DOWN, net=2), 3, 4, UP, ("a", "b"), id="ready"),
        pytest.param(pods(LEAVING, DOWN), 0, 2, LEAVING, (), id="ending"),
        pytest.param(pods(DOWN), 0, 1, 0, (), id="none ready"),
        pytest.param((), 0, 0, 0, (), id="none"),
        pytest.param((*pods(UP, UP, zone=""), Endpoint(SIX, UP)), 2, 2, UP, (), id="dual stack counts pods"),
    ],
)
def test_cluster_level_addresses_stand_for_all_endpoints(
    endpoints: tuple[Endpoint, ...], ready: int, total: int, conditions: int, zones: tuple[str, ...]
) -> None:
    """A cluster-level address counts its cluster's endpoints, and is in every zone where one of them is ready."""
    (one,) = found(export("eu1", *endpoints, headless=False, cluster_ips=(CIP,)), HERE, EU1)
    assert (one.ready, one.total, one.conditions, one.zones) == (ready, total, conditions, zones)
    assert one.ports == (Port("http", 80),)


def test_both_families_are_candidates() -> None:
    """A dual-stack service gives an address of each family, each once."""
    both = found(export("eu1", headless=False, cluster_ips=(SIX, CIP, SIX)), HERE, EU1)
    assert {each.address for each in both} == {CIP, SIX}
    assert len(both) == 2


def test_an_endpoint_in_two_slices_is_one() -> None:
    """While slices are rewritten one address may stand in two: it is one candidate with what both say."""
    http, dns = Port("http", 80), Port("dns", 53)
    (old,) = pack((http,), [Endpoint(b"\x0a\0\0\x01", DOWN, "b", "")])
    (new,) = pack((dns,), [Endpoint(b"\x0a\0\0\x01", UP, "a", "pet-0")])
    for slices in ((old, new), (new, old)):
        (one,) = found(export("eu1", slices=slices), HERE, EU1)
        assert (one.ready, one.total, one.zones, one.host) == (1, 1, ("a",), "pet-0")
        assert one.ports == (dns, http)


def test_a_pod_without_a_zone_is_in_none() -> None:
    """A pod's zone is its own; one that has none is in no zone."""
    with_zone, without = found(export("eu1", *pods(UP, zone="b"), *pods(UP, net=1, zone="")), HERE, EU1)
    assert (with_zone.zones, without.zones) == (("b",), ())


@given(services, locations, worlds)
def test_one_kind_for_each_cluster(given_service: Service, location: Location, everything: World) -> None:
    """Whatever members export, each has candidates of one kind at most, and every address stands once."""
    chosen, left = candidates(given_service, location, everything, {})
    kinds: dict[str, set[AddressKind]] = {}
    for each in chosen:
        kinds.setdefault(each[0].cluster, set()).add(each[0].kind)
    assert all(len(each) == 1 for each in kinds.values())
    bunches = [*chosen, *(each.candidates for each in left)]
    stands = [order(each) for bunch in bunches for each in bunch]
    assert len(set(stands)) == len(stands)
    assert list(in_order(bunches)) == sorted(chain(*bunches), key=order)


@given(services, locations, worlds)
def test_a_bunch_differs_in_address_and_host_only(
    given_service: Service, location: Location, everything: World
) -> None:
    """What is decided of the first of a bunch holds for all: they stand in the order of their addresses."""
    chosen, left = candidates(given_service, location, everything, {})
    for bunch in [*chosen, *(each.candidates for each in left)]:
        assert bunch == tuple(sorted(bunch, key=order))
        first = bunch[0]
        assert len({len(each.address) for each in bunch}) == 1
        assert {structs.replace(each, address=first.address, hostname=first.hostname) for each in bunch} == {first}


@given(services, locations, locations, worlds, worlds)
def test_what_is_remembered_is_what_would_be_made(
    given_service: Service, location: Location, before: Location, everything: World, earlier: World
) -> None:
    """A service that was asked for before, by another client in another world, gives what a new one gives."""
    candidates(given_service, before, earlier, {})
    new = structs.replace(given_service)
    assert not new.memory
    assert candidates(given_service, location, everything, {}) == candidates(new, location, everything, {})


@pytest.mark.parametrize(
    ("location", "via", "reached"),
    [
        pytest.param(HERE, "", True, id="in the cluster itself"),
        pytest.param(HERE, "hub", True, id="in the source cluster"),
        pytest.param(Location(cluster="hub"), "hub", True, id="in the hub that imports it"),
        pytest.param(Location(cluster="hub"), "", False, id="in another cluster"),
        pytest.param(Location(), "", False, id="outside of all clusters"),
    ],
)
def test_where_a_cluster_set_ip_is_reached(location: Location, via: str, reached: bool) -> None:
    """In the cluster, and where it was imported: in the member that tells of it. A ClusterIP in the cluster only."""
    cluster = structs.replace(EU1, via=via, network="", addresses=(AddressKind.CLUSTER_SET_IP,))
    assert bool(found(FULL, location, cluster)) == reached
    cluster = structs.replace(cluster, addresses=(AddressKind.CLUSTER_IP,))
    assert bool(found(FULL, location, cluster)) == (location.cluster == "eu1")


@pytest.mark.parametrize(
    ("slices", "ready", "total"),
    [
        pytest.param((), 1, 1, id="none are written"),
        pytest.param(pack((), pods(DOWN)), 0, 1, id="none is ready"),
        pytest.param(pack((), pods(UP, UP)), 2, 2, id="two are ready"),
    ],
)
def test_readiness_behind_a_cluster_set_ip(slices: tuple[Slice, ...], ready: int, total: int) -> None:
    """Without any slices nothing is known of readiness, and that counts as one ready endpoint; slices are believed."""
    cluster = structs.replace(EU1, addresses=(AddressKind.CLUSTER_SET_IP,))
    (candidate,) = found(structs.replace(FULL, slices=slices), HERE, cluster)
    assert (candidate.ready, candidate.total, bool(candidate.conditions & READY)) == (ready, total, ready > 0)
    other = structs.replace(EU1, addresses=(AddressKind.LOAD_BALANCER,))
    (candidate,) = found(structs.replace(FULL, slices=()), HERE, other)
    assert (candidate.ready, candidate.total) == (0, 0)


def test_all_that_is_said_of_one_address() -> None:
    """An endpoint in two slices is ready if one says so, and has the hostname of either."""
    first = Endpoint(bytes([10, 0, 0, 1]), 0, "", "pet")
    second = Endpoint(bytes([10, 0, 0, 1]), READY, "a")
    other = Endpoint(bytes([10, 0, 0, 2]), READY)
    made = structs.replace(export("eu1"), slices=(*pack((), [first, other]), *pack((), [second])))
    assert endpoint_at(made, first.address) == Endpoint(first.address, READY, "a", "pet")
    assert endpoint_at(made, other.address) == other
    assert endpoint_at(made, bytes(4)) is None
