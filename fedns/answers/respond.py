"""The one packet path: a query's bytes in, a reply's bytes out, for every transport.

`respond` never raises, never awaits and never logs: what happened is counted in the replica's block of counters. In the
order in which it happens: a plain packet that has come before has its answer; any other is parsed, refused when it is
malformed, and has the answer to what it asks, which is resolved and encoded when nobody has asked it yet; who is over
the rate limit gets silence, or is sent to TCP; what is special about the packet is put into the reply.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from struct import Struct as Layout
from typing import Final

from msgspec import Struct, structs

from fedns.answers import codes, counters
from fedns.answers.answer import Answer, AnswerGroup
from fedns.answers.compression import MAX_LABEL_BYTES
from fedns.answers.extras import Extras, add_extras, read_extras
from fedns.answers.memory import Counted, Entry, Place
from fedns.answers.packet import Query, Record, Refusal, opt_record, parse, refuse, write, write_options
from fedns.answers.replica import Replica
from fedns.answers.resolve import resolve
from fedns.answers.turns import Turn, turns, windows
from fedns.answers.views import View

MIN_UDP_BYTES: Final = 512
"""RFC 1035: what a client without EDNS takes."""
MAX_UDP_BYTES: Final = 1232
"""The DNS flag day's size: no fragments on any common path (RFC 9715)."""
SIZE_STEP: Final = 64
"""Clients' UDP sizes are rounded down to multiples of this, so that answers are remembered for few sizes."""
MAX_STREAM_BYTES: Final = 65_535
MAX_EXTRA_BYTES: Final = 1024
"""More than all options that are appended to an encoded answer."""

MAX_WALKS: Final = 256
"""Orders of responses that are remembered: most services are of few sizes."""
MAX_REMEMBERED_BYTES: Final = 320
"""A longest name with plain EDNS; longer packets are rare, and their bytes would be the key."""

SILENCE: Final = b""
_NOBODY: Final = tuple(bytes((size,)) + b"*" * size for size in range(MAX_LABEL_BYTES + 1))
"""A label of each length that no member can give to anything."""

_SHAPE: Final = Layout("!HHI")
_NOTHING: Final = (AnswerGroup(Fraction(1), ()),)
"""The one group of an answer that has none."""


def respond(packet: bytes, view: View, replica: Replica, now: float) -> bytes:
    """The reply to one packet, empty for silence; `now` is CLOCK_MONOTONIC seconds."""
    try:
        entry = view.packets.get(packet[2:])
        if entry is None:
            return _answer(packet, view, replica, now)
        if view.bucket is not None and view.bucket.over(now):
            return _limited(packet, view, replica, Extras(view.spot))
        return packet[:2] + entry.take(replica.counts)
    except Exception:  # noqa: BLE001 -- the door's promise: a bug of ours costs one SERVFAIL, never the worker
        return _fault(packet, replica)


def _answer(packet: bytes, view: View, replica: Replica, now: float) -> bytes:
    query = parse(packet)
    if isinstance(query, Refusal):
        return _refuse(query, view, replica, now)
    extras = read_extras(query, view, replica)
    if not query.name:
        return _only_cookie(query, extras, view, replica, now)
    limit = _limit(query, view, extras)
    asking = query.name.lower() + _shape(query, extras, limit)
    answers = extras.spot.known.answers
    entry = answers.get(asking) or _denial(asking, answers)
    if entry is None:
        replica.counts[counters.MISSES] += 1
        entry = _make(query, asking, extras, view, replica, limit, now)
    else:
        replica.counts[counters.PARSED_HITS] += 1
        if extras.plain and query.name == entry.name and len(packet) <= MAX_REMEMBERED_BYTES:
            replica.memory.alias(extras.spot.known, packet[2:], entry)
    if view.bucket is not None and not extras.proven and view.bucket.over(now):
        return _limited(packet, view, replica, extras)
    reply = entry.take(replica.counts)
    if query.name != entry.name:
        # All other names with the same suffix are pointers to the question: so they take its case (0x20).
        reply = reply[:10] + query.name + reply[10 + len(query.name) :]
    if extras.options or extras.padded:
        reply = add_extras(reply, entry.opt, extras)
    return packet[:2] + reply


