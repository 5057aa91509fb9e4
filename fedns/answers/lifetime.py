"""How long a reply may be kept by a cache that knows nothing of DNS (RFC 8484 section 5.1), from its bytes."""

from typing import Final

from fedns.answers import codes

_HEADER_BYTES: Final = 12
_POINTER: Final = 0xC0


def lifetime(reply: bytes) -> int:
    """Seconds: the smallest TTL of the answer; of a negative one its SOA's TTL or minimum; 0 where nothing says.

    `reply` is one that this server has made: it is read without suspicion.
    """
    questions, answers, authorities = (int.from_bytes(reply[at : at + 2]) for at in (4, 6, 8))
    at = _HEADER_BYTES
    for _ in range(questions):
        at = _after_name(reply, at) + 4
    least: list[int] = []
    for _ in range(answers or authorities):
        at = _after_name(reply, at)
        end = at + 10 + int.from_bytes(reply[at + 8 : at + 10])
        least.append(int.from_bytes(reply[at + 4 : at + 8]))
        if not answers and int.from_bytes(reply[at : at + 2]) == codes.SOA:
            least.append(int.from_bytes(reply[end - 4 : end]))
        at = end
    return min(least, default=0)


def _after_name(reply: bytes, at: int) -> int:
    """Where a name ends: at its root, or behind a pointer."""
    while size := reply[at]:
        if size >= _POINTER:
            return at + 2
        at += 1 + size
    return at + 1
