"""Asks the name of every service of the truth model again and again while faults run, and keeps what was wrong.

How a question is asked is the caller's: through the server's socket, or at the door of a worker that lives here.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct

from fedns.client import Reply
from fedns.lab.oracle import Heard, Kind, Oracle, ServiceKey, Verdict

EVERY_SECONDS: Final = 0.08
"""From one round to the next: each name is asked 10 times a second at least, also on a busy machine."""
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
    """What came of all questions: how many of each kind, the wrong answers, and the age of the oldest that passed.

    Each name is asked `copies` times in a round. As an asynchronous context manager it asks all the while, from a first
    round that was answered.
    """

    def __init__(self, oracle: Oracle, ask: Ask, *, copies: int = 1) -> None:
        self.counts: Counter[Kind] = Counter()
        self.lost = 0
        self.oldest = 0.0
        self.wrong: list[Wrong] = []
        self.oracle = oracle
        self._ask = ask
        self._copies = copies
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.round()
        self._task = asyncio.create_task(self.run(), name="checker")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        # What it died of, if it did, is worth more than a count of nothing.
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            started = monotonic()
            await self.round()
            await asyncio.sleep(max(0.0, started + EVERY_SECONDS - monotonic()))

    async def round(self) -> None:
        """Ask for every service once, for all at the same time: one lost reply delays no other."""
        self.oracle.look(monotonic())
        await asyncio.gather(*map(self._one, sorted(self.oracle.services()) * self._copies))

    async def _one(self, key: ServiceKey) -> None:
        reply = await self._ask(key)
        now = monotonic()
        self.oracle.look(now)
        if reply is None:
            self.lost += 1
        else:
            self._judge(heard(reply.message), key, now)

    def _judge(self, answer: Heard, key: ServiceKey, now: float) -> None:
        verdict = self.oracle.judge(answer, key, now)
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
