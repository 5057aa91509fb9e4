"""Reads the few protobuf bodies that kubectl sends instead of JSON: `create namespace`, `create service`, `auth can-i`.

Field numbers are those of the generated.proto files of k8s.io/api; fields that are not listed are left out.
"""

from typing import Any

from msgspec import Struct

from fedns.lab.kinds import Json
from fedns.lab.status import bad_request

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _BYTES = 0, 2


class Field(Struct, frozen=True):
    """One field: its JSON name, what is in it (text, int, or a message), and whether it repeats or is a map."""

    name: str
    message: "dict[int, Field] | None" = None
    repeated: bool = False
    mapping: bool = False


_META = {
    1: Field("name"),
    2: Field("generateName"),
    3: Field("namespace"),
    11: Field("labels", mapping=True),
    12: Field("annotations", mapping=True),
}
_TARGET_PORT = {1: Field("type"), 2: Field("intVal"), 3: Field("strVal")}
_PORT = {
    1: Field("name"),
    2: Field("protocol"),
    3: Field("port"),
    4: Field("targetPort", _TARGET_PORT),
    5: Field("nodePort"),
}
_SERVICE_SPEC = {
    1: Field("ports", _PORT, repeated=True),
    2: Field("selector", mapping=True),
    3: Field("clusterIP"),
    4: Field("type"),
    5: Field("externalIPs", repeated=True),
    10: Field("externalName"),
    18: Field("clusterIPs", repeated=True),
}
_ATTRIBUTES = {
    1: Field("namespace"),
    2: Field("verb"),
    3: Field("group"),
    4: Field("version"),
    5: Field("resource"),
    6: Field("subresource"),
    7: Field("name"),
}
_REVIEW_SPEC = {1: Field("resourceAttributes", _ATTRIBUTES), 2: Field("nonResourceAttributes", {1: Field("path")})}
_OBJECTS: dict[str, dict[int, Field]] = {
    "Namespace": {1: Field("metadata", _META)},
    "Service": {1: Field("metadata", _META), 2: Field("spec", _SERVICE_SPEC)},
    "SelfSubjectAccessReview": {1: Field("metadata", _META), 2: Field("spec", _REVIEW_SPEC)},
    "SelfSubjectRulesReview": {1: Field("metadata", _META), 2: Field("spec", {1: Field("namespace")})},
    "DeleteOptions": {},
}
_ENVELOPE = {1: Field("type", {1: Field("apiVersion"), 2: Field("kind")})}


def decode(body: bytes) -> Json | None:
    """The object in a body; None for a type that is not read here."""
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix 'k8s\\0'")
    try:
        envelope = _message(body[len(_MAGIC) :], _ENVELOPE)
        kind = envelope.get("type", {}).get("kind", "")
        raw = dict(_fields(body[len(_MAGIC) :])).get(2, b"")
        if kind not in _OBJECTS or not isinstance(raw, bytes):
            return None
        return {"apiVersion": envelope["type"]["apiVersion"], "kind": kind} | _message(raw, _OBJECTS[kind])
    except (IndexError, KeyError, ValueError) as error:
        raise bad_request(f"unable to read the protobuf body: {error}") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """The (number, value) pairs of a message."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == _BYTES:
            found.append((tag >> 3, data[at : at + value]))
            at += value
        elif tag & 7 == _VARINT:
            found.append((tag >> 3, value))
        else:
            raise ValueError(f"wire type {tag & 7}")
    return found


def _message(data: bytes, schema: dict[int, Field]) -> Json:
    result: Json = {}
    for number, value in _fields(data):
        known = schema.get(number)
        if known is None:
            continue
        read = _value(known, value)
        # Go writes its empty strings too: for JSON they are absent.
        if read in ("", 0, None) and not known.repeated:
            continue
        if known.mapping:
            result.setdefault(known.name, {}).update(read)
        elif known.repeated:
            result.setdefault(known.name, []).append(read)
        else:
            result[known.name] = read
    return result


def _value(known: Field, value: int | bytes) -> Any:
    if isinstance(value, int):
        return value
    if known.mapping:
        entry = dict(_fields(value))
        return {_text(entry.get(1, b"")): _text(entry.get(2, b""))}
    if known.message is _TARGET_PORT:
        either = _message(value, _TARGET_PORT)
        return either.get("strVal") if either.get("type") else either.get("intVal")
    return _text(value) if known.message is None else _message(value, known.message)


def _text(value: int | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
