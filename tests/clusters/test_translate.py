"""Facts of three resources become exports, whatever the order of events."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.decode import Decoder, Item
from fedns.clusters.translate import Translator
from fedns.settings.schema import ExportMode
from tests.clusters.scripted import endpointslice, export, service
from tests.clusters.test_decode import raw

if TYPE_CHECKING:
    from fedns.clusters.shelves import Touched
    from fedns.federation.objects import Export

KEY = ("shop", "web")
WEB = ("eu1", KEY)
BOTH: tuple[ExportMode, ...] = ("ServiceExport", "Label")


def items(resource: str, *objects: dict[str, Any]) -> list[Item]:
    """Decoded objects."""
    decoder = Decoder()
    decode = {"services": decoder.service, "slices": decoder.slice, "exports": decoder.export}[resource]
    return [decode(raw(each)) for each in objects]


@pytest.mark.parametrize(
    ("modes", "labelled", "asked", "created"),
    [
        pytest.param(BOTH, True, False, 1767225600, id="label"),
        pytest.param(BOTH, False, True, 1735689600, id="ServiceExport"),
        pytest.param(BOTH, True, True, 1735689600, id="both: the ServiceExport's age counts"),
        pytest.param(BOTH, False, False, None, id="neither"),
        pytest.param(("ServiceExport",), True, False, None, id="labels are not listened to"),
        pytest.param(("Label",), False, True, None, id="ServiceExports are not listened to"),
        pytest.param(("All",), False, False, 1767225600, id="all"),
    ],
)
def test_what_is_exported(modes: tuple[ExportMode, ...], labelled: bool, asked: bool, created: int | None) -> None:
    """A service is exported by what its member's modes name, and its age is that of what exports it."""
    translator = Translator("eu1", modes)
    translator.replace("services", items("services", service("web", 1, exported=labelled)))
    if "exports" in translator.resources:
        translator.replace("exports", items("exports", *[export("web", 2)] * asked))
    found = translator.export("eu1", KEY)
    assert (found.created if found else None) == created


def test_external_names_are_never_exported() -> None:
    """An ExternalName has no addresses of the member, and another's name is not the member's to give."""
    translator = Translator("eu1", ("All",))
    translator.replace("services", items("services", service("web", 1, type="ExternalName")))
    assert translator.export("eu1", KEY) is None
    assert list(translator.exports("eu1")) == []


def test_what_is_exported_in_vain_is_told() -> None:
    """A ServiceExport of nothing or of an ExternalName is noted with its reason until that is over."""
    translator = Translator("eu1", BOTH)
    translator.replace("exports", items("exports", export("web", 2), export("none", 3)))
    assert translator.rejected == {KEY: "NoService", ("shop", "none"): "NoService"}
    outside = service("web", 4, exported=False, type="ExternalName")
    labelled = service("label", 5, type="ExternalName")
    silent = service("silent", 6, exported=False, type="ExternalName")
    translator.replace("services", items("services", outside, labelled, silent))
    assert translator.rejected == {
        ("shop", "none"): "NoService",
        KEY: "InvalidServiceType",
        ("shop", "label"): "InvalidServiceType",
    }
    translator.replace("services", items("services", service("web", 7, exported=False)))
    translator.replace("exports", items("exports", export("web", 2)))
    assert translator.rejected == {}


def test_slices_join_in_order_and_may_change_hands() -> None:
    """A service has all its slices, sorted; a slice that changes its label moves, and both services are touched."""
    translator = Translator("eu1", BOTH)
    translator.replace("services", items("services", service("web", 1), service("api", 2)))
    slices = [endpointslice("s2", 3, "web", "10.0.0.2"), endpointslice("s1", 4, "web", "10.0.0.1")]
    assert translator.replace("slices", items("slices", *slices)) == {WEB}
    found = translator.export("eu1", KEY)
    assert found is not None
    assert [each.addresses[-1] for each in found.slices] == [1, 2]
    (moved,) = items("slices", endpointslice("s1", 5, "api", "10.0.0.1"))
    assert translator.apply("slices", "MODIFIED", moved) == {WEB, ("eu1", ("shop", "api"))}
    (orphan,) = items("slices", endpointslice("s2", 6, "*", "10.0.0.2"))
    assert translator.apply("slices", "MODIFIED", orphan) == {WEB}
    found = translator.export("eu1", KEY)
    assert found is not None
    assert found.slices == ()


