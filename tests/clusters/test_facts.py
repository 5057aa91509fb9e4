"""Facts count against quotas, and what does not fit is cut."""

import pytest

from fedns.clusters.facts import ExportFacts, Facts, SliceFacts, cut, weight
from fedns.federation.objects import Endpoint, pack

POINTS = [Endpoint(bytes([10, 0, 0, at]), at % 2, f"z{at}", f"h{at}", (f"z{at // 2}",)) for at in range(5)]
FULL = SliceFacts(1, "s1", ("shop", "web"), pack((), POINTS))


@pytest.mark.parametrize(
    ("facts", "counts"),
    [(None, 0), (ExportFacts(1, 2), 1), (FULL, 5), (SliceFacts(1, "s1", ("shop", "web"), ()), 1)],
)
def test_weight(facts: Facts | None, counts: int) -> None:
    """A slice counts its endpoints and one at least, so that empty ones are bounded too; all else counts one."""
    assert weight(facts) == counts


@pytest.mark.parametrize("room", [5, 9, 4, 1, 0, -3])
def test_cut(room: int) -> None:
    """Of a slice its first endpoints stay, each with its own conditions, zone, hostname and hints."""
    found = cut(FULL, room)
    if room < 1:
        assert found is None
    else:
        assert isinstance(found, SliceFacts)
        assert [point for part in found.slices for point in part.endpoints()] == POINTS[:room]


def test_both_families_are_cut_in_order() -> None:
    """A slice of two parts gives up its last part first."""
    both = SliceFacts(1, "s1", ("shop", "web"), pack((), [*POINTS, Endpoint(bytes(16), 1)]))
    found = cut(both, 5)
    assert isinstance(found, SliceFacts)
    assert [part.width for part in found.slices] == [4]


def test_the_rest_is_all_or_nothing() -> None:
    """An object that counts one is there, or is not."""
    assert cut(ExportFacts(1, 2), 1) == ExportFacts(1, 2)
    assert cut(ExportFacts(1, 2), 0) is None
