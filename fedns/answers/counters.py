"""What one process counts: the layout of a block of unsigned 64-bit words that outlives it.

Each process slot has one block of shared memory with one writer, so no locks; the supervisor makes the blocks, a new
process in a slot goes on counting where the last one stopped, and the metrics collector adds the blocks up. One word
counts one (transport, family, type, rcode), so the hot path pays a single addition for all its labels.
"""

from collections.abc import Iterator
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
"""TCP connections open now."""

DROPS: Final = 16
DROP_REASONS: Final = ("malformed", "send_buffer_full", "send_failed", "too_many_connections", "slow_client", "fault")

TRANSPORTS: Final = ("udp", "tcp")
FAMILIES: Final = ("1", "2")
"""1 is IPv4, 2 is IPv6: the values of CoreDNS's `family` label."""
TYPES: Final = ("A", "AAAA", "SRV", "TXT", "PTR", "SOA", "NS", "CNAME", "ANY", "HTTPS", "SVCB", "MX", "other")
TYPE_NUMBERS: Final = {1: 0, 28: 1, 33: 2, 16: 3, 12: 4, 6: 5, 2: 6, 5: 7, 255: 8, 65: 9, 64: 10, 15: 11}
RCODES: Final = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "BADVERS", "other")
RCODE_NUMBERS: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 16: 6}

REPLIES: Final = 32
_PER_FAMILY: Final = len(TYPES) * len(RCODES)
_PER_TRANSPORT: Final = len(FAMILIES) * _PER_FAMILY
REPLIES_END: Final = REPLIES + len(TRANSPORTS) * _PER_TRANSPORT

DURATIONS: Final = REPLIES_END
DURATION_BUCKETS: Final = 16
"""Bucket k counts durations under 2**k times 1.024 microseconds; the last one everything longer."""
DURATION_SUMS: Final = DURATIONS + len(TRANSPORTS) * DURATION_BUCKETS
"""One word a transport: nanoseconds in all."""

WORDS: Final = 512
BYTES: Final = WORDS * 8


class ReplyCount(NamedTuple):
    """How often one kind of reply was sent."""

    transport: str
    family: str
    qtype: str
    rcode: str
    sent: int


def reply_word(*, stream: bool, family: int, qtype: int | None, rcode: int) -> int:
    """The index of the word that counts such replies; `family` is 4 or 6, `qtype` None when it was not readable."""
    kind = TYPE_NUMBERS.get(qtype, len(TYPES) - 1) if qtype is not None else len(TYPES) - 1
    code = RCODE_NUMBERS.get(rcode, len(RCODES) - 1)
    return REPLIES + stream * _PER_TRANSPORT + (family == 6) * _PER_FAMILY + kind * len(RCODES) + code


def replies(block: memoryview) -> Iterator[ReplyCount]:
    """Every kind of reply that a block has counted at least once."""
    word = REPLIES
    for transport in TRANSPORTS:
        for family in FAMILIES:
            for qtype in TYPES:
                for rcode in RCODES:
                    if block[word]:
                        yield ReplyCount(transport, family, qtype, rcode, block[word])
                    word += 1


def drops(block: memoryview) -> dict[str, int]:
    """Packets and connections given up, by reason."""
    return {reason: block[DROPS + at] for at, reason in enumerate(DROP_REASONS)}


def durations(block: memoryview, transport: str) -> tuple[list[int], float]:
    """The counts of each bucket (not cumulative), and the sum in seconds, for one transport."""
    at = TRANSPORTS.index(transport)
    first = DURATIONS + at * DURATION_BUCKETS
    return list(block[first : first + DURATION_BUCKETS]), block[DURATION_SUMS + at] / 1e9


def bucket_bounds() -> list[float]:
    """The upper bound of each duration bucket in seconds; the last one is infinite."""
    return [2**k * 1.024e-6 for k in range(DURATION_BUCKETS - 1)] + [float("inf")]
