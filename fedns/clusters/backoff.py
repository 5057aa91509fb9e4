"""How long to wait before the next try, and what ends the wait early; it knows nothing of what is tried."""

import asyncio
from random import Random
from typing import Final

FIRST: Final = 0.8
LONGEST: Final = 30.0
LONGEST_ALIVE: Final = 5.0
"""The longest wait in seconds while the member's probe succeeds: right answers within 10 s of a cure need it."""


class Pulse:
    """Whether a member answers its probe, shared by the probe and everything of that member that waits."""

    def __init__(self) -> None:
        self.alive = False
        self._back = asyncio.Event()

    def beat(self) -> None:
        """The probe succeeded: every wait longer than the short ones ends when it did not before."""
        if not self.alive:
            self._back.set()
            self._back = asyncio.Event()
        self.alive = True

    def miss(self) -> None:
        """The probe failed."""
        self.alive = False

    async def back(self, seconds: float) -> bool:
        """Wait for the first good probe after bad ones, `seconds` at most; whether it came."""
        try:
            async with asyncio.timeout(seconds):
                await self._back.wait()
        except TimeoutError:
            return False
        return True


class Backoff:
    """Waits of 0.8 s that double to 30 s (5 s while the probe succeeds), with jitter, so that no herd forms."""

    def __init__(self, pulse: Pulse, random: Random) -> None:
        self._pulse = pulse
        self._random = random
        self.tries = 0

    def reset(self) -> None:
        """Call it after health."""
        self.tries = 0

    async def pause(self, at_least: float = 0.0) -> None:
        """Wait before the next try; `at_least` (seconds, 30 at most) is what the server asked for."""
        seconds = min(self.span(), LONGEST_ALIVE if self._pulse.alive else LONGEST) * self._random.uniform(0.25, 1.0)
        self.tries += 1
        asked = min(at_least, LONGEST)
        if asked:
            await asyncio.sleep(asked)
        await self._pulse.back(max(seconds - asked, 0.0))

    def span(self) -> float:
        """The longest that the next wait can be, in seconds, for a member whose probe fails."""
        return min(LONGEST, FIRST * 2.0 ** min(self.tries, 10))
