"""A line of a watch is an event, garbage, or nested too deep."""

import pytest

from fedns.clusters.events import Bookmark, Change, DeepError, GarbledError, ToldError, parse
from tests.clusters.scripted import bookmark, complete, event, service


def test_events() -> None:
    """A change keeps its object as it came; a bookmark says how far the stream is, and whether all objects are told."""
    change = parse(event("ADDED", service("a", 7)))
    assert isinstance(change, Change)
    assert (change.kind, bytes(memoryview(change.item))[:1]) == ("ADDED", b"{")
    assert parse(bookmark(9)) == Bookmark("9", whole=False)
    assert parse(complete(9)) == Bookmark("9", whole=True)


@pytest.mark.parametrize(("code", "reason", "gone"), [(410, "", True), (500, "Expired", True), (500, "x", False)])
def test_an_error_is_told(code: int, reason: str, gone: bool) -> None:
    """An ERROR event carries its code, and says whether the version is gone."""
    with pytest.raises(ToldError, match="no") as told:
        parse(event("ERROR", {"code": code, "reason": reason, "message": "no"}))
    assert (told.value.code, told.value.gone) == (code, gone)


def test_garbage_is_garbled_wherever_a_line_is_cut() -> None:
    """No beginning of a line is taken for an event, nor are two lines in one."""
    line = event("MODIFIED", service("a", 7)).strip()
    for end in range(len(line)):
        with pytest.raises(GarbledError):
            parse(line[:end])
    for other in (
        line + line,
        b'{"type": "ADORED", "object": {}}',
        b'{"type": "ADDED"}',
        b'{"type": "\xff", "object": 1}',
    ):
        with pytest.raises(GarbledError):
            parse(other)


def test_deep_nesting_is_told_apart() -> None:
    """A line with 100,000 brackets costs only itself."""
    with pytest.raises(DeepError):
        parse(b'{"type": "ADDED", "object": %s%s}' % (b"[" * 100_000, b"]" * 100_000))
