"""Reads one open stream to its end: bytes in, lines out, at the pace that its member is given.

It knows nothing of what a line means. Its deadline is the stream's own: one that neither ends nor speaks in time is
broken, whatever TCP says, and one that speaks on past its end is left.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from fedns.clusters.backoff import Rate
from fedns.clusters.connect import LostError, Reply
from fedns.clusters.events import GarbledError
from fedns.clusters.lines import LineSplitter

SLICE = 0.002
"""Seconds of work before the loop gets its turn: no member's storm keeps another one waiting for longer."""


class LateError(LostError):
    """The stream neither ended nor spoke in time."""


class Session:
    """One stream; `take` gets each line, `flush` is called when the loop gets its turn and says how many events came.

    `due` (seconds on the loop's clock) may be moved while it runs, and `limit` with it;
    `throttled` counts how often reading waited.
    """

    def __init__(
        self,
        take: Callable[[bytes], None],
        flush: Callable[[], int],
        rate: Rate,
        limit: asyncio.Timeout,
        *,
        due: float,
        grace: float,
    ) -> None:
        self.due = due
        self.throttled = 0
        self._take, self._flush = take, flush
        self._rate, self._limit, self._grace = rate, limit, grace
        self._splitter = LineSplitter()

    @property
    def refused(self) -> int:
        """How many lines were too long."""
        return self._splitter.refused

    async def run(self, reply: Reply, heard: Callable[[int], None]) -> None:
        """To the end, telling the bytes that came; raises GarbledError where the end is in the middle of a line."""
        loop = asyncio.get_running_loop()
        while chunk := await reply.chunk():
            heard(len(chunk))
            await self._lines(self._splitter.feed(chunk))
            if loop.time() > self.due:
                return
            self._extend(0.0)
        if self._splitter.unfinished:
            raise GarbledError("the stream was cut inside an event")

    async def _lines(self, lines: list[bytes]) -> None:
        """By bunches, each as long as the slice of time; what came before a fault counts."""
        began = monotonic()
        try:
            for line in lines:
                self._take(line)
                if monotonic() - began >= SLICE:
                    await self._rest()
                    began = monotonic()
        finally:
            count = self._flush()
        await self._rest(count)

    async def _rest(self, count: int | None = None) -> None:
        """Give the loop its turn; after too many events read no further: the server keeps what is to come."""
        count = self._flush() if count is None else count
        delay = self._rate.take(count) if count else 0.0
        if delay:
            self.throttled += 1
            self._extend(delay)
        await asyncio.sleep(delay)

    def _extend(self, seconds: float) -> None:
        self._limit.reschedule(max(self.due, asyncio.get_running_loop().time() + seconds + self._grace))
