"""What is left out of a member for want of room is counted and said."""

from collections import Counter

from fedns.clusters.decode import Item
from fedns.clusters.facts import ServiceFacts, SliceFacts
from fedns.clusters.shelves import Owned
from fedns.clusters.translate import Translator
from fedns.federation.objects import Endpoint, pack
from fedns.settings.schema import Trust


def service(name: str, created: int) -> Item:
    """A Service."""
    return Item("shop", name, 1, ServiceFacts(1, True, False, True, created, (), (), (), ()), created=created)


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
