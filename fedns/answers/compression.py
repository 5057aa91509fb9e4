"""Names inside a message: where one ends, and how one is written with the suffixes that the message already has.

It never follows a pointer. What the names mean, and what stands around them, is not known here.
"""

from collections.abc import Iterator
from struct import Struct as Layout
from typing import Final

MAX_LABEL_BYTES: Final = 63
MAX_NAME_BYTES: Final = 255
"""RFC 1035 section 2.3.4, with every length byte and the root."""

_POINTER: Final = Layout("!H")
_POINTABLE_BYTES: Final = 0x4000
"""A compression pointer has 14 bits: names further on cannot be pointed at (RFC 1035 section 4.1.4)."""


def after_name(packet: bytes, start: int) -> int:
    """Where the name at `start` ends, be it with the root or a pointer, which is not followed; else far outside."""
    at = start
    while at < len(packet) and at - start < MAX_NAME_BYTES:
        length = packet[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2
        if length > MAX_LABEL_BYTES:
            break
        at += length + 1
    return len(packet) + 1


def labels_of(name: bytes) -> Iterator[bytes]:
    """The labels of a whole wire name, without the root."""
    at = 0
    while name[at]:
        yield name[at + 1 : at + 1 + name[at]]
        at += 1 + name[at]


def put_name(out: bytearray, pointers: dict[bytes, bytes], name: bytes) -> None:
    """Append a name, its longest known suffix as a pointer.

    Letters' case does not matter (RFC 4343): so owners take the case of the question. One look-up for each label
    written, so the work is linear in the message. `pointers` has the suffixes written so far, and learns new ones.
    """
    suffix = name.lower()
    start = len(out)
    at = 0
    while name[at]:
        pointer = pointers.get(suffix)
        if pointer is not None:
            out += name[:at] + pointer
            return
        if start + at < _POINTABLE_BYTES:
            pointers[suffix] = _POINTER.pack(0xC000 | start + at)
        step = name[at] + 1
        at += step
        suffix = suffix[step:]
    out += name
