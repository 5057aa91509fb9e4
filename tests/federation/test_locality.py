"""From an address to a location."""

from ipaddress import IPv4Network, ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.locality import ClientRule, Location, Locator, Node
from tests.federation.worlds import EU1, US1

CLUSTERS = {"eu1": EU1, "us1": US1}
LOCAL = Location(cluster="eu1", zone="eu-west-b")
RULES = (
    ClientRule(cidrs=("10.0.0.0/8",), cluster="us1"),
    ClientRule(cidrs=("10.1.0.0/16", "fd00::/8"), cluster="eu1", zone="eu-west-a"),
    ClientRule(cidrs=("10.1.2.3/32", "10.1.0.0/16"), region="moon", jurisdiction="none", network="office"),
    ClientRule(cidrs=("::ffff:192.0.2.0/120",), cluster="eu1", region="mars", jurisdiction="red", network="dust"),
    ClientRule(cidrs=("198.51.100.0/24",), cluster="unknown"),
    ClientRule(cidrs=("::/64",), region="low"),
)
IN_US1 = Location("us1", "", "us-east", "us", "default", "10.0.0.0/8")


def _at(address: str) -> Location:
    return Locator(RULES, LOCAL, CLUSTERS).locate(ip_address(address).packed)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        pytest.param("10.9.9.9", IN_US1, id="filled from its cluster"),
        pytest.param("::ffff:10.9.9.9", IN_US1, id="IPv4 written as IPv6"),
        pytest.param(
            "10.1.9.9",
            Location("eu1", "eu-west-a", "eu-west", "eu", "default", "10.1.0.0/16"),
            id="the longest prefix, of the first rule that has it",
        ),
        pytest.param("10.1.2.3", Location("", "", "moon", "none", "office", "10.1.2.3/32"), id="one address"),
        pytest.param("fd12::1", Location("eu1", "eu-west-a", "eu-west", "eu", "default", "fd00::/8"), id="IPv6"),
        pytest.param(
            "192.0.2.9",
            Location("eu1", "", "mars", "red", "dust", "::ffff:192.0.2.0/120"),
            id="what the rule says stands; its prefix was IPv4 in disguise",
        ),
        pytest.param(
            "198.51.100.1", Location("unknown", network="default", rule="198.51.100.0/24"), id="a cluster nobody knows"
        ),
        pytest.param("::1", Location(region="low", network="default", rule="::/64"), id="a low IPv6 prefix is no IPv4"),
        pytest.param(
            "203.0.113.1", Location("eu1", "eu-west-b", "eu-west", "eu", "default", "local"), id="where fedns runs"
        ),
    ],
)
def test_locations(address: str, place: Location) -> None:
    """The longest prefix decides; what a rule leaves open follows from its cluster; else it is where fedns runs."""
    assert _at(address) == place


def test_a_long_prefix_of_mapped_addresses_only() -> None:
    """An IPv6 prefix of 96 bits or more that is no mapped one stays IPv6."""
    locator = Locator([ClientRule(cidrs=("2001:db8::/120",), region="six")], Location(), {})
    assert locator.locate(ip_address("2001:db8::1").packed).region == "six"
    assert locator.locate(ip_address("0.0.0.1").packed) == Location(network="default", rule="local")


@given(st.binary(max_size=20))
def test_every_address_is_somewhere(address: bytes) -> None:
    """Whatever the bytes are, there is a location."""
    assert Locator(RULES, LOCAL, CLUSTERS).locate(address).rule


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32))), st.integers(0, 2**32 - 1))
def test_the_longest_prefix_wins(prefixes: list[tuple[int, int]], number: int) -> None:
    """The dictionaries find what a search through all prefixes finds."""
    networks = [ip_network((first, length), strict=False) for first, length in prefixes]
    locator = Locator([ClientRule(cidrs=(str(each),)) for each in networks], Location(), {})
    address = ip_address(number)
    around = [each for each in networks if address in each]
    best = str(max(around, key=lambda each: each.prefixlen)) if around else "local"
    assert locator.locate(address.packed).rule == best


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 8))), st.integers(0, 255), st.integers(0, 8))
def test_a_scope_says_how_far_an_answer_holds(prefixes: list[tuple[int, int]], first: int, length: int) -> None:
    """All addresses that share the scope's bits are at the place of the subnet; with one bit less, some are not."""
    networks = [IPv4Network((bits << 24, size), strict=False) for bits, size in prefixes]
    locator = Locator([ClientRule(cidrs=(str(each),)) for each in networks], Location(), {})
    subnet = ip_network((first << 24, length), strict=False).network_address.packed
    place, scope = locator.locate_subnet(subnet, length)
    around = [each for each in networks if ip_address(subnet) in each and each.prefixlen <= length]
    assert place.rule == (str(max(around, key=lambda each: each.prefixlen)) if around else "local")

    def rules(bits: int) -> set[str]:
        block = ip_network((int.from_bytes(subnet), bits), strict=False)
        inside = [bytes((number, 0, 0, 0)) for number in range(256) if ip_address(number << 24) in block]
        return {locator.locate(each).rule for each in inside}

    assert scope <= 8
    assert len(rules(scope)) == 1
    if scope <= length:
        assert rules(scope) == {place.rule}
    if scope:
        wider = IPv4Network((int.from_bytes(subnet), scope - 1), strict=False)
        assert any(each.prefixlen >= scope and each.subnet_of(wider) for each in networks)


