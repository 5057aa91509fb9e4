"""Names and records from values: text and packed addresses in, wire form out.

Names are wire bytes: each label behind its length, then the root's zero byte. Every builder takes the owner in this
form and makes one record of class IN. It knows record data only; messages and compression are the packet module's.
"""

from collections.abc import Sequence
from struct import Struct as Layout
from typing import Final

from fedns.answers import codes
from fedns.answers.compression import MAX_LABEL_BYTES, MAX_NAME_BYTES
from fedns.answers.packet import Record

MAX_STRING_BYTES: Final = 255
"""One character-string of a TXT record: its length is one byte."""

_SRV: Final = Layout("!HHH")
_SOA: Final = Layout("!IIIII")


def name(source: str | Sequence[str | bytes]) -> bytes:
    """The wire form of a name given as text ("a.b", with or without the final dot) or as labels without the root.

    A label given apart may hold any byte, dots too (RFC 2181 section 11). Raises ValueError when no legal name results.
    """
    if isinstance(source, str):
        source = source.removesuffix(".").split(".") if source not in {"", "."} else ()
    wire = bytearray()
    for label in source:
        content = label.encode("ascii") if isinstance(label, str) else label
        if not 0 < len(content) <= MAX_LABEL_BYTES:
            raise ValueError(f"a label of {len(content)} bytes in {source!r}: 1 to {MAX_LABEL_BYTES} are allowed")
        wire.append(len(content))
        wire += content
    wire.append(0)
    if len(wire) > MAX_NAME_BYTES:
        raise ValueError(f"a name of {len(wire)} bytes: {MAX_NAME_BYTES} are allowed")
    return bytes(wire)


def a(owner: bytes, ttl: int, address: bytes) -> Record:
    """An IPv4 address, packed in 4 bytes."""
    return Record(owner, codes.A, ttl, address)


def aaaa(owner: bytes, ttl: int, address: bytes) -> Record:
    """An IPv6 address, packed in 16 bytes."""
    return Record(owner, codes.AAAA, ttl, address)


def srv(owner: bytes, ttl: int, priority: int, weight: int, port: int, target: bytes) -> Record:
    """Where a service listens (RFC 2782); the target is never compressed."""
    return Record(owner, codes.SRV, ttl, _SRV.pack(priority, weight, port) + target)


def txt(owner: bytes, ttl: int, *strings: str) -> Record:
    """Text; a string that is too long for one character-string goes on in the next, and none is an empty one."""
    return Record(owner, codes.TXT, ttl, b"".join(map(_character_strings, strings or ("",))))


def hinfo(owner: bytes, ttl: int, cpu: str = "RFC8482", system: str = "") -> Record:
    """The answer to a question for ANY (RFC 8482 section 4.2); both texts are at most 255 bytes."""
    return Record(owner, codes.HINFO, ttl, _character_strings(cpu) + _character_strings(system))


def ns(owner: bytes, ttl: int, server: bytes) -> Record:
    """A name server of a zone."""
    return Record(owner, codes.NS, ttl, server, compress=True)


def ptr(owner: bytes, ttl: int, target: bytes) -> Record:
    """A pointer to another name."""
    return Record(owner, codes.PTR, ttl, target, compress=True)


def cname(owner: bytes, ttl: int, target: bytes) -> Record:
    """The name that this one is an alias of."""
    return Record(owner, codes.CNAME, ttl, target, compress=True)


def soa(
    owner: bytes,
    ttl: int,
    server: bytes,
    mailbox: bytes,
    serial: int,
    *,
    refresh: int = 7200,
    retry: int = 1800,
    expire: int = 86_400,
    minimum: int = 5,
) -> Record:
    """The start of a zone; `minimum` caps how long negative answers are kept (RFC 2308); all times in seconds."""
    numbers = _SOA.pack(serial, refresh, retry, expire, minimum)
    return Record(owner, codes.SOA, ttl, server + mailbox + numbers, compress=True)


def _character_strings(text: str) -> bytes:
    content = text.encode()
    parts = [content[at : at + MAX_STRING_BYTES] for at in range(0, len(content), MAX_STRING_BYTES)] or [b""]
    return b"".join(len(part).to_bytes(1) + part for part in parts)
