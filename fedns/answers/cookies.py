"""DNS cookies (RFC 7873) that all servers of one address can check (RFC 9018): who shows one is at its own address.

Pure: the Unix time is told by `tick`. Which reply needs a cookie, and what an invalid one costs, is decided elsewhere.
"""

from collections.abc import Sequence
from hashlib import blake2s
from hmac import compare_digest
from struct import Struct as Layout
from typing import Final

CLIENT_BYTES: Final = 8
SECRET_BYTES: Final = 16
COOKIE_BYTES: Final = 24
"""Of a client cookie with a server cookie of version 1."""
VALID_SECONDS: Final = 3600
AHEAD_SECONDS: Final = 300
RENEW_SECONDS: Final = 1800
"""A good cookie of at most this age is sent back as it is (RFC 9018 section 4.3)."""
MAX_SEEN: Final = 16_384
"""Checked cookies remembered at most; then all are checked again."""
SEEN_SECONDS: Final = 60
"""How long the outcome of a check is remembered at most."""
DAY_SECONDS: Final = 86_400

_HEAD: Final = b"\1\0\0\0"
"""Version 1, and three reserved bytes."""
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_PAIR: Final = Layout("<QQ")
_WORD: Final = Layout("<Q")


def siphash(key: bytes, message: bytes) -> bytes:
    """SipHash-2-4 with 64 bits of output, the lowest byte first (Aumasson and Bernstein, 2012)."""
    one, two = _PAIR.unpack(key)
    state = (one ^ 0x736F6D6570736575, two ^ 0x646F72616E646F6D, one ^ 0x6C7967656E657261, two ^ 0x7465646279746573)
    size = len(message)
    padded = message + bytes(7 - size % 8) + bytes((size & 0xFF,))
    for (word,) in _WORD.iter_unpack(padded):
        a, b, c, d = state
        a, b, c, d = _rounds(a, b, c, d ^ word, 2)
        state = (a ^ word, b, c, d)
    a, b, c, d = state
    a, b, c, d = _rounds(a, b, c ^ 0xFF, d, 4)
    return _WORD.pack(a ^ b ^ c ^ d)


def _rounds(a: int, b: int, c: int, d: int, count: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        a = a + b & _MASK
        b = (b << 13 & _MASK | b >> 51) ^ a
        a = a << 32 & _MASK | a >> 32
        c = c + d & _MASK
        d = (d << 16 & _MASK | d >> 48) ^ c
        a = a + d & _MASK
        d = (d << 21 & _MASK | d >> 43) ^ a
        c = c + b & _MASK
        b = (b << 17 & _MASK | b >> 47) ^ c
        c = c << 32 & _MASK | c >> 32
    return a, b, c, d


class Jar:
    """Makes and checks cookies with `secrets`: the first one makes them, all of them check.

    Without secrets it makes its own for each day from `master`, and yesterday's are still good; without either there
    are no cookies.
    """

    def __init__(self, secrets: Sequence[bytes] = (), master: bytes = b"") -> None:
        self._secrets = tuple(secrets)
        self._master = b"" if secrets else master
        self._day = -1
        self._now = 0
        self._seen: dict[tuple[bytes, bytes], tuple[int, bytes, bool]] = {}
        self.tick(0)

    @property
    def on(self) -> bool:
        """Whether cookies are answered."""
        return bool(self._secrets)

    def tick(self, unix: int) -> None:
        """Tell the Unix time in seconds."""
        self._now = unix
        if self._master and unix // DAY_SECONDS != self._day:
            self._day = unix // DAY_SECONDS
            days = (self._day, self._day - 1)
            keys = (day.to_bytes(8, signed=True) for day in days)
            self._secrets = tuple(blake2s(key, key=self._master, digest_size=SECRET_BYTES).digest() for key in keys)
            self._seen.clear()

    def answer(self, address: bytes, cookie: bytes) -> tuple[bytes, bool]:
        """The cookie for the reply to one of well-formed length, and whether it proves the client's address."""
        seen = self._seen.get((address, cookie))
        if seen is not None and seen[0] > self._now:
            return seen[1], seen[2]
        fresh, good = self._check(address, cookie)
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen[address, cookie] = (self._now + SEEN_SECONDS, fresh, good)
        return fresh, good

    def _check(self, address: bytes, cookie: bytes) -> tuple[bytes, bool]:
        age = VALID_SECONDS + 1
        good = False
        if len(cookie) == COOKIE_BYTES and cookie[CLIENT_BYTES] == 1:
            # Serial number arithmetic (RFC 1982): the time has 32 bits and goes round.
            age = (self._now - int.from_bytes(cookie[12:16]) + (1 << 31)) % (1 << 32) - (1 << 31)
            if -AHEAD_SECONDS <= age <= VALID_SECONDS:
                good = any(self._made_with(secret, address, cookie) for secret in self._secrets)
        if good and age <= RENEW_SECONDS and self._made_with(self._secrets[0], address, cookie):
            return cookie, True
        start = cookie[:CLIENT_BYTES] + _HEAD + (self._now & 0xFFFFFFFF).to_bytes(4)
        return start + siphash(self._secrets[0], start + address), good

    @staticmethod
    def _made_with(secret: bytes, address: bytes, cookie: bytes) -> bool:
        return compare_digest(siphash(secret, cookie[:16] + address), cookie[16:])
