"""A query's bytes into a `Query`, records into a reply's bytes; both bounded, for strangers send the one.

`parse` admits one question and at most one OPT record, by rules that cost the same for every packet; it never follows a
compression pointer. `write` fits a reply into a size. Neither raises, and neither knows what a name means. Queries and
records are remembered by the ten thousand, so they are outside the garbage collector's rounds (they hold no cycles).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from struct import Struct as Layout
from typing import Final, NamedTuple

from msgspec import Struct

from fedns.answers import codes
from fedns.answers.compression import MAX_LABEL_BYTES, MAX_NAME_BYTES, after_name, labels_of, put_name
from fedns.answers.options import OPTION, read_options

HEADER_BYTES: Final = 12
MAX_QUERY_BYTES: Final = 4096
"""No honest query is longer; on every transport."""
PAYLOAD_BYTES: Final = 1232
"""The UDP size that fedns advertises (RFC 9715, DNS flag day 2020)."""
MAX_KNOWN_TAILS: Final = 1024
"""What follows the questions of that many queries is remembered: 4 MiB at the very most."""
MIN_LIMIT_BYTES: Final = HEADER_BYTES + MAX_NAME_BYTES + 4 + 11
"""Header, question and a bare OPT record: what `write` needs at most when it leaves out everything else."""

_HEADER: Final = Layout("!HHHHHH")
_QUESTION: Final = Layout("!HH")
_FIXED: Final = Layout("!HHIH")
"""What follows the owner of a record: type, class, TTL, length of the data."""
_LENGTH: Final = Layout("!H")
_DNSSEC_OK: Final = 0x8000
_SOA_NUMBERS_BYTES: Final = 20
_RRSET: Final = attrgetter("owner", "rtype")


class Edns(Struct, frozen=True, gc=False):
    """What the OPT record of a query says (RFC 6891); `payload` is the UDP size that the client takes."""

    payload: int
    version: int
    dnssec_ok: bool
    options: tuple[tuple[int, bytes], ...]


class Query(Struct, frozen=True, gc=False):
    """One well-formed query.

    `name` is the wire form as received, with its case and the root byte; `flags` are the second 16 bits of the header.
    One that asks for a cookie only has no question, and an empty name without even the root byte.
    """

    id: int
    flags: int
    name: bytes
    qtype: int
    qclass: int
    edns: Edns | None

    @property
    def labels(self) -> tuple[bytes, ...]:
        """The labels of the name, lower-cased (ASCII only, RFC 4343) and without the root."""
        return tuple(labels_of(self.name.lower())) if self.name else ()


class Record(Struct, frozen=True, order=True, gc=False):
    """One resource record of class IN; `owner` is a wire name, `ttl` seconds.

    With `compress`, `rdata` is one whole name (CNAME, NS, PTR), or for a SOA two names and five numbers: RFC 3597
    allows compression in these types only.
    """

    owner: bytes
    rtype: int
    ttl: int
    rdata: bytes
    compress: bool = False


class Refusal(NamedTuple):
    """A packet that is not resolved: the rcode to reply with, or SILENT.

    `question` are the question's bytes, empty where it was not readable; `edns` says that there was an OPT record.
    """

    rcode: int
    id: int = 0
    flags: int = 0
    question: bytes = b""
    edns: bool = False


SILENT: Final = Refusal(-1)
"""What gets no reply: it is no query, and a reply could start a loop."""


def parse(packet: bytes) -> Query | Refusal:
    """Admit one query, or say how to refuse it; header first, so that junk costs least."""
    size = len(packet)
    if size < HEADER_BYTES or packet[2] & 0x80:
        return SILENT
    ident, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(packet)
    if flags & 0x7800 != codes.QUERY:
        return Refusal(codes.NOTIMP, ident, flags)
    # RFC 9619: one question. An OPT and a TSIG record are all that may follow it.
    if questions != 1 or answers or authorities > 1 or additionals > 2 or size > MAX_QUERY_BYTES:
        return _no_question(packet, ident, flags)
    last = min(size - 5, HEADER_BYTES + MAX_NAME_BYTES - 1)  # where the root byte may stand at the latest
    at = HEADER_BYTES
    while at <= last and (length := packet[at]):
        # A pointer (0xC0) has nothing before it to point at; label types 0x40 and 0x80 are long dead (RFC 6891).
        if length > MAX_LABEL_BYTES:
            return Refusal(codes.FORMERR, ident, flags)
        at += length + 1
    if at > last:
        return Refusal(codes.FORMERR, ident, flags)
    name_end = at + 1
    end = name_end + 4
    qtype, qclass = _QUESTION.unpack_from(packet, name_end)
    edns = None
    if authorities:
        # Only an IXFR query has a record here, the zone's SOA (RFC 1995 section 3): no zone is transferred.
        rcode = codes.REFUSED if qtype == codes.IXFR else codes.FORMERR
        return Refusal(rcode, ident, flags, packet[HEADER_BYTES:end])
    if additionals or end != size:
        rcode, edns = _additional(packet[end:], additionals)
        if rcode != codes.NOERROR:
            return Refusal(rcode, ident, flags, packet[HEADER_BYTES:end], edns is not None)
    return Query(ident, flags, packet[HEADER_BYTES:name_end], qtype, qclass, edns)


def _no_question(packet: bytes, ident: int, flags: int) -> Query | Refusal:
    """A query without a question may ask for a cookie, and nothing else (RFC 7873 section 5.4)."""
    if packet[4:HEADER_BYTES] != b"\0\0\0\0\0\0\0\1" or len(packet) > MAX_QUERY_BYTES:
        return Refusal(codes.FORMERR, ident, flags)
    rcode, edns = _additional(packet[HEADER_BYTES:], 1)
    if rcode == codes.NOERROR and edns is not None and any(code == codes.COOKIE for code, _ in edns.options):
        return Query(ident, flags, b"", 0, 0, edns)
    return Refusal(rcode or codes.FORMERR, ident, flags, edns=edns is not None)


def refuse(refusal: Refusal) -> bytes:
    """The reply to a refused packet; empty for silence. It carries no record but OPT."""
    if refusal.rcode < 0:
        return b""
    # RFC 8906 section 8.1.3: of a query with an unknown opcode only the id and the opcode come back.
    kept = 0x7800 if refusal.rcode == codes.NOTIMP else 0x7800 | codes.RD
    flags = codes.QR | refusal.flags & kept | refusal.rcode & 0xF
    reply = _HEADER.pack(refusal.id, flags, bool(refusal.question), 0, 0, refusal.edns) + refusal.question
    return reply + opt_record(refusal.rcode, dnssec_ok=False) if refusal.edns else reply


def write(
    query: Query,
    rcode: int,
    answers: Sequence[Record],
    authority: Sequence[Record] = (),
    additional: Sequence[Record] = (),
    *,
    limit: int,
    aa: bool = True,
    tc: bool = False,
    options: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """The reply to a query in at most `limit` bytes (MIN_LIMIT_BYTES to 65,535), without what does not fit.

    Additional RRsets go first, then the EDNS options (RFC 8914 section 3), and then the whole content, with TC set (RFC
    2181 section 9: a part of an RRset helps nobody). The records of an additional RRset stand next to each other.
    """
    edns = query.edns
    if edns is None and rcode > 0xF:
        rcode = codes.SERVFAIL
    out = bytearray(HEADER_BYTES)
    pointers: dict[bytes, bytes] = {}
    put_name(out, pointers, query.name)
    out += _QUESTION.pack(query.qtype, query.qclass)
    question_end = len(out)
    bare = opt_record(rcode, dnssec_ok=edns.dnssec_ok) if edns is not None else b""
    opt = opt_record(rcode, dnssec_ok=edns.dnssec_ok, options=options) if edns is not None and options else bare
    counts = [0, 0, 0]
    if not (_put(out, pointers, answers, limit - len(bare)) and _put(out, pointers, authority, limit - len(bare))):
        del out[question_end:]
        tc = True
    else:
        counts[:2] = len(answers), len(authority)
        if len(out) + len(opt) <= limit:
            counts[2] = _put_additional(out, pointers, additional, limit - len(opt))
    if len(out) + len(opt) > limit:
        opt = bare
    out += opt
    flags = codes.QR | (codes.AA if aa else 0) | (codes.TC if tc else 0) | query.flags & codes.RD | rcode & 0xF
    _HEADER.pack_into(out, 0, query.id, flags, 1, counts[0], counts[1], counts[2] + bool(opt))
    return bytes(out)


def write_options(query: Query, rcode: int, options: Sequence[tuple[int, bytes]], *, tc: bool = False) -> bytes:
    """A reply with nothing but the query's own question, if it had one, and EDNS options, if it had EDNS."""
    opt = opt_record(rcode, dnssec_ok=query.edns.dnssec_ok, options=options) if query.edns is not None else b""
    flags = codes.QR | (codes.TC if tc else 0) | query.flags & codes.RD | rcode & 0xF
    question = query.name and query.name + _QUESTION.pack(query.qtype, query.qclass)
    return _HEADER.pack(query.id, flags, bool(question), 0, 0, bool(opt)) + question + opt


