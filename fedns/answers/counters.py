"""What one process counts: the layout of a block of unsigned 64-bit words that outlives it.

Each process slot has one block of shared memory with one writer, so no locks; the supervisor makes the blocks, a new
process in a slot goes on counting where the last one stopped, and the metrics collector adds the blocks up. One word
counts one (transport, family, origin, zone, type, rcode), so the hot path pays a single addition for all its labels.
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Final, NamedTuple

HEARTBEAT: Final = 0
"""Nanoseconds of CLOCK_MONOTONIC, written a few times a second: an old one means a hung process."""
PID: Final = 1
GENERATION: Final = 2
LOADED: Final = 3
"""1 when the process holds a whole catalog and reads its sockets."""
STARTS: Final = 4
"""How many processes this slot has had."""
MISSES: Final = 5
"""Queries that were not in the cache of encoded answers."""
ENTRIES: Final = 6
"""Encoded answers held now."""
CONNECTIONS: Final = 7
"""Connections open now."""
PARSED_HITS: Final = 8
"""Queries that were parsed, and then found in the cache of encoded answers."""
TRUNCATED_BY_LIMIT: Final = 9
"""Responses over the rate limit that were answered with TC."""
BAD_COOKIES: Final = 10
"""Responses over the rate limit that were answered with BADCOOKIE."""
GOOD_COOKIES: Final = 11
"""Queries with a server cookie that proved the client's address."""
RECEIVE_OVERFLOWS: Final = 12
"""Packets that found no room in the receive buffer of a UDP socket."""
HANDSHAKES_FAILED: Final = 13
"""TLS handshakes that failed, or took too long."""
ACCEPT_PAUSES: Final = 14
"""Times that no connection was accepted for a moment, for want of file descriptors."""

LOG_DROPS: Final = 15
"""Lines of the query log that nobody took in time."""
KNOWN: Final = 16
"""Of the control process: 1 when every member is known, be it from a snapshot, 2 when every one has been read."""
QUIC_RETRIES: Final = 17
"""Clients of DNS over QUIC that were asked to prove their address first."""
TAP_SENT: Final = 18
"""Exchanges that a dnstap collector took."""
TAP_DROPS: Final = 19
"""Exchanges that no dnstap collector took in time."""
RESIDENT: Final = 20
"""Bytes of memory that the process has; the supervisor looks."""
OVERSIZED: Final = 21
"""How many processes of this slot were replaced as they had more memory than they may."""
TASKS: Final = 22
"""Tasks of the event loop now."""

DROPS: Final = 23
DROP_REASONS: Final = (
    "malformed",
    "send_buffer_full",
    "send_failed",
    "too_many_connections",
    "slow_client",
    "fault",
    "rate_limited",
    "no_port",
    "flood",
    "overload",
)

TRANSPORTS: Final = ("udp", "tcp", "dot", "https", "quic")
FAMILIES: Final = ("1", "2")
"""1 is IPv4, 2 is IPv6: the values of CoreDNS's `family` label."""
TYPES: Final = ("A", "AAAA", "SRV", "TXT", "PTR", "SOA", "NS", "CNAME", "ANY", "HTTPS", "SVCB", "MX", "other")
TYPE_NUMBERS: Final = {1: 0, 28: 1, 33: 2, 16: 3, 12: 4, 6: 5, 2: 6, 5: 7, 255: 8, 65: 9, 64: 10, 15: 11}
RCODES: Final = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "BADVERS", "BADCOOKIE", "other")
RCODE_NUMBERS: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 16: 6, 23: 7}

ORIGINS: Final = ("local", "clients", "subnet", "hint")
"""How the client's place was found: the default, its address, a client subnet, a location hint."""
ZONES: Final = ("none", "clusterset", "federation", "reverse", "old")
"""Kinds of zones."""
EDE_CODES: Final = (0, 3, 14, 15, 17, 18, 19, 20, 22, 23)
"""Extended errors (RFC 8914) that fedns sends."""

