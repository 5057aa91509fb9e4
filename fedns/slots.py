"""A place for a child process, and who is in it: started, watched, replaced when it dies, hangs or grows too large."""

import contextlib
import logging
import signal
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from fedns.answers import counters
from fedns.rations import Ration
from fedns.settings.child import Child, map_block, resident_bytes
from fedns.settings.starting import Newcomer, start

if TYPE_CHECKING:
    import subprocess

IDLE_HUNG_SECONDS: Final = 1.25
"""A child that is stopped or sleeps and has not beaten its heart for so long is hung."""
BUSY_HUNG_SECONDS: Final = 5.0
"""The same for one that is using its CPU: it may be reading a large catalog."""
RECENT_SECONDS: Final = 0.5
"""A child that has used its CPU within so long is busy."""
START_SECONDS: Final = 30.0
"""A child has so long until its first heartbeat."""
STEADY_SECONDS: Final = 10.0
"""A child that lived so long is replaced at once; one that keeps dying waits, twice as long each time."""
MAX_WAIT_SECONDS: Final = 30.0

log = logging.getLogger("fedns.supervisor")


class Slot:
    """One place for a child process: its command, its counters, and how its children have fared."""

    def __init__(
        self, name: str, module: str, child: Child, limit: int | None = None, newcomer: Newcomer | None = None
    ) -> None:
        self.name = name
        self._ration = Ration(name, limit)
        self.block = map_block(child.slots[child.slot])
        self._module = module
        self._child = child
        self._newcomer = newcomer
        self._process: subprocess.Popen[bytes] | None = None
        self._born = 0.0
        self._again = 0.0
        self._wait = 0.0
        self._cpu = (-1, 0.0)

    def start_if_due(self, now: float) -> None:
        """Start a child unless one lives or the backoff has not passed; the first one may have started before."""
        if self._process is not None or now < self._again:
            return
        self.block[counters.HEARTBEAT] = 0
        newcomer, self._newcomer = self._newcomer or start(self._module), None
        with contextlib.suppress(OSError):  # it has ended already, and is buried in the next round
            self._child.tell(newcomer.connection)
        self._process = newcomer.process
        self._born = now

    def bury(self, now: float, *, expected: bool) -> None:
        """Notice that the child has died, and decide when the next one starts."""
        if self._process is None or (code := self._process.poll()) is None:
            return
        self._process = None
        if expected:
            return
        steady = now - self._born >= STEADY_SECONDS
        self._wait = 0.0 if steady else min(MAX_WAIT_SECONDS, max(0.1, self._wait * 2))
        self._again = now + self._wait
        log.warning("%s ended (%s); a new one starts in %.1f s", self.name, _ending(code), self._wait)

    def kill_if_hung(self, now: float) -> None:
        """A child whose heart has stopped is killed; the next round replaces it."""
        if self._process is None:
            return
        beat = self.block[counters.HEARTBEAT]
        silent = (monotonic_ns() - beat) / 1e9 if beat else now - self._born
        if silent > IDLE_HUNG_SECONDS and silent > self._patience(now, started=beat > 0):
            log.error("%s has not been heard of for %.1f s and is killed", self.name, silent)
            self._process.kill()

    def measure(self) -> bool:
        """Look how much memory the child has; whether that is too much."""
        size = self.block[counters.RESIDENT] = resident_bytes(self.pid) if self.alive else 0
        return self._ration.exceeded(size)

    def renew(self, now: float) -> bool:
        """Let a child with too much memory end in good order, and its successor follow; returns whether it will."""
        renews = self._ration.renews(self.block[counters.RESIDENT], now - self._born)
        if renews:
            self.block[counters.OVERSIZED] += 1
            self.send(signal.SIGTERM)
        return renews

    def send(self, number: signal.Signals) -> None:
        """Signal the child, if there is one."""
        if self._process is not None:
            self._process.send_signal(number)

    @property
    def alive(self) -> bool:
        """Whether a child is there."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The child's process id, 0 for none."""
        return self._process.pid if self._process else 0

    def _patience(self, now: float, *, started: bool) -> float:
        """How long a child may be silent: one that is stopped or idle less than one that starts or works."""
        assert self._process is not None
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return IDLE_HUNG_SECONDS
        ticks = int(fields[11]) + int(fields[12])
        if ticks != self._cpu[0]:
            self._cpu = (ticks, now)
        if fields[0] in "Tt":
            return IDLE_HUNG_SECONDS
        if not started:
            return START_SECONDS
        return BUSY_HUNG_SECONDS if now - self._cpu[1] < RECENT_SECONDS else IDLE_HUNG_SECONDS


def _ending(code: int) -> str:
    """How a child ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"
