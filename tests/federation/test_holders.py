"""The way back from addresses to services: the same as looking at every export, after any changes."""

from hypothesis import given
from hypothesis import strategies as st

from fedns.federation.catalog import Catalog
from fedns.federation.holders import Holders, addresses
from fedns.federation.objects import Export
from tests.federation.worlds import exports

PREFIXES = ((4, "0a0000"), (16, "fd"))
CHANGES = st.lists(st.tuples(exports, st.booleans()), max_size=8)


def looked_up(catalog: Catalog, address: bytes) -> list[tuple[str, str]]:
    """The services of an address, by looking at all exports."""
    found = []
    for key in catalog.keys():  # noqa: SIM118 -- no dictionary
        service = catalog.service(key)
        if service and any(address in addresses(export) for export in service.exports):
            found.append(key)
    return sorted(found)


@given(CHANGES, CHANGES)
def test_the_index_is_what_looking_finds(before: list[tuple[Export, bool]], after: list[tuple[Export, bool]]) -> None:
    """Whatever came before it was first asked and whatever changed since; addresses elsewhere are not held."""
    catalog = Catalog()
    holders = Holders(catalog, PREFIXES)
    seen: set[bytes] = set()
    for at, (export, stays) in enumerate([*before, *after]):
        if at == len(before):
            assert not holders.any_below(4, "0b")
        catalog.apply(export.cluster, export.key, export if stays else None)
        holders.touch(export.key)
        seen.update(addresses(export))
    for address in seen:
        width, digits = len(address), address.hex()
        inside = any(width == wide and digits.startswith(prefix) for wide, prefix in PREFIXES)
        expected = looked_up(catalog, address) if inside else []
        assert holders.of(address) == expected
        assert not expected or all(holders.any_below(width, digits[:cut]) for cut in range(len(digits) + 1))
    assert holders.any_below(4, "") == any(len(each) == 4 and holders.of(each) for each in seen)


def test_what_moved_is_told() -> None:
    """A change of a service names the addresses that came or went, and none of those that stayed."""
    catalog = Catalog()
    holders = Holders(catalog, PREFIXES)
    one = Export("eu1", "shop", "api", 1, headless=False, cluster_ips=(b"\n\0\0\1", b"\n\0\0\2", b"\x0b\0\0\1"))
    two = Export("eu1", "shop", "api", 1, headless=False, cluster_ips=(b"\n\0\0\2", b"\n\0\0\3"))
    catalog.apply("eu1", one.key, one)
    assert holders.touch(one.key) == frozenset()  # nobody has asked yet, so nobody remembers anything
    assert holders.of(b"\n\0\0\1") == [one.key]
    catalog.apply("eu1", two.key, two)
    assert holders.touch(one.key) == {b"\n\0\0\1", b"\n\0\0\3"}
    assert (holders.of(b"\n\0\0\1"), holders.of(b"\n\0\0\3"), holders.of(b"\x0b\0\0\1")) == ([], [one.key], [])


def test_addresses_stand_in_the_order_of_their_names() -> None:
    """Octet by octet as text, in the order of names (RFC 4034 section 6.1), or by nibbles; none from elsewhere."""
    catalog = Catalog()
    six = (b"\xfd" + bytes(14) + b"\x10", b"\xfd" + bytes(14) + b"\2", b"\xfe" + bytes(15))
    four = (b"\n\0\0\2", b"\n\0\0\x0a", b"\n\0\0\x09", b"\x0b\0\0\1")
    one = Export("eu1", "shop", "api", 1, headless=False, cluster_ips=(*four, *six))
    catalog.apply("eu1", one.key, one)
    holders = Holders(catalog, PREFIXES)
    assert list(holders.below(4, "0a0000")) == [four[1], four[0], four[2]]
    assert list(holders.below(16, "fd")) == [six[1], six[0]]
    assert list(holders.below(16, "fe")) == []
