"""The catalog: what members export, joined."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.catalog import Catalog, join
from fedns.federation.objects import Endpoint, Export, Port, ServiceKey
from tests.federation.worlds import UP, export, exports, pods

KEY = ("shop", "api")
HTTP = Port("http", 80)


@pytest.mark.parametrize(
    ("given_exports", "ranks", "order"),
    [
        pytest.param([("eu1", 20), ("us1", 10)], {}, ["us1", "eu1"], id="the oldest first"),
        pytest.param([("us1", 10), ("eu1", 10)], {}, ["eu1", "us1"], id="a tie goes by name"),
        pytest.param([("us1", 10), ("eu1", 20)], {"us1": 1}, ["eu1", "us1"], id="trust goes before age"),
    ],
)
def test_precedence(given_exports: list[tuple[str, int]], ranks: dict[str, int], order: list[str]) -> None:
    """Trust rank, then age, then the cluster's name decide whose export wins."""
    joined = join((export(name, created=created) for name, created in given_exports), ranks)
    assert [each.cluster for each in joined.exports] == order


@pytest.mark.parametrize(
    ("winner", "other", "union"),
    [
        pytest.param([HTTP], [Port("dns", 53, "UDP")], [HTTP, Port("dns", 53, "UDP")], id="both"),
        pytest.param([HTTP], [Port("http", 8080)], [HTTP], id="the same name once"),
        pytest.param([HTTP], [Port("web", 80)], [HTTP], id="the same number once"),
        pytest.param([HTTP], [Port("quic", 80, "UDP")], [HTTP, Port("quic", 80, "UDP")], id="a protocol is part of it"),
        pytest.param([Port("", 80)], [Port("", 81)], [Port("", 80)], id="no name is a name"),
    ],
)
def test_ports_are_the_union(winner: list[Port], other: list[Port], union: list[Port]) -> None:
    """Ports merge by name first, then by protocol and number, in order of precedence."""
    one, two = export("eu1", ports=tuple(winner)), export("us1", created=2, ports=tuple(other))
    assert join([two, one], {}).ports == tuple(union)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        pytest.param({"headless": False}, "TypeConflict", 'Conflicting type. Using "Headless"', id="type"),
        pytest.param({"ports": ()}, "PortConflict", 'Using "http 80/TCP"', id="ports"),
        pytest.param({"annotations": (("fedns.io/x", "y"),)}, "AnnotationsConflict", 'Using ""', id="annotations"),
        pytest.param({"traffic": "PreferSameZone"}, "TrafficDistributionConflict", 'Using "none"', id="traffic"),
        pytest.param({"cluster_ips": (bytes(16),)}, "IPFamilyConflict", 'Using "IPv4"', id="families"),
    ],
)
def test_conflicts_name_who_disagrees(change: dict[str, object], kind: str, words: str) -> None:
    """A member that differs from the winner is told so, with what is used and how many disagree."""
    winner = export("eu1", *pods(UP))
    other = structs.replace(winner, cluster="us1", created=2, **change)
    (conflict,) = join([winner, other], {}).conflicts
    assert (conflict.kind, conflict.cluster) == (kind, "us1")
    assert words in conflict.message
    assert '"eu1"' in conflict.message
    assert "1/2 clusters disagree" in conflict.message


def test_the_winner_decides_the_type() -> None:
    """A service is headless as the export with precedence says."""
    one, two = export("eu1", headless=False), export("us1", created=2)
    assert join([one, two], {}).headless is False
    assert join([one, two], {"eu1": 1}).headless is True


def addressed(cluster: str, created: int) -> Export:
    """An export of another type."""
    return export(cluster, headless=False, created=created)


def kind(catalog: Catalog) -> bool | None:
    """Whether the service is headless, by what is settled and by what it is: both agree where exports do not."""
    service = catalog.service(KEY)
    assert service is not None
    assert catalog.settled.get(KEY, service.headless) == service.headless
    return service.headless


