"""Asks a member's API server for life, for ever: GET /readyz at a steady pace. It knows nothing of watches."""

import asyncio
from typing import Final, Protocol

from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts

_ANSWER_BYTES: Final = 4096
_WELL: Final = 6
"""So many good answers in a row make a member that had failed one like the others."""


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
    due, good = loop.time(), _WELL
    while True:
        if reason := await _ask(connection, timeout):
            good = 0
            listener.unreachable(reason)
        else:
            good += 1
            listener.reached()
        # After a late answer the next question comes at once, and only one.
        due = max(due + pace(interval, good), loop.time())
        await asyncio.sleep(due - loop.time())


def pace(interval: float, good: int) -> float:
    """Seconds between two questions, after so many `good` answers in a row."""
    return interval if good >= _WELL else interval / 2


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