def test_an_older_object_changes_nothing() -> None:
    """A lower resourceVersion never overwrites a higher one, nor brings back what was deleted; a list may."""
    translator = Translator("eu1", BOTH)
    new, old = items("services", service("web", 20), service("web", 10, exported=False))
    assert translator.apply("services", "ADDED", new) == {WEB}
    assert translator.apply("services", "MODIFIED", old) == set()
    assert translator.apply("services", "DELETED", old) == set()
    assert translator.export("eu1", KEY) is not None
    (grave,) = items("services", service("web", 30))
    assert translator.apply("services", "DELETED", grave) == {WEB}
    assert translator.apply("services", "ADDED", new) == set()
    assert translator.export("eu1", KEY) is None
    assert translator.replace("services", [new]) == {WEB}
    assert translator.export("eu1", KEY) is not None


def test_an_object_that_is_not_understood_stays_as_it_was() -> None:
    """A fault, in an event or in a list, costs the change and never the service."""
    translator = Translator("eu1", BOTH)
    translator.replace("services", items("services", service("web", 1)))
    bad = items("services", service("web", 2) | {"spec": 5}, {"metadata": {"name": "*", "namespace": "*"}})
    assert [each.fault != "" for each in bad] == [True, True]
    assert translator.apply("services", "MODIFIED", bad[0]) == set()
    assert translator.apply("services", "MODIFIED", bad[1]) == set()
    assert translator.replace("services", bad) == set()
    assert translator.export("eu1", KEY) is not None


def test_a_change_that_says_nothing_touches_nothing() -> None:
    """An object that differs in its version only is no news, neither in an event nor in a list."""
    translator = Translator("eu1", BOTH)
    translator.replace("services", items("services", service("web", 1)))
    (same,) = items("services", service("web", 2))
    assert translator.apply("services", "MODIFIED", same) == set()
    assert translator.replace("services", [same]) == set()


OBJECTS = st.one_of(
    st.builds(lambda n, e: ("services", f"s{n}", service(f"s{n}", 0, exported=e)), st.integers(0, 2), st.booleans()),
    st.builds(
        lambda n, o, a: ("slices", f"s{n}", endpointslice(f"s{n}", 0, f"s{o}", f"10.0.0.{a}")),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(1, 3),
    ),
    st.builds(lambda n: ("exports", f"s{n}", export(f"s{n}", 0)), st.integers(0, 2)),
)
HISTORY = st.lists(st.tuples(OBJECTS, st.booleans()), max_size=25)


@given(HISTORY, st.randoms(use_true_random=False))
def test_any_order_of_events_ends_like_the_list(history: list[Any], random: Any) -> None:
    """Events in any order, and each one twice, leave what the final list gives, and no export was left untold."""
    events, final = [], {}
    for version, ((resource, name, item), deleted) in enumerate(history, start=1):
        versioned = item | {"metadata": item["metadata"] | {"resourceVersion": str(version)}}
        (found,) = items(resource, versioned)
        events.append((resource, "DELETED" if deleted else "MODIFIED", found))
        final[resource, name] = None if deleted else found
    shuffled = events * 2
    random.shuffle(shuffled)
    streamed, whole = Translator("eu1", BOTH), Translator("eu1", BOTH)
    told: dict[Touched, Export | None] = {}
    for resource, kind, found in shuffled:
        told |= {each: streamed.export(*each) for each in streamed.apply(resource, kind, found)}
    for wanted in ("services", "slices", "exports"):
        whole.replace(wanted, [each for (resource, _), each in final.items() if each and resource == wanted])
    expected = {each.key: each for each in whole.exports("eu1")}
    assert {each.key: each for each in streamed.exports("eu1")} == expected
    assert {key: each for (_, key), each in told.items() if each is not None} == expected
    assert streamed.objects() == whole.objects()
