"""Records as the text of master files (RFC 1035 section 5.1): one line each, with names relative to an origin.

Whatever bytes a name or a string holds come back from the text as they were: what has a meaning in a file is escaped.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from struct import Struct as Layout
from typing import Final

from fedns.answers import codes
from fedns.answers.compression import after_name, labels_of
from fedns.answers.packet import Record

TYPES: Final = {
    codes.A: "A",
    codes.NS: "NS",
    codes.CNAME: "CNAME",
    codes.SOA: "SOA",
    codes.PTR: "PTR",
    codes.TXT: "TXT",
    codes.AAAA: "AAAA",
    codes.SRV: "SRV",
}
"""The types that zones of fedns hold; a HINFO is made for ANY only, and stands in no zone."""

_MEANINGFUL: Final = frozenset(b'."\\;()@$')
"""What a master file gives a meaning to."""
_SRV: Final = Layout("!HHH")
_SOA: Final = Layout("!IIIII")


def heading(origin: bytes, ttl: int) -> str:
    """The lines before the first record: what names are relative to, and the TTL of records that would name none."""
    return f"$ORIGIN {name(origin)}\n$TTL {ttl}\n"


def line(record: Record, origin: bytes) -> str:
    """One record, with its line's end."""
    owner, kind = name(record.owner, origin), TYPES[record.rtype]
    return f"{owner}\t{record.ttl}\tIN\t{kind}\t{_content(record, origin)}\n"


def name(wire: bytes, origin: bytes = b"") -> str:
    """A wire name as text: `@` or without the origin's labels where it is at or below it, else with a final dot."""
    labels = list(labels_of(wire))
    above = list(labels_of(origin)) if origin else []
    count = len(labels) - len(above)
    if origin and count >= 0 and [each.lower() for each in labels[count:]] == [each.lower() for each in above]:
        return ".".join(map(_label, labels[:count])) or "@"
    return ".".join(map(_label, labels)) + "."


def _content(record: Record, origin: bytes) -> str:
    rdata = record.rdata
    match record.rtype:
        case codes.A | codes.AAAA:
            return str(ip_address(rdata))
        case codes.SRV:
            priority, weight, port = _SRV.unpack_from(rdata)
            return f"{priority} {weight} {port} {name(rdata[_SRV.size :], origin)}"
        case codes.TXT:
            return " ".join(map(_string, _strings(rdata)))
        case codes.SOA:
            mailbox = after_name(rdata, 0)
            numbers = after_name(rdata, mailbox)
            names = name(rdata[:mailbox], origin), name(rdata[mailbox:numbers], origin)
            return " ".join((*names, *map(str, _SOA.unpack(rdata[numbers:]))))
        case _:
            return name(rdata, origin)


def _label(label: bytes) -> str:
    return "".join(map(_character, label))


def _character(byte: int) -> str:
    if byte in _MEANINGFUL:
        return "\\" + chr(byte)
    return chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03d}"


def _strings(rdata: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(rdata):
        yield rdata[at + 1 : at + 1 + rdata[at]]
        at += 1 + rdata[at]


def _string(content: bytes) -> str:
    """A character-string in quotes: only the quote and the backslash mean something there."""
    plain = (chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:03d}" for byte in content)
    return f'"{"".join(plain)}"'
