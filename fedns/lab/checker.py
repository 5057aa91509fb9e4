"""Asks the name of every service of the truth model again and again while faults run, and keeps what was wrong.

How a question is asked is the caller's: through the server's socket, or at the door of a worker that lives here.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import Any, Final

from msgspec import Struct

from fedns.client import Reply
from fedns.lab.oracle import Heard, Kind, Oracle, ServiceKey, Verdict

EVERY_SECONDS: Final = 0.05
"""Between two rounds: each name is asked 10 times a second at least, also on a busy machine."""
_ADDRESS_TYPES: Final = frozenset({1, 28})
_EXTENDED_ERROR: Final = 15

Ask = Callable[[ServiceKey], Awaitable[Reply | None]]


class Wrong(Struct, frozen=True):
    """One wrong answer: when (seconds of CLOCK_MONOTONIC), of which service, and why."""

    at: float
    key: ServiceKey
    heard: Heard
    verdict: Verdict


class Checker:
    """What came of all questions: how many of each kind, the wrong answers, and the age of the oldest that passed."""

    def __init__(self, oracle: Oracle, ask: Ask) -> None:
        self.counts: Counter[Kind] = Counter()
        self.lost = 0
        self.oldest = 0.0
        self.wrong: list[Wrong] = []
        self._oracle = oracle
        self._ask = ask

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """Ask for every service once."""
        self._oracle.look(monotonic())
        for key in sorted(self._oracle.services()):
            reply = await self._ask(key)
            now = monotonic()
            self._oracle.look(now)
            if reply is None:
                self.lost += 1
            else:
                self._judge(heard(reply.message), key, now)

    def _judge(self, answer: Heard, key: ServiceKey, now: float) -> None:
        verdict = self._oracle.judge(answer, key, now)
        self.counts[verdict.kind] += 1
        if verdict.kind is Kind.OLDER:
            self.oldest = max(self.oldest, verdict.age)
        if verdict.kind is Kind.WRONG:
            self.wrong.append(Wrong(now, key, answer, verdict))


def heard(message: Any) -> Heard:
    """What a message of dnslib says."""
    records = [record for record in message.rr if record.rtype in _ADDRESS_TYPES]
    return Heard(
        rcode=message.header.rcode,
        addresses=frozenset(str(record.rdata) for record in records),
        ttl=min((record.ttl for record in records), default=0),
        errors=frozenset(_extended(message.ar)),
    )


def _extended(records: Iterable[Any]) -> Iterable[int]:
    for record in records:
        if record.rtype == 41:
            yield from (int.from_bytes(option.data[:2]) for option in record.rdata if option.code == _EXTENDED_ERROR)
