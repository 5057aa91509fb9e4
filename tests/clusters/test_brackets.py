"""An array is cut into its elements by brackets and strings alone."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.brackets import split

VALUES: Any = st.recursive(
    st.none() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=8
)


async def elements(body: bytes) -> list[Any]:
    """What is found in `items`."""
    rest, spans = await split(body, b"items")
    assert json.loads(rest)["items"] == []
    return [json.loads(body[start:end]) for start, end in spans]


@given(st.lists(VALUES), st.dictionaries(st.text(), VALUES))
async def test_elements_are_those_of_json(items: list[Any], others: dict[str, Any]) -> None:
    """Whatever strings, commas and brackets stand in it and around it."""
    body = {key: value for key, value in others.items() if key != "items"} | {"items": items}
    assert await elements(json.dumps(body).encode()) == items


async def test_depth_is_no_limit() -> None:
    """An element of 100,000 brackets is one of the elements."""
    deep = b"[" * 100_000 + b"]" * 100_000
    _, spans = await split(b'{"items": [1, %s, 2]}' % deep, b"items")
    assert len(spans) == 3


async def test_what_does_not_end_has_no_elements() -> None:
    """A string or an array without an end gives nothing, and each byte is looked at once."""
    for body in (b'{"items": [1, 2', b'{"items": ["' + b'\\"' * 100_000, b"{}"):
        assert await split(body, b"items") == (body, [])
