"""A member is believed for the namespaces and addresses that it was given, and for names that are names."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.trust import LABEL, Boundary, source, special
from fedns.settings.schema import ANYWHERE, Trust

PACKED = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
CIDRS = st.builds(
    lambda packed, share: str(ipaddress.ip_network((packed, round(len(packed) * 8 * share)), strict=False)),
    PACKED,
    st.floats(0, 1),
)


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_special_agrees_with_the_library(packed: bytes) -> None:
    """What Python's library calls loopback, link-local, multicast, unspecified or mapped is refused."""
    address = ipaddress.ip_address(packed)
    named = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    if named or (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped):
        assert special(packed)


@given(st.lists(CIDRS, max_size=5), PACKED)
def test_addresses_agree_with_the_library(cidrs: list[str], packed: bytes) -> None:
    """An address is the member's if one of its networks holds it, and a special one is nobody's."""
    boundary = Boundary(Trust(cidrs=tuple(cidrs)))
    held = any(ipaddress.ip_address(packed) in ipaddress.ip_network(each) for each in cidrs)
    assert boundary.refuses(packed) == ("address" if special(packed) else "" if held else "foreign-address")
    if boundary.clear(packed, len(packed)):
        assert boundary.refuses(packed) == ""


@given(st.lists(st.binary(min_size=4, max_size=4), min_size=1))
def test_one_look_misses_no_special_address(addresses: list[bytes]) -> None:
    """Where all addresses are the member's a special one is always looked at again, and an ordinary one never."""
    boundary = Boundary(Trust(cidrs=ANYWHERE))
    if any(map(special, addresses)):
        assert not boundary.clear(b"".join(addresses), 4)
    assert boundary.clear(bytes([10, 0, 0, 1]) * 3, 4)


@pytest.mark.parametrize(
    ("patterns", "allowed", "foreign"),
    [
        (("*",), ("shop", "kube-system"), ()),
        (("shop",), ("shop",), ("shop2", "ashop")),
        (("team-*", "shop"), ("team-", "team-a", "shop"), ("team", "a-team-a")),
        (("*-prod",), ("a-prod",), ("prod", "a-prod-b")),
        ((), (), ("shop",)),
    ],
)
def test_namespaces(patterns: tuple[str, ...], allowed: tuple[str, ...], foreign: tuple[str, ...]) -> None:
    """Names, or patterns with `*`; with none at all the member speaks for nobody."""
    boundary = Boundary(Trust(namespaces=patterns))
    assert all(map(boundary.namespace, allowed * 2))
    assert not any(map(boundary.namespace, foreign * 2))


def test_many_namespaces_are_not_all_remembered() -> None:
    """A member that names ever new namespaces costs time, never memory without end."""
    boundary = Boundary(Trust(namespaces=("a*",)))
    assert [boundary.namespace(f"a{at}") for at in range(10_100)] == [True] * 10_100
    assert not boundary.namespace("b")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        *((name, True) for name in ("svc", "com", "wpad", "xn--mnchen-3ya", "0", "a" * 63)),
        *((name, False) for name in ("_x", "*", "a.b", "xn--", "-a", "A", "", "a" * 64, "a\n", "\u00e4")),
    ],
)
def test_labels(name: str, allowed: bool) -> None:
    """Every DNS-1123 label may be a service or a namespace, and nothing else: no label is reserved."""
    assert (LABEL.fullmatch(name) is not None) == allowed


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("us1", True),
        ("us1.fleet", True),
        ("a.b.c", False),
        ("", False),
        ("a.", False),
        ("_a", False),
        (f"{'a' * 63}.{'b' * 63}", True),
        (f"{'a' * 63}.{'b' * 64}", False),
    ],
)
def test_cluster_ids(name: str, allowed: bool) -> None:
    """One DNS-1123 label or two."""
    assert source(name) == allowed