EDES: Final = DROPS + len(DROP_REASONS)
HTTP_REFUSED: Final = EDES + len(EDE_CODES)
HTTP_STATUSES: Final = (400, 404, 405, 413, 414, 415)
"""Of HTTP requests that are no DNS query."""
REPLIES: Final = HTTP_REFUSED + len(HTTP_STATUSES)
_LABELS: Final = (TRANSPORTS, FAMILIES, ORIGINS, ZONES, TYPES, RCODES)
"""From the slowest changing to the fastest."""
REPLIES_END: Final = REPLIES + prod(map(len, _LABELS))

DURATIONS: Final = REPLIES_END
DURATION_BUCKETS: Final = 16
"""Bucket k counts durations under 2**k times 1.024 microseconds; the last one everything longer."""
DURATION_SUMS: Final = DURATIONS + len(TRANSPORTS) * DURATION_BUCKETS
"""One word a transport: nanoseconds in all."""

TALLIES: Final = DURATION_SUMS + len(TRANSPORTS)
TALLY_ROWS: Final = 64
"""Drains and migrations whose answers are counted at once."""
TALLY_PARTS: Final = ("from", "to", "elsewhere")
"""Where an answer leads: to what is left, to where it goes, or to neither. One word each."""

WORDS: Final = 24_576
"""Most are never touched, and cost no memory."""
BYTES: Final = WORDS * 8


class ReplyCount(NamedTuple):
    """How often one kind of reply was sent."""

    transport: str
    family: str
    origin: str
    zone: str
    qtype: str
    rcode: str
    sent: int


def reply_word(*, transport: int, family: int, origin: int, zone: int, qtype: int | None, rcode: int) -> int:
    """The index of the word that counts such replies.

    `family` is 4 or 6, `qtype` None when it was not readable; `transport`, `origin` and `zone` are indices.
    """
    word = (transport * len(FAMILIES) + (family == 6)) * len(ORIGINS) + origin
    word = (word * len(ZONES) + zone) * len(TYPES) + TYPE_NUMBERS.get(qtype or 0, len(TYPES) - 1)
    return REPLIES + word * len(RCODES) + RCODE_NUMBERS.get(rcode, len(RCODES) - 1)


def replies(block: memoryview) -> Iterator[ReplyCount]:
    """Every kind of reply that a block has counted at least once."""
    for labels, sent in zip(product(*_LABELS), block[REPLIES:REPLIES_END].tolist(), strict=True):
        if sent:
            yield ReplyCount(*labels, sent)


def ede_word(code: int) -> int:
    """The word that counts responses with this extended error; one that is not known here counts as Other (0)."""
    return EDES + (EDE_CODES.index(code) if code in EDE_CODES else 0)


def edes(block: memoryview) -> dict[int, int]:
    """Responses by their extended error."""
    return {code: block[EDES + at] for at, code in enumerate(EDE_CODES)}


def drops(block: memoryview) -> dict[str, int]:
    """Packets and connections given up, by reason."""
    return {reason: block[DROPS + at] for at, reason in enumerate(DROP_REASONS)}


def tally_word(row: int, part: int) -> int:
    """The word that counts answers of one drain or migration; `part` is the index in TALLY_PARTS."""
    return TALLIES + row * len(TALLY_PARTS) + part


def count_durations(counts: memoryview, transport: int, nanoseconds: int, replies: int) -> None:
    """Count replies that left together, in their duration bucket; `transport` is the index in TRANSPORTS."""
    bucket = min((nanoseconds >> 10).bit_length(), DURATION_BUCKETS - 1)
    counts[DURATIONS + transport * DURATION_BUCKETS + bucket] += replies
    counts[DURATION_SUMS + transport] += nanoseconds * replies


def durations(block: memoryview, transport: str) -> tuple[list[int], float]:
    """The counts of each bucket (not cumulative), and the sum in seconds, for one transport."""
    at = TRANSPORTS.index(transport)
    first = DURATIONS + at * DURATION_BUCKETS
    return list(block[first : first + DURATION_BUCKETS]), block[DURATION_SUMS + at] / 1e9


def bucket_bounds() -> list[float]:
    """The upper bound of each duration bucket in seconds; the last one is infinite."""
    return [2**k * 1.024e-6 for k in range(DURATION_BUCKETS - 1)] + [float("inf")]
