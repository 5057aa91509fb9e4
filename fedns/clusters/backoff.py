"""How long to wait: before the next try, and what ends that wait early; and before reading on, where too much comes.

It knows nothing of what is tried or read.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec import Struct

FIRST: Final = 0.8
LONGEST: Final = 30.0
LONGEST_ALIVE: Final = 5.0
"""The longest wait in seconds while the member's probe succeeds: right answers within 10 s of a cure need it."""


class Pace(Struct, frozen=True):
    """Waits in seconds that are fixed in production.

    `grace`: past a stream's end; `absent`: for a resource that is not there; `confirm`: before a second look; `again`:
    before one that need not wait; `initial`: for all objects of a WatchList; `compare`: between two looks for what a
    watch has lost without a word; `upgrade`: before a server that gave no WatchList is asked for one again.
    """

    grace: float = 5.0
    absent: float = 30.0
    confirm: float = 30.0
    initial: float = 60.0
    again: float = 1.0
    compare: tuple[float, float] = (600.0, 900.0)
    upgrade: float = 86_400.0


class Rate:
    """Events of one member: as many a second as it may send, two seconds' worth at once; `throttled` says when last.

    What is too much is not lost: reading waits.
    """

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self.per_second = per_second
        self.throttled: float | None = None
        self._clock = clock
        self._left = 2.0 * per_second
        self._at = clock()

    def take(self, count: int) -> float:
        """Account for events that came; how many seconds to wait before reading on."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self.per_second, 2.0 * self.per_second) - count
        self._at = now
        if self._left >= 0:
            return 0.0
        self.throttled = now
        return -self._left / self.per_second


class Pulse:
    """Whether a member answers its probe, shared by the probe and everything of that member that waits.

    `returns` counts how often it came back.
    """

    def __init__(self) -> None:
        self.alive = False
        self.returns = 0
        self._back = asyncio.Event()

    def beat(self) -> None:
        """The probe succeeded: every wait longer than the short ones ends when it did not before."""
        if not self.alive:
            self.returns += 1
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
    """Waits of 0.8 s that double to 30 s (5 s while the probe succeeds), with full jitter, so that no herd forms.

    They begin anew when the member comes back: what was tried while it was away says nothing of it now, and a server
    that starts refuses some requests for a second (429, "storage is (re)initializing"), which must not cost five.
    """

    def __init__(self, pulse: Pulse, random: Random) -> None:
        self._pulse = pulse
        self._random = random
        self._returns = pulse.returns
        self.tries = 0

    def reset(self) -> None:
        """Call it after health."""
        self.tries = 0

    async def pause(self, at_least: float = 0.0, *, patient: bool = False) -> None:
        """Wait before the next try; `at_least` (seconds, 30 at most) is what the server asked for.

        The `patient` wait up to 30 s though the server lives: each try costs it a list.
        """
        self._look()
        longest = LONGEST if patient or not self._pulse.alive else LONGEST_ALIVE
        seconds = min(self.span(), longest) * self._random.uniform(0.0, 1.0)
        self.tries += 1
        if asked := min(at_least, LONGEST):
            await asyncio.sleep(asked)
        if not self._look():
            await self._pulse.back(seconds)

    def _look(self) -> bool:
        """Whether the member came back since the last look; then tries are counted anew."""
        if self._returns == self._pulse.returns:
            return False
        self._returns = self._pulse.returns
        self.reset()
        return True

    def span(self) -> float:
        """The longest that the next wait can be, in seconds, for a member whose probe fails."""
        return min(LONGEST, FIRST * 2.0 ** min(self.tries, 10))
