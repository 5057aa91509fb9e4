"""Response rate limiting: no prefix of clients is sent more than its share, for its addresses may be forged.

A bucket for each prefix fills at the allowed rate. Who goes on beyond it runs into debt, of one window at most, and is
limited until that is paid off by asking less. Pure: the time is an argument.
"""

from collections.abc import Callable
from typing import Final

from fedns.answers.rules import RateLimit

MAX_BUCKETS: Final = 65_536
"""Prefixes followed at most; the one followed longest gives way to a new one."""


class Bucket:
    """What one prefix may still be sent; `slip` says for the limited ones which are answered with TC all the same."""

    __slots__ = ("_at", "_credit", "_debt", "_limited", "_rate", "_slip")

    def __init__(self, limit: RateLimit) -> None:
        self._rate = float(limit.responses_per_second)
        self._debt = -self._rate * limit.window
        self._slip = limit.slip
        self._credit = self._rate
        self._at = float("-inf")
        self._limited = 0

    def over(self, now: float) -> bool:
        """Count one response; whether it is one too many."""
        credit = min(self._credit + (now - self._at) * self._rate, self._rate)
        self._at = now
        if credit >= 1:
            self._credit = credit - 1
            return False
        self._credit = max(credit - 1, self._debt)
        return True

    def slips(self) -> bool:
        """Whether this limited response is one of those that are answered, so that honest clients learn to use TCP."""
        self._limited += 1
        return self._slip > 0 and self._limited % self._slip == 0


class Limiter:
    """The buckets of all prefixes, of which those in `exempt` have none."""

    def __init__(self, limit: RateLimit, exempt: Callable[[bytes], bool]) -> None:
        self._limit = limit
        self._exempt = exempt
        self._shifts = {4: 32 - limit.ipv4_prefix, 16: 128 - limit.ipv6_prefix}
        self._buckets: dict[tuple[int, int], Bucket] = {}

    def bucket(self, address: bytes) -> Bucket | None:
        """The bucket of a packed address; None for one that is not limited."""
        if self._exempt(address):
            return None
        prefix = (len(address), int.from_bytes(address) >> self._shifts[len(address)])
        found = self._buckets.get(prefix)
        if found is None:
            if len(self._buckets) >= MAX_BUCKETS:
                del self._buckets[next(iter(self._buckets))]
            found = self._buckets[prefix] = Bucket(self._limit)
        return found
