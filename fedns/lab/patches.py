"""The patch formats: JSON patch (RFC 6902), merge patch (RFC 7386), and near enough, strategic merge and apply.

All functions return a new value and leave what they were given alone.
"""

from typing import Any

from fedns.lab.kinds import Json
from fedns.lab.status import ApiError, bad_request

# List field -> key that names its elements; any other list is replaced whole, as in a merge patch.
_MERGE_KEYS = {"conditions": "type", "ownerReferences": "uid", "containers": "name", "imagePullSecrets": "name"}
_SERVICE_KEYS = {"ports": "port"}


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Any, patch: Any, plural: str, keys: dict[str, str] | None = None) -> Any:
    """A merge patch in which some lists merge by key and `$patch: delete` removes an element."""
    if keys is None:
        keys = _MERGE_KEYS | (_SERVICE_KEYS if plural == "services" else {})
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [each for each in result.get(field, []) if each not in value]
        elif key.startswith("$"):
            continue  # $setElementOrder and $retainKeys steer order and unions: the result is equal as a set
        elif value is None:
            result.pop(key, None)
        elif key in keys and isinstance(value, list):
            result[key] = _merge_list(result.get(key) or [], value, plural, keys, keys[key])
        else:
            result[key] = strategic(result.get(key), value, plural, keys)
    return result


def _merge_list(old: list[Any], new: list[Any], plural: str, keys: dict[str, str], name: str) -> list[Any]:
    result = {element.get(name): element for element in old}
    for element in new:
        if element.get("$patch") == "delete":
            result.pop(element.get(name), None)
        else:
            result[element.get(name)] = strategic(result.get(element.get(name)), element, plural, keys)
    return list(result.values())


def _unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def _walk(document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        try:
            document = document[int(token)] if isinstance(document, list) else document[token]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise _unprocessable(f"no such path: /{'/'.join(tokens)}") from error
    return document


def _unprocessable(message: str) -> ApiError:
    return ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {message}", {})


def _put(document: Any, tokens: list[str], value: Any) -> Any:
    if not tokens:
        return value
    parent, last = _walk(document, tokens[:-1]), tokens[-1]
    if isinstance(parent, list):
        try:
            parent.insert(len(parent) if last == "-" else int(last), value)
        except ValueError as error:
            raise _unprocessable(f"not a list index: {last}") from error
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _unprocessable(f"no such path: /{'/'.join(tokens)}")
    return document


def _cut(document: Any, tokens: list[str]) -> Any:
    if not tokens:
        raise _unprocessable("the whole object cannot be removed")
    value = _walk(document, tokens)
    parent = _walk(document, tokens[:-1])
    del parent[int(tokens[-1]) if isinstance(parent, list) else tokens[-1]]
    return value


def _step(document: Any, step: Any) -> Any:
    """One operation of RFC 6902, section 4."""
    if not isinstance(step, dict):
        raise bad_request("a JSON patch is a list of operations")
    tokens = [_unescape(token) for token in str(step.get("path", "")).split("/")[1:]]
    source = [_unescape(token) for token in str(step.get("from", "")).split("/")[1:]]
    match step:
        case {"op": "add", "value": value}:
            return _put(document, tokens, value)
        case {"op": "remove"}:
            _cut(document, tokens)
        case {"op": "replace", "value": value}:
            _cut(document, tokens)
            return _put(document, tokens, value)
        case {"op": "move"}:
            return _put(document, tokens, _cut(document, source))
        case {"op": "copy"}:
            return _put(document, tokens, _walk(document, source))
        case {"op": "test"} if _walk(document, tokens) == step.get("value"):
            pass
        case {"op": "test"}:
            raise _unprocessable(f"testing value {step.get('path')} failed")
        case _:
            raise _unprocessable(f"Unexpected kind or missing value: {step.get('op')}")
    return document


def json_patch(document: Json, steps: Any) -> Json:
    """RFC 6902. `document` is changed in place: hand in a copy."""
    if not isinstance(steps, list):
        raise bad_request("a JSON patch is a list of operations")
    result: Any = document
    for step in steps:
        result = _step(result, step)
    return dict(result)
