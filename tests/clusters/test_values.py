"""Texts become values: checked, counted where refused, shared where equal."""

import pytest

from fedns.clusters import shapes, values
from fedns.clusters.values import Values, number
from fedns.federation.objects import Port
from fedns.settings.schema import Trust


@pytest.mark.parametrize(
    ("text", "version"), [("12", 12), ("", 0), ("x", 0), ("-1", 0), ("9" * 5000, 0), ("\u0663", 0)]
)
def test_versions(text: str, version: int) -> None:
    """A resourceVersion is a number, or counts as none."""
    assert number(text) == version


def test_what_is_refused_is_counted_each_time() -> None:
    """Ports that were seen before are one value; those with one that is refused are looked at anew."""
    found, good, odd = Values(Trust()), [shapes.Port(80, "http", "TCP")], [shapes.Port(80, "a b"), shapes.Port(81)]
    assert found.ports(good) == (Port("http", 80),)
    assert found.ports(list(good)) is found.ports(good)
    assert found.ports(odd) == found.ports(odd) == (Port("", 81),)
    assert found.refused == {"port": 2}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who sends ever other texts costs no memory, and nothing is taken for another's value."""
    monkeypatch.setattr(values, "_SHARED", 3)
    found = Values(Trust())
    for at in range(20):
        assert found.label(f"a{at}") == f"a{at}"
        assert found.ports([shapes.Port(at + 1)]) == (Port("", at + 1),)
        assert found.created(f"2026-01-01T00:00:{at:02d}Z") == 1767225600 + at
        assert found.same((at, "x")) == (at, "x")
    sizes = [len(each) for each in vars(found).values() if isinstance(each, dict)]
    assert max(sizes) <= 5


@pytest.mark.parametrize(
    ("endpoints", "addresses"),
    [
        ([(["10.0.0.1"], "a"), (["10.0.0.2"], "b")], [("a", 1), ("b", 2)]),
        ([(["10.0.0.1", "10.0.0.2"], "a"), (None, "b"), (["10.0.0.3"], "c")], [("a", 1), ("a", 2), ("c", 3)]),
        ([(["10.0.0.1", "10.0.0.2"], "a"), ([], "b")], [("a", 1), ("a", 2)]),
        ([(["127.0.0.1", "10.0.0.2"], "a"), (["10.0.0.3"], "b")], [("a", 2), ("b", 3)]),
    ],
    ids=["one each", "several and none", "as many as endpoints", "one refused"],
)
def test_columns_stay_in_step(endpoints: list[tuple[list[str] | None, str]], addresses: list[tuple[str, int]]) -> None:
    """Each address has the zone of its endpoint, however many an endpoint has."""
    given = [shapes.Endpoint(each, zone=zone) for each, zone in endpoints]
    (found,) = Values(Trust()).columns(shapes.EndpointSlice(shapes.SliceMeta("x"), "IPv4", given))
    assert [(each.zone, each.address[3]) for each in found.endpoints()] == addresses


def test_port_names_without_room_for_the_underscore_are_counted() -> None:
    """A port called by 63 characters stays, for its number is exposed; that `_<name>` is no label counts each time."""
    values = Values(Trust())
    for _ in range(2):
        found = values.ports([shapes.Port(80, "p" * 63), shapes.Port(81, "p" * 62)])
        assert [len(each.name) for each in found] == [63, 62]
    assert values.refused == {"port-name": 2}


def hinting(*sets: list[str] | None) -> shapes.EndpointSlice:
    """A slice with an endpoint for each of these sets of zones."""
    points = [
        shapes.Endpoint(
            addresses=[f"10.0.{at >> 8}.{at & 255}"],
            hints=None if zones is None else shapes.Hints(forZones=[shapes.ForZone(zone) for zone in zones]),
        )
        for at, zones in enumerate(sets)
    ]
    return shapes.EndpointSlice(shapes.SliceMeta("s"), "IPv4", points)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        pytest.param([["a"], ["b", "a"], None], [("a",), ("a", "b"), ()], id="some"),
        pytest.param([None, None], [(), ()], id="none"),
        pytest.param([[], ["", "z" * 64]], [(), ()], id="no zones"),
        pytest.param([["a"], ["a"]], [("a",), ("a",)], id="all alike"),
        pytest.param([[f"z{at}"] for at in range(257)], [()] * 257, id="too many"),
    ],
)
def test_hints(said: list[list[str] | None], read: list[tuple[str, ...]]) -> None:
    """Sets of zones, in one order; what cannot be told is as if there were none, and they are not obeyed."""
    values = Values(Trust())
    (made,) = values.columns(hinting(*said))
    assert [each.hinted for each in made.endpoints()] == read
    assert (made.hints is None) == (not any(read))
    (again,) = values.columns(hinting(*said))
    assert again.hints is made.hints
