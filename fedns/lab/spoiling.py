"""What faults do to the bytes of lists and streams: broken, huge, deep and packed ones.

From a body, or the lines of a stream, to what goes over the wire. Each fault is one small function over bytes; none
knows what the bytes mean beyond their outermost fields.
"""

import re
import zlib
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Final

from fedns.lab.faults import Fault, Faults

_PIECE: Final = 64 * 1024
_META: Final = b'"metadata":{"name":"lab-%s","namespace":"default","uid":"lab","resourceVersion":"1"'


class CutError(Exception):
    """The reply ends here, in the middle of something; what is left of it stands in `args`."""


def _flipped(data: bytes, faults: Faults) -> bytes:
    """One bit is another one."""
    if not data:
        return data
    at = faults.chance.randrange(len(data))
    return data[:at] + bytes((data[at] ^ (1 << faults.chance.randrange(8)),)) + data[at + 1 :]


def _no_utf8(data: bytes, _faults: Faults) -> bytes:
    """The first text that has any room gets a byte that UTF-8 does not have."""
    return re.sub(rb'":"', b'":"\xff', data, count=1)


def _twice(data: bytes, _faults: Faults) -> bytes:
    """Two JSON values stand where one should."""
    return data.rstrip(b"\n") + data


def _other_type(data: bytes, _faults: Faults) -> bytes:
    """A type of event, or of list, that nobody knows."""
    if data.startswith(b'{"type":"'):
        return re.sub(rb'^\{"type":"[A-Z]+"', b'{"type":"NONSENSE"', data)
    return re.sub(rb'"kind":"\w+"', b'"kind":"Nonsense"', data, count=1)


def _no_fields(data: bytes, _faults: Faults) -> bytes:
    """Objects lose their metadata; a list keeps its own, which stands before its items."""
    head, mark, items = data.partition(b'"items":[')
    if mark:
        return head + mark + items.replace(b'"metadata":{', b'"lost":{')
    return data.replace(b'"metadata":{', b'"lost":{', 1)


def _cut(data: bytes, _faults: Faults) -> bytes:
    """It ends in its middle."""
    raise CutError(data[: len(data) // 2])


_GARBLES: Final = {
    "bits": _flipped,
    "cut": _cut,
    "utf8": _no_utf8,
    "twice": _twice,
    "type": _other_type,
    "fields": _no_fields,
}


def garble(data: bytes, faults: Faults, path: str) -> bytes:
    """A line or a whole body as the fault wants it; raises CutError where the reply must end."""
    fault = faults.find("garble", path)
    if fault is None:
        return data
    kind, _, rate = fault.value.partition(":")
    return _GARBLES[kind](data, faults) if faults.chance.random() < float(rate or 1) else data


def block(data: bytes, faults: Faults, path: str) -> bytes:
    """Some lines of a stream, garbled one by one."""
    if faults.find("garble", path) is None:
        return data
    done: list[bytes] = []
    try:
        for line in data.splitlines(keepends=True):
            done.append(garble(line, faults, path))  # noqa: PERF401 -- what is done before a cut counts
    except CutError as cut:
        raise CutError(b"".join(done) + cut.args[0]) from None
    return b"".join(done)


def _huge(fault: Fault) -> Iterator[bytes]:
    """An object with an annotation of that many bytes."""
    yield b"{" + _META % b"huge" + b',"annotations":{"lab":"'
    left = fault.size
    while left > 0:
        yield b"x" * min(left, _PIECE)
        left -= _PIECE
    yield b'"}}}'


def _deep(fault: Fault) -> Iterator[bytes]:
    """An object with that many brackets inside each other."""
    count = int(fault.value)
    yield b"{" + _META % b"deep" + b'},"spec":' + b"[" * count + b"]" * count + b"}"


_MORE: Final = {"huge": _huge, "deep": _deep}


def more(faults: Faults, path: str) -> list[Iterator[bytes]]:
    """The objects that a list or stream has besides, each in pieces."""
    return [make(fault) for verb, make in _MORE.items() if (fault := faults.find(verb, path))]


async def beginning(faults: Faults, path: str) -> AsyncIterator[bytes]:
    """What a stream says first: an event for each further object."""
    for pieces in more(faults, path):
        yield b'{"type":"ADDED","object":'
        for piece in pieces:
            yield piece
        yield b"}\n"


async def extended(body: bytes, extra: list[Iterator[bytes]]) -> AsyncIterator[bytes]:
    """A list's body with further objects at its end."""
    yield body.rstrip().removesuffix(b"]}")
    empty = body.rstrip().endswith(b"[]}")
    for pieces in extra:
        yield b"" if empty else b","
        empty = False
        for piece in pieces:
            yield piece
    yield b"]}\n"


@lru_cache(maxsize=4)
def _spaces(size: int) -> bytes:
    """White space, which JSON may have at its end, as a gzip file: a thousandth of its size."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * min(_PIECE, size - at)) for at in range(0, size, _PIECE)]
    return b"".join(parts) + packer.flush()


def packed(data: bytes, fault: Fault) -> bytes:
    """The bytes and a great deal of white space, as gzip; two members, which unpack as one."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush() + _spaces(fault.size)