def test_a_type_stays_while_an_export_of_it_is_left() -> None:
    """A conflict of types changes no type, neither when it begins nor when the oldest leaves."""
    catalog = Catalog()
    catalog.apply("eu1", KEY, export("eu1", created=5))
    assert (kind(catalog), catalog.settled, catalog.settlements) == (True, {}, 0)
    catalog.apply("us1", KEY, addressed("us1", 1))
    assert (kind(catalog), catalog.settled, catalog.settlements) == (True, {KEY: True}, 1)
    catalog.apply("ap1", KEY, export("ap1", created=9))
    catalog.apply("eu1", KEY, None)
    assert (kind(catalog), catalog.settlements) == (True, 1)
    catalog.apply("ap1", KEY, addressed("ap1", 9))
    assert (kind(catalog), catalog.settled, catalog.settlements) == (False, {}, 2)
    catalog.apply("ap1", KEY, export("ap1", created=0))
    assert kind(catalog) is False


@pytest.mark.parametrize("order", [["eu1", "us1", "ap1"], ["ap1", "us1", "eu1"], ["us1", "eu1", "ap1"]])
def test_the_oldest_decides_whatever_is_read_first(order: list[str]) -> None:
    """The first whole reading of a member counts as if it had always been there."""
    held = {"eu1": export("eu1", created=2), "us1": addressed("us1", 1), "ap1": export("ap1", created=3)}
    catalog = Catalog()
    for name in order:
        catalog.replace(name, [held[name]])
    assert kind(catalog) is False
    catalog.replace("us1", [])
    assert (kind(catalog), catalog.settled) == (True, {})


def test_an_operator_settles_anew_by_trust() -> None:
    """Other ranks decide at once; ranks that say the same change nothing."""
    catalog = Catalog()
    catalog.apply("eu1", KEY, export("eu1", created=1))
    catalog.apply("us1", KEY, addressed("us1", 2))
    catalog.ranks = {"eu1": 0}
    assert (kind(catalog), catalog.settlements) == (True, 1)
    catalog.ranks = {"eu1": 1}
    assert (kind(catalog), catalog.settlements) == (False, 2)


def test_what_another_catalog_settled_is_taken() -> None:
    """It holds for what disagrees now, and for what comes to; with `once` until the exports agree."""
    for once in (False, True):
        catalog = Catalog()
        catalog.settle({KEY: False}, once=once)
        catalog.replace("eu1", [export("eu1", created=1)])
        assert kind(catalog) is True
        catalog.replace("us1", [addressed("us1", 2)])
        assert kind(catalog) is False
        assert catalog.settle({KEY: True}, once=once) == {KEY}
        assert kind(catalog) is True
        assert catalog.settle({KEY: True}, once=once) == set()
        catalog.apply("eu1", KEY, addressed("eu1", 1))
        catalog.apply("eu1", KEY, export("eu1", created=1))
        assert kind(catalog) is not once


def test_a_type_that_is_kept_is_explained() -> None:
    """The message names what is used, and whose export would have precedence."""
    service = join([export("eu1", created=2), addressed("us1", 1), addressed("ap1", 3)], {}, headless=True)
    first, second = (each for each in service.conflicts if each.kind == "TypeConflict")
    assert [first.cluster, second.cluster] == ["us1", "ap1"]
    assert first.message == (
        'Conflicting type. Using "Headless" as before, though the export in "us1" has precedence.'
        " 2/3 clusters disagree."
    )


def test_nothing_to_say_is_no_conflict() -> None:
    """An export without endpoints has no family, and contradicts nobody, also when it has precedence."""
    some, none = export("eu1", *pods(UP)), export("us1", created=2)
    assert join([some, none], {}).conflicts == ()
    assert join([some, none], {"eu1": 1}).conflicts == ()


def test_shared() -> None:
    """More members than one may disagree."""
    catalog = Catalog()
    assert not catalog.shared(KEY)
    catalog.apply("eu1", KEY, export("eu1"))
    assert not catalog.shared(KEY)
    catalog.apply("us1", KEY, export("us1"))
    assert catalog.shared(KEY)


def test_changes_are_told() -> None:
    """The keys that changed come back, and nothing when nothing changed."""
    catalog = Catalog()
    one, other = export("eu1"), structs.replace(export("eu1"), name="web")
    assert catalog.replace("eu1", [one, other]) == {KEY, ("shop", "web")}
    assert catalog.replace("eu1", [one, other]) == set()
    assert catalog.replace("eu1", [one]) == {("shop", "web")}
    assert catalog.apply("eu1", KEY, one) is False
    assert catalog.apply("eu1", KEY, structs.replace(one, created=9)) is True
    assert catalog.apply("us1", KEY, None) is False
    assert catalog.drop("eu1") == {KEY}
    assert catalog.drop("eu1") == set()