@lru_cache(maxsize=MAX_KNOWN_TAILS)
def _additional(tail: bytes, count: int) -> tuple[int, Edns | None]:
    """An rcode for the `count` records behind the question, NOERROR if all is well, and what the OPT record says.

    Each client sends the same ones again and again.
    """
    at, size = 0, len(tail)
    opt: tuple[int, int, int] | None = None
    options = b""
    signed = False
    for _ in range(count):
        root = at < size and not tail[at]
        fixed = at + 1 if root else after_name(tail, at)
        content = fixed + _FIXED.size
        # RFC 8945 section 5.1: a TSIG record is the last one.
        if signed or content > size:
            return codes.FORMERR, _edns(opt)
        rtype, payload, ttl, length = _FIXED.unpack_from(tail, fixed)
        at = content + length
        if rtype == codes.OPT and root and opt is None:
            opt = payload, ttl >> 16 & 0xFF, ttl & _DNSSEC_OK
            options = tail[content:at]
        elif rtype == codes.TSIG:
            signed = True
        else:
            return codes.FORMERR, _edns(opt)
    if at != size:
        return codes.FORMERR, _edns(opt)
    if opt is None:
        return (codes.NOTAUTH if signed else codes.NOERROR), None
    # Before the options: another version may lay them out otherwise (RFC 6891 section 6.1.3).
    if opt[1]:
        return codes.BADVERS, _edns(opt)
    parsed = read_options(options)
    if parsed is None:
        return codes.FORMERR, _edns(opt)
    # No key is known here, so no signature is ever good; an answer would be unsigned and thrown away.
    return codes.NOTAUTH if signed else codes.NOERROR, _edns(opt, parsed)


