"""Chunks become lines however the stream is cut, within a bound."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.lines import LineSplitter


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 400), max_size=30))
def test_cuts_do_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    """The lines are those of the whole, wherever the chunks end."""
    whole = b"\n".join(parts)
    marks = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    splitter = LineSplitter()
    lines = [line for start, end in pairwise(marks) for line in splitter.feed(whole[start:end])]
    assert lines == [line for part in whole.split(b"\n")[:-1] if (line := part.strip())]
    assert splitter.unfinished == bool(whole.split(b"\n")[-1])


@pytest.mark.parametrize("step", [1, 3, 100], ids=lambda step: f"chunks of {step}")
def test_long_lines_are_left_out(step: int) -> None:
    """A line over the bound is counted and left out; its neighbours are whole."""
    whole = b"a\n" + b"x" * 50 + b"\nb\n"
    splitter = LineSplitter(longest=10)
    lines = [line for at in range(0, len(whole), step) for line in splitter.feed(whole[at : at + step])]
    assert lines == [b"a", b"b"]
    assert splitter.refused == 1


def test_a_line_without_end_holds_no_memory() -> None:
    """What is beyond the bound is not kept, and the line counts as unfinished."""
    splitter = LineSplitter(longest=10)
    for _ in range(100):
        assert splitter.feed(b"x" * 9) == []
    assert splitter.unfinished
    assert not splitter._parts
