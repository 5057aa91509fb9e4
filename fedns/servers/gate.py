"""When a new process may read its sockets: not before it can answer as well as those that read them already."""

import os
import select
from typing import Final

from fedns.answers import counters
from fedns.settings.child import Child

PATIENCE_SECONDS: Final = 10.0
"""A worker waits so long at most for members that its control process does not know, while others answer."""


class Gate:
    """Asked again and again by a process that is loaded, until it may go through."""

    def __init__(self, child: Child) -> None:
        self._gate = child.gate
        self._control = child.block(0)
        self._others = [child.block(at) for at in child.answering() if at != child.slot]
        self._since: float | None = None

    def open(self, now: float) -> bool:
        """Whether it may; `now` in seconds of CLOCK_MONOTONIC."""
        if self._gate >= 0:
            # The supervisor holds the other end: while it takes over, another one's processes answer.
            if not select.select((self._gate,), (), (), 0)[0]:
                return False
            os.close(self._gate)
            self._gate = -1
        if self._since is None:
            self._since = now
        if self._control[counters.KNOWN] or now - self._since >= PATIENCE_SECONDS:
            return True
        # A control process that has just begun knows less than the others hold.
        return not any(block[counters.LOADED] for block in self._others)