def _make(query: Query, asking: bytes, extras: Extras, view: View, replica: Replica, limit: int, now: float) -> Entry:
    """Resolve a question that nobody has asked, in lower case, and remember the answer where that is allowed."""
    query, spot = structs.replace(query, name=asking[: -_SHAPE.size]), extras.spot
    client = view.client
    if spot is not view.spot:
        client = client.at(spot.location, spot.subnet)
    answer = resolve(query, client, replica.state, now)
    if answer.taken is not None and (shared := _shared(asking)) not in spot.known.answers:
        asking, query = shared, structs.replace(query, name=shared[: -_SHAPE.size])
    options = _options(query, answer, replica.rules.nsid if extras.nsid else "")
    entry = _entry(query, answer, view, options, limit)
    entry.name, entry.taken = query.name, answer.taken
    entry.word = counters.reply_word(
        transport=view.transport,
        family=view.family,
        origin=spot.origin,
        zone=counters.ZONES.index(answer.zone),
        qtype=query.qtype,
        rcode=answer.rcode,
    )
    if answer.ede and query.edns is not None:
        entry.noted = counters.ede_word(answer.ede[0][0])
    if answer.cacheable:
        negative = answer.rcode != codes.NOERROR or not answer.groups
        replica.memory.keep(Place(spot.known, asking, answer.key, negative), entry)
        if answer.ede:
            replica.memory.keep_briefly(entry, now)
    return entry


def _refuse(refusal: Refusal, view: View, replica: Replica, now: float) -> bytes:
    if refusal.rcode < 0:
        replica.counts[counters.DROPS + counters.DROP_REASONS.index("malformed")] += 1
        return SILENCE
    if _over(view, replica, now):
        return SILENCE
    replica.counts[_plain_word(view, refusal.rcode)] += 1
    return refuse(refusal)


def _only_cookie(query: Query, extras: Extras, view: View, replica: Replica, now: float) -> bytes:
    """A query without a question: a cookie for a client that wants to have one first (RFC 7873 section 5.4)."""
    if not extras.cookie:
        return _refuse(Refusal(codes.FORMERR, query.id, query.flags, edns=True), view, replica, now)
    if not extras.proven and _over(view, replica, now):
        return SILENCE
    replica.counts[_plain_word(view, codes.NOERROR)] += 1
    return write_options(query, codes.NOERROR, [(codes.COOKIE, extras.cookie)])


def _limited(packet: bytes, view: View, replica: Replica, extras: Extras) -> bytes:
    """A response that is one too many: silence, or now and then one that no forger gains by.

    A client that shows any cookie is told to ask again with the new one (RFC 7873 section 5.2.3), others to use TCP.
    """
    query = parse(packet)
    if isinstance(query, Refusal) or view.bucket is None or not view.bucket.slips():
        replica.counts[counters.DROPS + counters.DROP_REASONS.index("rate_limited")] += 1
        return SILENCE
    if extras.cookie:
        replica.counts[counters.BAD_COOKIES] += 1
        replica.counts[_plain_word(view, codes.BADCOOKIE)] += 1
        return write_options(query, codes.BADCOOKIE, [(codes.COOKIE, extras.cookie)])
    replica.counts[counters.TRUNCATED_BY_LIMIT] += 1
    replica.counts[_plain_word(view, codes.NOERROR)] += 1
    return write_options(query, codes.NOERROR, (), tc=True)


def _over(view: View, replica: Replica, now: float) -> bool:
    """Whether a reply that is nobody's answer is one too many: it is dropped, for TCP would not help."""
    if view.bucket is None or not view.bucket.over(now):
        return False
    replica.counts[counters.DROPS + counters.DROP_REASONS.index("rate_limited")] += 1
    return True


def _plain_word(view: View, rcode: int) -> int:
    """Counts a reply that is about no zone."""
    origin = view.spot.origin
    return counters.reply_word(
        transport=view.transport, family=view.family, origin=origin, zone=0, qtype=None, rcode=rcode
    )


def _fault(packet: bytes, replica: Replica) -> bytes:
    """SERVFAIL with nothing but the header: whatever went wrong may go wrong again with the rest of the packet."""
    replica.counts[counters.DROPS + counters.DROP_REASONS.index("fault")] += 1
    if len(packet) < 12:
        return SILENCE
    return packet[:2] + bytes((0x80 | packet[2] & 0x79, codes.SERVFAIL)) + bytes(8)


def _shape(query: Query, extras: Extras, limit: int) -> bytes:
    """All that the bytes of an answer depend on, beside the name and the kind of client."""
    shape = limit << 4 | bool(query.flags & codes.RD) << 3 | extras.nsid << 2
    if query.edns is not None:
        shape |= 2 | query.edns.dnssec_ok
    return _SHAPE.pack(query.qtype, query.qclass, shape)


