"""The objects of one resource: within a quota they are those that the list and the events say, whatever their order."""

from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.decode import Item
from fedns.clusters.facts import ExportFacts, SliceFacts
from fedns.clusters.shelf import Shelf, same
from fedns.federation.objects import Endpoint, pack


def item(name: str, version: int, created: int = 5) -> Item:
    """A ServiceExport."""
    return Item("shop", name, version, ExportFacts(version, created), created=created)


def points(name: str, version: int, count: int, created: int = 5) -> Item:
    """A slice of so many endpoints."""
    packed = pack((), [Endpoint(bytes([10, 0, 0, at]), 1) for at in range(count)])
    return Item("shop", name, version, SliceFacts(version, name, ("shop", "web"), packed), created=created)


def names(shelf: Shelf) -> list[str]:
    """What is held."""
    return sorted(name for _, name in shelf.held)


def test_a_whole_list_keeps_the_oldest() -> None:
    """By creation, then by name; the same on every replica, whatever the order of the list."""
    items = [item("a", 1, 9), item("b", 2, 3), item("d", 3, 7), item("c", 4, 7)]
    for order in (items, items[::-1]):
        shelf = Shelf(2)
        list(shelf.replace(order))
        assert (names(shelf), shelf.used, shelf.left_out) == (["b", "c"], 2, 2)


def test_a_new_object_waits_for_room() -> None:
    """Live, what is held stays; a new one comes in with its next event once there is room, never by an older one."""
    shelf = Shelf(1)
    shelf.put(item("a", 1))
    assert shelf.put(item("b", 3))[2] is None
    assert (names(shelf), shelf.left_out) == (["a"], 1)
    shelf.take(item("a", 4))
    assert shelf.put(item("b", 2))[2] is None
    assert shelf.put(item("b", 5))[2] is not None
    assert (names(shelf), shelf.left_out, shelf.used) == (["b"], 0, 1)


def test_a_slice_that_outgrows_its_room_is_cut() -> None:
    """It never stays as it was, and it grows when room comes."""
    shelf = Shelf(5)
    shelf.put(points("a", 1, 2))
    shelf.put(points("b", 2, 2))
    after = shelf.put(points("b", 3, 9))[2]
    assert isinstance(after, SliceFacts)
    assert (after.slices[0].count, shelf.used, shelf.left_out) == (3, 5, 6)
    shelf.take(points("a", 4, 0))
    shelf.put(points("b", 5, 5))
    assert (shelf.used, shelf.left_out) == (5, 0)


def test_a_deleted_object_is_left_out_no_more() -> None:
    """What is gone wants no room."""
    shelf = Shelf(1)
    list(shelf.replace([item("a", 1, 1), item("b", 2, 2)]))
    assert shelf.left_out == 1
    shelf.take(item("b", 3))
    assert (shelf.left_out, shelf.used) == (0, 1)


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.booleans()), max_size=30)


@given(EVENTS, st.integers(1, 6))
def test_a_quota_is_never_broken(events: list[tuple[str, int, bool]], limit: int) -> None:
    """What is held is what was counted, is within the quota, and is never older than the last event."""
    shelf = Shelf(limit)
    for version, (name, count, gone) in enumerate(events, start=1):
        found = points(name, version, count)
        change = shelf.take(found) if gone else shelf.put(found)
        assert change[2] is None or change[2].version == version
        counts = [
            max(1, sum(part.count for part in each.slices))
            for each in shelf.held.values()
            if isinstance(each, SliceFacts)
        ]
        assert shelf.used == sum(counts) <= limit


def test_an_unchanged_object_shares_its_parts_with_the_old_one() -> None:
    """After a list that says nothing new only the version is another: exports that were told hold the same columns."""
    shelf = Shelf(9)
    list(shelf.replace([points("a", 1, 2)]))
    before = shelf.held["shop", "a"]
    ((_, old, new),) = shelf.replace([points("a", 2, 2)])
    after = shelf.held["shop", "a"]
    assert same(old, new)
    assert isinstance(before, SliceFacts)
    assert isinstance(after, SliceFacts)
    assert (after.slices is before.slices, after.version) == (True, 2)


def test_same() -> None:
    """Facts are the same if they differ in nothing but their version."""
    assert same(ExportFacts(1, 5), ExportFacts(2, 5))
    assert same(None, None)
    assert not same(ExportFacts(1, 5), ExportFacts(1, 6))
    assert not same(ExportFacts(1, 5), None)
    assert not same(ExportFacts(1, 5), SliceFacts(1, "a", ("shop", "web"), ()))
