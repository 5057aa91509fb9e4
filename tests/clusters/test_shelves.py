"""What is left out of a member for want of room is counted and said."""

from collections import Counter

import pytest

from fedns.clusters.decode import Item
from fedns.clusters.facts import ServiceFacts, SliceFacts
from fedns.clusters.shelves import Owned
from fedns.clusters.translate import Translator
from fedns.federation.objects import Endpoint, pack
from fedns.settings.schema import Trust


def service(name: str, created: int, version: int = 1) -> Item:
    """A Service."""
    return Item(
        "shop", name, version, ServiceFacts(version, True, False, True, created, (), (), (), ()), created=created
    )


def points(name: str, count: int, source: str = "", owner: str = "a") -> Item:
    """A slice."""
    packed = pack((), [Endpoint(bytes([10, 0, 0, at]), 1) for at in range(count)])
    return Item("shop", name, 1, SliceFacts(1, name, ("shop", owner), packed, source), created=1)


def test_problems() -> None:
    """A sentence for each quota that is too small; and the same counted by reason."""
    refused: Counter[str] = Counter()
    translator = Translator("eu1", ("Label",), Trust(max_services=2, max_endpoints=4), refused)
    assert translator.resources == ("services", "slices")
    translator.replace("services", [service("a", 1), service("b", 2), service("c", 3)])
    translator.replace("slices", [points("a-1", 3), points("a-2", 3)])
    assert translator.problems() == [
        "3 services, 2 are allowed (trust.maxServices): 1 is left out",
        "6 endpoints, 4 are allowed (trust.maxEndpoints): 2 are left out",
    ]
    assert refused == {"quota-services": 1, "quota-endpoints": 2}
    assert [export.name for export in translator.exports("eu1")] == ["a", "b"]
    translator.apply("slices", "MODIFIED", Item("shop", "a-1", 2, points("a-1", 1).facts))
    translator.apply("slices", "MODIFIED", Item("shop", "a-2", 2, points("a-2", 3).facts))
    translator.apply("services", "DELETED", Item("shop", "c", 2))
    assert translator.problems() == []
    assert translator.export("us1", ("shop", "a")) is None


def listed(**versions: int) -> list[Item]:
    """Names and versions."""
    return [Item("shop", name, version) for name, version in versions.items()]


DIFFERENCES = {
    "the same": (listed(a=5, b=7), 10, False),
    "one changed": (listed(a=6, b=7), 10, True),
    "one changed, which may be to come": (listed(a=11, b=7), 10, False),
    "one is gone": (listed(a=5), 10, True),
    "all are gone": ([], 10, True),
    "a new one": (listed(a=5, b=7, c=9), 10, True),
    "a new one, which may be to come": (listed(a=5, b=7, c=11), 10, False),
    "one that said nothing when it was read": (listed(a=5, b=7, c=8), 10, False),
    "one in place of another": (listed(a=5, c=8), 10, True),
    "one that went back": (listed(a=5, b=6), 10, True),
    "not to be spoken for": ([*listed(a=5, b=7), Item("bank", "c", 9)], 10, False),
}


@pytest.mark.parametrize(("names", "seen", "differs"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_differences(names: list[Item], seen: int, *, differs: bool) -> None:
    """What a stream may have lost without a word, by names and versions alone; all was read at version 8."""
    translator = Translator("eu1", ("Label",), Trust(namespaces=("shop",)))
    translator.replace("services", [service("a", 1, version=5), service("b", 1, version=7)])
    assert translator.differs("services", names, 8, seen) is differs


def test_owned() -> None:
    """Slices stand by their names, whatever the order in which they came; a service without any is forgotten."""
    owned = Owned()
    slices = [points(name, at, "us1").facts for at, name in enumerate("cab", start=1)]
    for each in slices:
        owned.move(None, each)
    assert [part.count for part in owned.of("us1", ("shop", "a"))] == [2, 3, 1]
    assert (owned.has("us1", ("shop", "a")), owned.has("us1", ("shop", "b")), set(owned.clusters())) == (
        True,
        False,
        {"us1"},
    )
    for each in slices:
        owned.move(each, None)
    assert (set(owned.clusters()), set(owned.services("us1")), owned.of("us1", ("shop", "a"))) == (set(), set(), ())
