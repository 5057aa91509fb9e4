"""Asks a member's API server for life, for ever: GET /readyz at a steady pace. It knows nothing of watches.

After a failure several ask at once, each over a connection of its own: where a line loses some of its packets, one of
them comes through before the member counts as gone.
"""

import asyncio
from typing import Final, Protocol

from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts

_ANSWER_BYTES: Final = 4096
_WELL: Final = 6
"""So many good answers in a row make a member that had failed one like the others."""
MOST_AT_ONCE: Final = 3
"""So many ask at once at most. A lost SYN is sent again after a second: with 30 of 100 packets lost, one new connection
in three comes too late for a timeout of half a second, but all of three in one of thirty times only."""


class Listener(Protocol):
    """Whom the probe tells."""

    def reached(self) -> None:
        """The server answered."""

    def unreachable(self, reason: str) -> None:
        """It did not, or said that it is not ready."""


async def probe(connection: Connection, listener: Listener, *, interval: float, timeout: float) -> None:  # noqa: ASYNC109 -- a limit per request, not of this call
    """Ask every `interval` seconds, and wait `timeout` seconds for each answer.

    After a failure it is asked twice as often until it is well: its return is seen sooner, and so is that it lasts.
    """
    loop = asyncio.get_running_loop()
    due, good, failed = loop.time(), _WELL, 0
    while True:
        if reason := await _several(connection, timeout, min(failed + 1, MOST_AT_ONCE)):
            good, failed = 0, failed + 1
            listener.unreachable(reason)
        else:
            good, failed = good + 1, 0
            listener.reached()
        # After a late answer the next question comes at once, and only one.
        due = max(due + pace(interval, good), loop.time())
        await asyncio.sleep(due - loop.time())


def pace(interval: float, good: int) -> float:
    """Seconds between two questions, after so many `good` answers in a row."""
    return interval if good >= _WELL else interval / 2


async def _several(connection: Connection, seconds: float, count: int) -> str:
    """Ask so often at once: "" as soon as one is answered well, why the last one failed when all did."""
    asks = [asyncio.create_task(_ask(connection, seconds), name="probe") for _ in range(count)]
    reason = ""
    try:
        for each in asyncio.as_completed(asks):
            if not (reason := await each):
                break
    finally:
        for task in asks:
            task.cancel()
        await asyncio.gather(*asks, return_exceptions=True)
    return reason


async def _ask(connection: Connection, seconds: float) -> str:
    """Why it does not count as alive, or "". Who refuses a stranger (401, 403) or knows no /readyz (404) is alive."""
    try:
        async with asyncio.timeout(seconds):
            limits = Timeouts(total=seconds, connect=seconds, read=seconds)
            async with connection.get("/readyz", [], limits) as reply:
                await reply.body(_ANSWER_BYTES)
    except RefusedError as refusal:
        return "" if refusal.status in {401, 403, 404, 429} else str(refusal)
    except LostError as loss:
        return str(loss)
    except TimeoutError:
        return "timed out"
    return ""
