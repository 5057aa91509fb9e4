"""Whether queries should come here, and whether this fedns lives: what /ready and /health say, without HTTP."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from fedns.answers import counters
from fedns.control.truth import Truth

SILENT_SECONDS: Final = 5.0
"""When no process that answers has beaten its heart for so long, this fedns is ill."""
LOST_SECONDS: Final = 60.0
"""One that stays silent for so long is not being replaced, so the supervisor is ill."""
START_SECONDS: Final = 30.0
"""A fedns that has just started is given so long before either counts."""
LOCAL_SECONDS: Final = 30.0
"""With only the local cluster read, a fedns becomes ready after so long."""


class Readiness:
    """Whether queries should come here: latched, so that members lost later never make fedns unready.

    `latch` is this process's own counter block, where the latch survives a control process that dies while the
    workers live; None where this process answers itself, and loses with its life all that it knew.
    """

    def __init__(self, truth: Truth, latch: memoryview | None, clock: Callable[[], float] = monotonic) -> None:
        self.leaving = False
        self.restored = False
        """A snapshot told of some members: they are answered, marked as old, until they are read."""
        self._truth = truth
        self._latch = latch
        self._latched = bool(latch is not None and latch[counters.LOADED])
        self._clock = clock
        self._began = clock()

    def missing(self) -> str:
        """Why fedns is not ready; empty when it is."""
        if self.leaving:
            return "shutting down"
        if self._latched:
            return ""
        rules, statuses = self._truth.rules, self._truth.statuses
        unsynced = sorted(name for name, status in statuses.items() if not status.synced)
        local = rules.local.cluster
        late = self._clock() - self._began >= LOCAL_SECONDS
        if unsynced and not self.restored and not (late and local in statuses and local not in unsynced):
            return f"not synced yet: {', '.join(unsynced)}"
        self._latched = True
        if self._latch is not None:
            self._latch[counters.LOADED] = 1
        return ""


class Health:
    """Whether the processes of this fedns live; it never looks at clusters."""

    def __init__(self, blocks: Sequence[memoryview], clock: Callable[[], float] = monotonic) -> None:
        self._blocks = blocks
        self._clock = clock
        self._began = clock()

    def fault(self) -> str:
        """What is wrong; empty when nothing is. That this process replies at all is its own sign of life."""
        now = self._clock()
        if now - self._began < START_SECONDS:
            return ""
        silent = [now - max(self._began, block[counters.HEARTBEAT] / 1e9) for block in self._blocks]
        if min(silent) > SILENT_SECONDS:
            return f"no process that answers has been heard of for {min(silent):.0f} s"
        if max(silent) > LOST_SECONDS:
            return f"worker {silent.index(max(silent)) + 1} has not been heard of for a minute"
        return ""
