"""Digests of what members export."""

import random

import pytest

from fedns.federation import digest
from fedns.federation.catalog import Catalog
from fedns.federation.objects import READY, Endpoint, Export, Port, pack
from fedns.federation.terms import Policy


def export(name: str, *addresses: bytes, cluster: str = "eu1") -> Export:
    """A headless service with ready pods."""
    ports = (Port("http", 80),)
    slices = pack(ports, (Endpoint(each, READY, "a") for each in addresses))
    return Export(cluster, "shop", name, created=1, headless=True, ports=ports, slices=slices)


WEB, API, DB = export("web", b"\x0a\0\0\1"), export("api", b"\x0a\0\0\2"), export("db", b"\x0a\0\0\3", b"\x0a\0\0\4")


def test_what_is_hashed_is_pinned() -> None:
    """Who changes what an export holds, or its hash, changes FORMAT too, or two versions take each other for wrong."""
    assert (digest.FORMAT, digest.text(digest.hashed(WEB))) == (2, "6edd7a4327746742")


def test_the_order_of_events_does_not_count() -> None:
    """Whatever way a member's exports became known, the digest is that of the exports."""
    straight = Catalog()
    straight.replace("eu1", (WEB, API, DB))
    for seed in range(20):
        catalog, chance = Catalog(), random.Random(seed)
        catalog.replace("eu1", (export("gone", b"\x0a\0\0\7"), export("web", b"\x0a\0\0\x63")))
        events = [WEB, API, DB, export("gone"), export("api", b"\x0a\0\0\x62")]
        chance.shuffle(events)
        for each in (*events, WEB, API, DB):
            catalog.apply("eu1", each.key, each)
        catalog.apply("eu1", ("shop", "gone"), None)
        assert catalog.digest_of("eu1") == straight.digest_of("eu1") != 0


def test_each_member_has_its_own() -> None:
    """What one member exports does not change another one's digest; who exports nothing has the digest 0."""
    catalog = Catalog()
    catalog.replace("eu1", (WEB,))
    before = catalog.digest_of("eu1")
    catalog.replace("us1", (export("web", b"\x0a\0\0\1", cluster="us1"),))
    assert (catalog.digest_of("eu1"), catalog.digest_of("us1") == before) == (before, False)
    catalog.drop("eu1")
    assert (catalog.digest_of("eu1"), catalog.digest_of("nobody")) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(export("web", b"\x0a\0\0\2"), id="another address"),
        pytest.param(export("web"), id="no address"),
        pytest.param(export("web", b"\x0a\0\0\1", cluster="eu2"), id="another cluster"),
    ],
)
def test_every_difference_counts(other: Export) -> None:
    """Exports that differ in anything have different hashes."""
    assert digest.hashed(other) != digest.hashed(WEB)


def test_the_order_of_weights_does_not_count() -> None:
    """A table means the same in whatever order it was written."""
    one, other = Policy(weights={"eu1": 1, "us1": 2}), Policy(weights={"us1": 2, "eu1": 1})
    assert digest.hashed(one) == digest.hashed(other) != digest.hashed(Policy(weights={"eu1": 2, "us1": 1}))