def test_what_is_there() -> None:
    """Keys, namespaces, sizes and a member's own exports follow each change."""
    catalog = Catalog()
    web = Export("us1", "shop", "web", created=1, headless=True)
    catalog.replace("eu1", [export("eu1")])
    catalog.replace("us1", [export("us1"), web])
    assert set(catalog.keys()) == {KEY, ("shop", "web")}
    assert len(catalog) == 2
    assert catalog.exports_of("eu1") == [export("eu1")]
    assert catalog.exports_of("nobody") == []
    catalog.drop("eu1")
    assert catalog.has_namespace("shop")
    assert len(catalog) == 2
    catalog.drop("us1")
    assert not catalog.has_namespace("shop")
    assert catalog.service(KEY) is None


def test_a_joined_service_is_remembered_until_it_changes() -> None:
    """The same value comes back until an export or a trust rank changes."""
    catalog = Catalog({"us1": 0})
    catalog.replace("eu1", [export("eu1", created=2)])
    catalog.replace("us1", [export("us1")])
    first = catalog.service(KEY)
    assert first is not None
    assert catalog.service(KEY) is first
    assert first.exports[0].cluster == "us1"
    catalog.ranks = {"us1": 1}
    assert catalog.ranks == {"us1": 1}
    second = catalog.service(KEY)
    assert second is not None
    assert second.exports[0].cluster == "eu1"
    catalog.apply("us1", KEY, None)
    third = catalog.service(KEY)
    assert third is not None
    assert len(third.exports) == 1


@pytest.mark.parametrize(
    ("cluster", "key"),
    [pytest.param("us1", KEY, id="another member"), pytest.param("eu1", ("shop", "web"), id="another service")],
)
def test_nobody_exports_under_a_foreign_name(cluster: str, key: ServiceKey) -> None:
    """An export of another member's or service's name counts as gone."""
    catalog = Catalog()
    assert catalog.apply(cluster, key, export("eu1")) is False
    assert len(catalog) == 0


def _joined(catalog: Catalog) -> Iterator[object]:
    for key in sorted(catalog.keys()):
        yield catalog.service(key)


@given(st.lists(st.tuples(exports, st.booleans())), st.randoms(use_true_random=False))
def test_history_does_not_matter(events: list[tuple[Export, bool]], chance: Random) -> None:
    """A catalog fed in any order equals one that is built at once, and told which types are settled."""
    fed, truth = Catalog(), dict[tuple[str, ServiceKey], Export]()
    for each, stays in events:
        fed.apply(each.cluster, each.key, each if stays else None)
        fed.service(each.key)
        if stays:
            truth[each.cluster, each.key] = each
        else:
            truth.pop((each.cluster, each.key), None)
    final = list(truth.values())
    chance.shuffle(final)
    built = Catalog()
    for cluster in {each.cluster for each in final}:
        built.replace(cluster, [each for each in final if each.cluster == cluster])
    built.settle(fed.settled)
    assert built.settled == fed.settled
    assert list(_joined(fed)) == list(_joined(built))
    assert len(fed) == len(built)
    assert fed.has_namespace("shop") == bool(final)


@given(st.lists(exports, min_size=1, unique_by=lambda each: each.cluster))
def test_a_joined_service_has_no_port_twice(given_exports: list[Export]) -> None:
    """However members disagree, no name and no (protocol, number) stands twice in the union."""
    ports = join(given_exports, {}).ports
    assert len({port.name for port in ports}) == len(ports)
    assert len({(port.protocol, port.number) for port in ports}) == len(ports)


def test_both_families_count_for_the_conflict() -> None:
    """A headless export's families are those of its endpoints."""
    six = Endpoint(bytes(16), UP)
    (conflict,) = join([export("eu1", *pods(UP)), export("us1", six, created=2)], {}).conflicts
    assert conflict.kind == "IPFamilyConflict"