def _edns(opt: tuple[int, int, int] | None, options: tuple[tuple[int, bytes], ...] = ()) -> Edns | None:
    """What an OPT record says: payload, version, DO bit; and its options."""
    return Edns(opt[0], opt[1], bool(opt[2]), options) if opt is not None else None


def opt_record(rcode: int, *, dnssec_ok: bool, options: Sequence[tuple[int, bytes]] = ()) -> bytes:
    """Our OPT record (RFC 6891 section 6.1.2): version 0, the upper bits of the rcode, DO as the client set it."""
    content = b"".join(OPTION.pack(code, len(value)) + value for code, value in options)
    ttl = rcode >> 4 << 24 | (_DNSSEC_OK if dnssec_ok else 0)
    return b"\0" + _FIXED.pack(codes.OPT, PAYLOAD_BYTES, ttl, len(content)) + content


def _put(out: bytearray, pointers: dict[bytes, bytes], records: Iterable[Record], limit: int) -> bool:
    """Append records; False as soon as the message is over its limit, so no more than that is ever encoded."""
    for record in records:
        put_name(out, pointers, record.owner)
        out += _FIXED.pack(record.rtype, codes.IN, record.ttl, 0)
        content = len(out)
        if record.compress:
            _put_names(out, pointers, record)
        else:
            out += record.rdata
        if len(out) > limit:
            return False
        _LENGTH.pack_into(out, content - _LENGTH.size, len(out) - content)
    return True


def _put_additional(out: bytearray, pointers: dict[bytes, bytes], records: Sequence[Record], limit: int) -> int:
    """Append whole RRsets while they fit; how many records that were."""
    count = 0
    for _, group in groupby(records, key=_RRSET):
        rrset = list(group)
        end = len(out)
        if not _put(out, pointers, rrset, limit):
            del out[end:]
            break
        count += len(rrset)
    return count


def _put_names(out: bytearray, pointers: dict[bytes, bytes], record: Record) -> None:
    """Append data of the types that may be compressed (RFC 3597 section 4): a name, or the two names of a SOA first."""
    if record.rtype == codes.SOA:
        numbers = len(record.rdata) - _SOA_NUMBERS_BYTES
        mailbox = after_name(record.rdata, 0)
        put_name(out, pointers, record.rdata[:mailbox])
        put_name(out, pointers, record.rdata[mailbox:numbers])
        out += record.rdata[numbers:]
    else:
        put_name(out, pointers, record.rdata)
