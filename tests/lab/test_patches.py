"""Patch formats, with the examples of their specifications."""

from typing import Any

import pytest

from fedns.lab.patches import json_patch, merge, strategic
from fedns.lab.status import ApiError

MERGE = [
    # RFC 7386, appendix A
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), MERGE, ids=str)
def test_merge(target: Any, patch: Any, result: Any) -> None:
    """RFC 7386: null removes, objects merge, all else replaces."""
    assert merge(target, patch) == result


JSON = [
    # RFC 6902, appendix A
    ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
    ({"foo": ["a", "b"]}, {"op": "add", "path": "/foo/1", "value": "x"}, {"foo": ["a", "x", "b"]}),
    ({"foo": ["a"]}, {"op": "add", "path": "/foo/-", "value": ["b"]}, {"foo": ["a", ["b"]]}),
    ({"baz": 1, "foo": 2}, {"op": "remove", "path": "/baz"}, {"foo": 2}),
    ({"foo": ["a", "b"]}, {"op": "remove", "path": "/foo/0"}, {"foo": ["b"]}),
    ({"baz": 1}, {"op": "replace", "path": "/baz", "value": 2}, {"baz": 2}),
    ({"a": {"b": 1}, "c": {}}, {"op": "move", "from": "/a/b", "path": "/c/d"}, {"a": {}, "c": {"d": 1}}),
    ({"a": 1}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": 1, "b": 1}),
    ({"a/b": 1, "m~n": 2}, {"op": "test", "path": "/m~0n", "value": 2}, {"a/b": 1, "m~n": 2}),
    ({"a/b": 1}, {"op": "remove", "path": "/a~1b"}, {}),
]


@pytest.mark.parametrize(("target", "step", "result"), JSON, ids=str)
def test_json_patch(target: Any, step: Any, result: Any) -> None:
    """RFC 6902, one operation each."""
    assert json_patch(target, [step]) == result


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ({"op": "add"}, 400),
        ([{"op": "test", "path": "/a", "value": 2}], 422),
        ([{"op": "remove", "path": "/b/c"}], 422),
        ([{"op": "remove", "path": "/b"}], 422),
        ([{"op": "replace", "path": "/l/7", "value": 1}], 422),
        ([{"op": "add", "path": "/a/b", "value": 1}], 422),
        ([{"op": "add", "path": "/l/x", "value": 1}], 422),
        ([{"op": "add", "path": "/z"}], 422),
        ([{"op": "explode", "path": ""}], 422),
        (["nonsense"], 400),
        ([{"op": "remove", "path": ""}], 422),
    ],
    ids=str,
)
def test_failing_json_patch(steps: Any, code: int) -> None:
    """A step that cannot be done fails the request, never the server."""
    with pytest.raises(ApiError) as caught:
        json_patch({"a": 1, "l": []}, steps)
    assert caught.value.code == code


PORTS = {"ports": [{"port": 80, "name": "a"}, {"port": 443, "name": "b"}]}
STRATEGIC = [
    ({"ports": [{"port": 443, "name": "c"}]}, {"ports": [{"port": 80, "name": "a"}, {"port": 443, "name": "c"}]}),
    ({"ports": [{"port": 80, "$patch": "delete"}]}, {"ports": [{"port": 443, "name": "b"}]}),
    ({"$setElementOrder/ports": [{"port": 443}], "ports": None}, {}),
    ({"$patch": "replace", "x": 1}, {"x": 1}),
    ({"a": {"b": 1}}, PORTS | {"a": {"b": 1}}),
]


@pytest.mark.parametrize(("patch", "result"), STRATEGIC, ids=str)
def test_strategic_merge(patch: Any, result: Any) -> None:
    """Ports of a Service merge by number; directives are obeyed."""
    assert strategic(PORTS, patch, "services") == result


def test_primitive_lists_lose_what_is_named() -> None:
    """$deleteFromPrimitiveList removes values."""
    patch = {"$deleteFromPrimitiveList/finalizers": ["a"]}
    assert strategic({"finalizers": ["a", "b"]}, patch, "pods") == {"finalizers": ["b"]}