class _Encoding(Struct, frozen=True, gc=False):
    """All that the responses to one question are encoded from; each turn shows records of one of the groups.

    A group is its answers and its additional records: what else there is to an answer is not kept.
    """

    query: Query
    rcode: int
    aa: bool
    chain: tuple[Record, ...]
    groups: tuple[tuple[tuple[Record, ...], tuple[Record, ...]], ...]
    authority: tuple[Record, ...]
    options: tuple[tuple[int, bytes], ...]
    limit: int
    walk: tuple[Turn, ...] = ()

    def encode(self, turn: int) -> bytes:
        """The response of this turn, without its id."""
        shown = self.walk[turn]
        answers, additional = self.groups[shown.group]
        return self.written(tuple(answers[each] for each in shown.records), additional)[2:]

    def written(self, answers: tuple[Record, ...], additional: tuple[Record, ...] = ()) -> bytes:
        """A response with these records."""
        return write(
            self.query,
            self.rcode,
            self.chain + answers,
            self.authority,
            additional,
            limit=self.limit,
            aa=self.aa,
            options=self.options,
        )


def _denial(asking: bytes, answers: Mapping[bytes, Entry]) -> Entry | None:
    """The answer for a name beside which another one was denied, so that random names cost neither time nor memory."""
    entry = answers.get(_shared(asking))
    if entry is None or entry.taken is None:
        return None
    label = asking[1 : 1 + asking[0]].decode("latin-1")
    return None if label.startswith("_") or label in entry.taken else entry


def _shared(asking: bytes) -> bytes:
    """The question that stands for all with a first label of this length: pointers in the answer fit each of them."""
    return _NOBODY[asking[0]] + asking[1 + asking[0] :]


def _entry(query: Query, answer: Answer, view: View, options: tuple[tuple[int, bytes], ...], limit: int) -> Entry:
    opt = b""
    if query.edns is not None:
        opt = opt_record(answer.rcode, dnssec_ok=query.edns.dnssec_ok, options=options)
    groups = answer.groups or _NOTHING
    shown = tuple((group.records, group.additional) for group in groups)
    recipe = _Encoding(query, answer.rcode, answer.aa, answer.chain, shown, answer.authority, options, limit)
    space = limit - len(recipe.written(())) if answer.subset and not view.stream else None
    sizes = tuple(_size(group.records, answer.max_answers, space) for group in groups)
    walk = _walk(tuple(group.share for group in groups), sizes, rotate=answer.rotate)
    recipe = structs.replace(recipe, walk=walk)
    if any(group.counted for group in groups):
        return Counted(len(walk), recipe, opt, counted=tuple(groups[turn.group].counted for turn in walk))
    return Entry(len(walk), recipe, opt)


def _limit(query: Query, view: View, extras: Extras) -> int:
    """How long the answer may be, without what is appended to it."""
    if view.stream:
        return MAX_STREAM_BYTES - MAX_EXTRA_BYTES if extras.options or extras.padded else MAX_STREAM_BYTES
    if query.edns is None:
        return MIN_UDP_BYTES
    limit = min(max(query.edns.payload, MIN_UDP_BYTES), MAX_UDP_BYTES) - len(extras.options)
    return limit if limit == MAX_UDP_BYTES else limit - limit % SIZE_STEP


def _options(query: Query, answer: Answer, nsid: str) -> tuple[tuple[int, bytes], ...]:
    """The EDNS options that belong to the answer: extended errors (RFC 8914), the server's name (RFC 5001)."""
    if query.edns is None:
        return ()
    options = tuple((codes.EDE, code.to_bytes(2) + text.encode()) for code, text in answer.ede)
    return (*options, (codes.NSID, nsid.encode())) if nsid else options


def _size(shown: tuple[Record, ...], most: int, space: int | None) -> tuple[int, int]:
    """How many records a group has, and how many of them go into one response: at most `most` (0: all).

    An address set that is too large for the `space` that a client's UDP size leaves goes out in windows.
    """
    count = len(shown)
    fitting = most or count
    if space is not None and count:
        # Every record of an address set has the same size: a pointer to its owner's name, then 10 bytes and rdata.
        fitting = min(fitting, max(1, space // (12 + len(shown[0].rdata))))
    return count, min(count, fitting)


@lru_cache(MAX_WALKS)
def _walk(shares: tuple[Fraction, ...], sizes: tuple[tuple[int, int], ...], *, rotate: bool) -> tuple[Turn, ...]:
    """The order of responses; the answers of services of the same sizes share it."""
    rotations = [windows(count, fitting) if rotate else [tuple(range(fitting))] for count, fitting in sizes]
    return tuple(turns(shares, rotations))