def test_a_named_place_is_completed() -> None:
    """What a hint leaves open follows from its cluster."""
    assert Locator(RULES, LOCAL, CLUSTERS).complete(Location(cluster="us1", rule="hint")) == Location(
        "us1", "", "us-east", "us", "default", "hint"
    )


def test_every_place_once() -> None:
    """The default one first; prefixes at one place stand for it together, by the first of them."""
    twice = ClientRule(cidrs=("10.200.0.0/16",), cluster="us1")
    places = Locator((*RULES, twice), LOCAL, CLUSTERS).places()
    assert [each.rule for each in places] == [
        "local", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "198.51.100.0/24", "::/64", "::ffff:192.0.2.0/120",
    ]  # fmt: skip
    assert len(Locator((), Location(cluster="us1"), CLUSTERS).places()) == 1


def node(name: str, *cidrs: str, created: int = 1, zone: str = "eu-west-c") -> Node:
    """A node with these prefixes."""
    networks = [ip_network(each) for each in cidrs]
    return Node(name, created, zone, tuple(each.network_address.packed + bytes((each.prefixlen,)) for each in networks))


def _on(name: str, zone: str = "eu-west-c") -> Location:
    return Location("eu1", zone, "eu-west", "eu", "default", f"node {name}")


NODES = {
    each.name: each
    for each in (
        node("n1", "10.64.1.0/24", "fd01::/64", "192.0.2.64/32"),
        node("n2", "10.64.2.0/24", "10.1.0.0/16", zone=""),
        node("old", "10.64.3.0/24", "192.0.2.65/32", created=1),
        node("new", "192.0.2.65/32", created=2, zone="eu-west-b"),
        node("twin", "192.0.2.65/32", created=1, zone="eu-west-d"),
    )
}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        pytest.param("10.64.1.9", _on("n1"), id="a pod of the node, by its podCIDR"),
        pytest.param("fd01::9", _on("n1"), id="the same over IPv6"),
        pytest.param("192.0.2.64", _on("n1"), id="the node itself, inside a configured prefix"),
        pytest.param("10.64.2.9", _on("n2", ""), id="a node that tells no zone"),
        pytest.param("10.1.9.9", _at("10.1.9.9"), id="the configuration wins where both have a prefix"),
        pytest.param("192.0.2.65", _on("new", "eu-west-b"), id="the youngest of those that have one address"),
        pytest.param("10.64.3.1", _on("old"), id="what an older one has alone"),
        pytest.param("10.64.4.1", IN_US1, id="the configured prefix around it"),
    ],
)
def test_nodes(address: str, place: Location) -> None:
    """A client is where its node is; region and the rest follow from the local cluster."""
    assert Locator(RULES, LOCAL, CLUSTERS, NODES).locate(ip_address(address).packed) == place


def test_a_node_that_goes_gives_its_prefixes_back() -> None:
    """To who else has them, or to the prefix around them; what moved is told, and nothing else."""
    locator = Locator(RULES, LOCAL, CLUSTERS, NODES)
    assert locator.move({"n1": NODES["n1"], "nobody": None}) == []
    (address,) = locator.move({"new": None})
    assert address == (4, 32, int(ip_address("192.0.2.65")))
    assert locator.locate(ip_address("192.0.2.65").packed).rule == "node twin"
    assert locator.move({"n2": None}) == [(4, 24, int(ip_address("10.64.2.0")))]
    assert locator.locate(ip_address("10.64.2.9").packed) == IN_US1
    assert locator.locate_subnet(ip_address("10.64.1.0").packed, 24) == (_on("n1"), 24)
    assert locator.locate_subnet(ip_address("10.64.2.0").packed, 24) == (IN_US1, 24), "its neighbour is told apart"


_PREFIXES = ["10.64.0.0/24", "10.64.0.0/25", "10.64.0.128/25", "10.64.0.7/32", "10.1.0.0/16", "10.64.0.0/16"]
_WORLDS = st.dictionaries(
    st.sampled_from("abc"),
    st.builds(
        lambda cidrs, created, zone: node("", *cidrs, created=created, zone=zone),
        st.lists(st.sampled_from(_PREFIXES)),
        st.integers(0, 2),
        st.sampled_from("xy"),
    ),
)


@given(
    st.lists(_WORLDS, min_size=2, max_size=4), st.sampled_from(["10.64.0.7", "10.64.0.200", "10.64.9.9", "10.1.0.1"])
)
def test_moves_equal_the_whole(worlds: list[dict[str, Node]], address: str) -> None:
    """However nodes came and went, clients are where they would be had these nodes always been all."""
    packed = ip_address(address).packed
    locator = Locator(RULES, LOCAL, CLUSTERS)
    for held, wanted in pairwise([{}, *worlds]):
        named = {name: structs.replace(each, name=name) for name, each in wanted.items()}
        before = locator.locate(packed)
        moved = locator.move({**dict.fromkeys(held), **named})
        whole = Locator(RULES, LOCAL, CLUSTERS, named)
        assert locator.locate(packed) == whole.locate(packed)
        assert locator.locate_subnet(packed, 32) == whole.locate_subnet(packed, 32)
        inside = [each for each in moved if int(ip_address(address)) >> 32 - each[1] == each[2] >> 32 - each[1]]
        assert inside or locator.locate(packed) == before
