"""Nodes and reports: values from outside the file as nodes, lines of paths, and suggestions."""

from typing import Any

import pytest

from fedns.settings.nodes import Listing, Mapping, Problem, Report, Scalar, free, join, meant


@pytest.mark.parametrize(
    ("value", "node"),
    [
        (True, Scalar("true", "text", 0, free=True)),
        (2, Scalar("2", "text", 0, free=True)),
        (["a"], Listing([Scalar("a", "text", 0, free=True)], 0)),
        ({"a": 1}, Mapping({"a": (Scalar("a", "text", 0), Scalar("1", "text", 0, free=True))}, 0)),
    ],
    ids=["bool", "int", "list", "dict"],
)
def test_values_from_outside_are_nodes(value: Any, node: Any) -> None:
    """They are of line 0, and their types are not told apart."""
    assert free(value) == node


@pytest.mark.parametrize(("path", "line"), [("a", 1), ("a.b", 2), ("a.b[3].c", 2), ("a.x", 1), ("z", 0)])
def test_a_path_has_the_line_of_what_is_there(path: str, line: int) -> None:
    """A key that is not there has the line of the nearest one above it."""
    report = Report()
    report.saw("a", 1)
    report.saw("a.b", 2)
    report.add(path, "is wrong")
    assert report.problems == [Problem(path, line, "is wrong")]
    assert report.seen("a.b")
    assert not report.seen("a.x")


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("workres", ["workers", "listen"], "; did you mean workers?"),
        ("NEGATIVEttl", ["negativeTTL"], "; did you mean negativeTTL?"),
        ("zzz", ["a", "b"], "; there is a, b"),
        ("zzz", [], ""),
    ],
)
def test_the_nearest_word_is_suggested(word: str, known: list[str], said: str) -> None:
    """Or all of them, where none is near."""
    assert meant(word, known) == said


def test_paths_are_joined_with_dots() -> None:
    """The first key stands alone."""
    assert (join("", "a"), join("a", "b")) == ("a", "a.b")
