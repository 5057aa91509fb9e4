"""The one packet path: a query's bytes in, a reply's bytes out, for every transport.

`respond` never raises, never awaits and never logs: what happened is counted in the replica's block of counters. In the
order in which it happens: a remembered answer is taken; else the packet is parsed, refused when it is malformed,
resolved, encoded to fit the transport, and remembered.
"""

from collections.abc import Sequence
from typing import Final

from fedns.answers import codes, counters
from fedns.answers.answer import Answer
from fedns.answers.packet import Query, Record, Refusal, parse, refuse, write
from fedns.answers.replica import Entry, Replica, View
from fedns.answers.resolve import resolve
from fedns.answers.turns import Turn, turns, windows

MIN_UDP_BYTES: Final = 512
"""RFC 1035: what a client without EDNS takes."""
MAX_UDP_BYTES: Final = 1232
"""The DNS flag day's size: no fragments on any common path (RFC 9715)."""
MAX_STREAM_BYTES: Final = 65_535

MAX_REMEMBERED_BYTES: Final = 320
"""A longest name with plain EDNS and a cookie; longer packets are rare, and their bytes would be the key."""

SILENCE: Final = b""


def respond(packet: bytes, view: View, replica: Replica, now: float) -> bytes:
    """The reply to one packet, empty for silence; `now` is CLOCK_MONOTONIC seconds."""
    try:
        entry = view.entries.get(packet[2:])
        if entry is None:
            return _answer(packet, view, replica, now)
        replica.counts[entry.word] += 1
        return packet[:2] + entry.take()
    except Exception:  # noqa: BLE001 -- the door's promise: a bug of ours costs one SERVFAIL, never the worker
        return _fault(packet, replica)


def _answer(packet: bytes, view: View, replica: Replica, now: float) -> bytes:
    replica.counts[counters.MISSES] += 1
    query = parse(packet)
    if isinstance(query, Refusal):
        return _refuse(query, view, replica)
    answer = resolve(query, view.client, replica.state, now)
    word = counters.reply_word(stream=view.stream, family=view.family, qtype=query.qtype, rcode=answer.rcode)
    entry = _entry(query, answer, view, replica.rules.nsid, word)
    if answer.cacheable and len(packet) <= MAX_REMEMBERED_BYTES:
        replica.keep(view, packet[2:], entry, answer.key, negative=answer.rcode != codes.NOERROR)
        if answer.ede:
            replica.keep_briefly(entry, now)
    replica.counts[word] += 1
    return packet[:2] + entry.take()


def _refuse(refusal: Refusal, view: View, replica: Replica) -> bytes:
    if refusal.rcode < 0:
        replica.counts[counters.DROPS + counters.DROP_REASONS.index("malformed")] += 1
        return SILENCE
    word = counters.reply_word(stream=view.stream, family=view.family, qtype=None, rcode=refusal.rcode)
    replica.counts[word] += 1
    return refuse(refusal)


def _fault(packet: bytes, replica: Replica) -> bytes:
    """SERVFAIL with nothing but the header: whatever went wrong may go wrong again with the rest of the packet."""
    replica.counts[counters.DROPS + counters.DROP_REASONS.index("fault")] += 1
    if len(packet) < 12:
        return SILENCE
    return packet[:2] + bytes((0x80 | packet[2] & 0x79, codes.SERVFAIL)) + bytes(8)


def _entry(query: Query, answer: Answer, view: View, nsid: str, word: int) -> Entry:
    limit = _limit(query, view)
    options = _options(query, answer, nsid)

    def encode(answers: Sequence[Record], additional: Sequence[Record]) -> bytes:
        return write(
            query,
            answer.rcode,
            [*answer.chain, *answers],
            answer.authority,
            additional,
            limit=limit,
            aa=answer.aa,
            options=options,
        )

    if not answer.groups:
        reply = encode((), ())[2:]
        return Entry(1, lambda _at: reply, word)
    walk = _walk(answer, limit, len(encode((), ())), stream=view.stream)

    def encode_turn(at: int) -> bytes:
        group = answer.groups[walk[at].group]
        return encode([group.records[each] for each in walk[at].records], group.additional)[2:]

    return Entry(len(walk), encode_turn, word)


def _limit(query: Query, view: View) -> int:
    if view.stream:
        return MAX_STREAM_BYTES
    if query.edns is None:
        return MIN_UDP_BYTES
    return min(max(query.edns.payload, MIN_UDP_BYTES), MAX_UDP_BYTES)


def _options(query: Query, answer: Answer, nsid: str) -> list[tuple[int, bytes]]:
    """The EDNS options of the reply: extended errors (RFC 8914), and the server's name where asked (RFC 5001)."""
    if query.edns is None:
        return []
    options = [(codes.EDE, code.to_bytes(2) + text.encode()) for code, text in answer.ede]
    if nsid and any(code == codes.NSID for code, _ in query.edns.options):
        options.append((codes.NSID, nsid.encode()))
    return options


def _walk(answer: Answer, limit: int, overhead: int, *, stream: bool) -> list[Turn]:
    """The order of responses; an address set that is too large for the client's UDP size goes out in windows."""
    rotations = []
    for group in answer.groups:
        count = len(group.records)
        fitting = answer.max_answers or count
        if answer.subset and not stream and count:
            # Every record of an address set has the same size: a pointer to its owner's name, then 10 bytes and rdata.
            fitting = min(fitting, max(1, (limit - overhead) // (12 + len(group.records[0].rdata))))
        rotations.append(windows(count, fitting) if answer.rotate else [tuple(range(min(count, fitting)))])
    return turns([group.share for group in answer.groups], rotations)
