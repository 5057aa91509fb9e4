"""Protobuf bodies, with bytes as kubectl sends them."""

import pytest

from fedns.lab.protobuf import decode
from fedns.lab.status import ApiError


def number(field: int, value: int) -> bytes:
    """A varint field below 128."""
    return bytes([field << 3, value])


def piece(field: int, content: bytes) -> bytes:
    """A field with a length, below 128 bytes and field numbers below 16."""
    return bytes([field << 3 | 2, len(content)]) + content


def envelope(version: bytes, kind: bytes, raw: bytes) -> bytes:
    """A body with the magic, the type and the object."""
    return b"k8s\x00" + piece(1, piece(1, version) + piece(2, kind)) + piece(2, raw) + piece(3, b"") + piece(4, b"")


def test_namespace() -> None:
    """Names are read; Go's empty strings are absent."""
    raw = piece(1, piece(1, b"shop") + piece(2, b"") + piece(11, piece(1, b"a") + piece(2, b"b"))) + piece(2, b"")
    assert decode(envelope(b"v1", b"Namespace", raw)) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"a": "b"}},
    }


@pytest.mark.parametrize(
    ("target", "value"),
    [(number(1, 0) + number(2, 80), 80), (number(1, 1) + piece(3, b"http"), "http")],
    ids=["number", "name"],
)
def test_service_ports(target: bytes, value: int | str) -> None:
    """Ports repeat; a target port is a number or a name."""
    port = piece(1, b"p") + piece(2, b"TCP") + number(3, 80) + piece(4, target)
    found = decode(envelope(b"v1", b"Service", piece(1, piece(1, b"web")) + piece(2, piece(1, port))))
    assert found is not None
    assert found["spec"]["ports"] == [{"name": "p", "protocol": "TCP", "port": 80, "targetPort": value}]


def test_unknown_type() -> None:
    """A type that is not read here is left to a 415."""
    assert decode(envelope(b"v1", b"Secret", b"")) is None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"k8s\x00\x0a\xff", b"k8s\x00\x0d\x00", envelope(b"v1", b"Namespace", b"\x80")]
)
def test_broken_bodies(body: bytes) -> None:
    """Bytes that are no such message are a 400."""
    with pytest.raises(ApiError) as caught:
        decode(body)
    assert caught.value.code == 400
