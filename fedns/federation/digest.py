"""A number that says what one member exports: equal wherever the same is known, in whatever order it was heard.

It is the sum of one hash of each export, so a change costs two hashes and no look at anything else. It finds what went
wrong between those who mean well; it is no proof against somebody who makes exports with equal hashes.
"""

from hashlib import blake2b
from typing import Any, Final

from msgspec import msgpack

from fedns.federation.objects import Export

FORMAT: Final = 2
"""Changes with whatever is hashed: numbers of different formats cannot be compared. A test pins what it stands for."""
BYTES: Final = 8
_SUMS: Final = 1 << 8 * BYTES
_encoder: Final = msgpack.Encoder(order="deterministic")


def hashed(value: Any) -> int:
    """The hash of a value of our structs."""
    return int.from_bytes(blake2b(_encoder.encode(value), digest_size=BYTES).digest())


def changed(total: int, before: Export | None, after: Export | None) -> int:
    """The sum when one export has become another one, or came, or went."""
    if before is not None:
        total -= hashed(before)
    if after is not None:
        total += hashed(after)
    return total % _SUMS


def text(number: int) -> str:
    """The number as it is told, in hexadecimal digits of one width."""
    return f"{number:0{2 * BYTES}x}"
