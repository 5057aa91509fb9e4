"""Keeps what is known on the disk, so that a restart answers at once: written as it changes, read at the start.

A snapshot that cannot be used costs itself and a sentence: then the one before it counts. Writing runs beside the event
loop, and its failure changes nothing but the metric.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Final

from fedns.answers.snapshot import BrokenSnapshotError, Heading, Snapshot, unpack
from fedns.control.generations import Generations, content
from fedns.control.pipeline import Pipeline
from fedns.control.publish import Publisher
from fedns.control.restoring import Past, past
from fedns.control.saving import Saving, boot
from fedns.control.truth import Truth
from fedns.settings.schema import Kept, Settings

REFRESHES: Final = 24
"""So many times within `maxAge` what has not changed is written again, as it is still known to be true."""
REFRESH_SECONDS: Final = 300.0
FINAL_SECONDS: Final = 3.0
"""A last snapshot at the end may take so long."""

log = logging.getLogger(__name__)


class Keeper:
    """The snapshot file of one control process; `counts` are results of writing and of reading, for the metrics."""

    def __init__(self, truth: Truth, publisher: Publisher, pipeline: Pipeline) -> None:
        self.written: Counter[str] = Counter({"success": 0, "failure": 0})
        self.read: Counter[str] = Counter({"restored": 0, "ignored": 0})
        self.bytes = 0
        self.at: float | None = None
        """When it was written last, on CLOCK_MONOTONIC."""
        self.fault = ""
        """Why it could not be written; empty while it can."""
        self._saving = Saving(truth, publisher)
        self._truth = truth
        self._publisher = publisher
        self._pipeline = pipeline
        self._kept: Kept | None = None
        self._held: object = None
        self._bad: Path | None = None
        self._changed = asyncio.Event()
        self._lock = Lock()

    def use(self, kept: Kept | None) -> None:
        """Keep it there from now on, or nowhere."""
        if kept != self._kept:
            self._kept = kept
            self._held = None
            self._changed.set()

    def restore(self, settings: Settings) -> bool:
        """Begin with the last snapshot that can be used; whether anything was known of any member."""
        if (kept := settings.snapshot) is None:
            return False
        generations = Generations(Path(kept.path))
        generations.clear()
        for path in (generations.path, generations.before):
            try:
                found = self._past(path, settings, kept.max_age)
            except (OSError, BrokenSnapshotError) as fault:
                self.read["ignored"] += 1
                if path == generations.path:
                    self._bad = path
                reason = (isinstance(fault, OSError) and fault.strerror) or fault
                log.warning("the snapshot %s is not used: %s", path, reason)
                continue
            if found is None:
                continue
            for each in found.outdated:
                log.warning("%s: not restored, as %s is older than snapshot.maxAge", each, path)
            if found.members:
                self._pipeline.restore(found)
                self.read["restored"] += 1
                return True
            # A snapshot of nothing is no reason to look at what was before it: that is older.
            return False
        return False

    async def run(self) -> None:
        """Write whenever something has changed, once in an interval at most; until cancelled."""
        while True:
            self._changed.clear()
            kept = self._kept
            if kept is not None and self._due(kept):
                await self._write(kept)
            try:
                async with asyncio.timeout(None if kept is None else kept.interval):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Write what has changed since the last time, within a bound: the process ends."""
        if self._kept is not None and self._due(self._kept):
            try:
                async with asyncio.timeout(FINAL_SECONDS):
                    await self._write(self._kept)
            except TimeoutError:
                log.warning("no last snapshot: writing it takes longer than %g s", FINAL_SECONDS)

    def _past(self, path: Path, settings: Settings, limit: float) -> Past | None:
        """What a file has to say, None where there is none; raises OSError and BrokenSnapshotError."""
        read = content(path)
        if read is None:
            return None
        snapshot = unpack(read)
        now = monotonic()
        age = snapshot.heading.age(time(), now, boot())
        if age > limit:
            raise BrokenSnapshotError(f"it is {age / 3600:.1f} h old, older than snapshot.maxAge")
        _tell(path, snapshot, snapshot.heading, age)
        return past(snapshot, settings, age, now, limit)

    def _due(self, kept: Kept) -> bool:
        """Whether there is something to write that the file does not have; what was never read is nothing."""
        if not self._truth.read:
            return False
        refresh = min(REFRESH_SECONDS, kept.max_age / REFRESHES)
        return self._held != self._now() or self.at is None or monotonic() - self.at >= refresh

    def _now(self) -> object:
        """What a snapshot depends on, but for the moving times."""
        states = tuple((name, status.state) for name, status in self._truth.statuses.items())
        return self._publisher.generation, states

    async def _write(self, kept: Kept) -> None:
        held, path = self._now(), Path(kept.path)
        pieces = self._saving.pieces()
        try:
            size = await asyncio.to_thread(self._store, path, pieces, keep=path != self._bad)
        except OSError as error:
            self.written["failure"] += 1
            fault = f"the snapshot {path} cannot be written: {error.strerror or error}"
            if fault != self.fault:
                log.error("%s; what is there stays", fault)  # noqa: TRY400 -- a sentence, no traceback
            self.fault = fault
            return
        if self.fault:
            log.info("the snapshot %s is written again", path)
        self.written["success"] += 1
        self.fault, self._bad = "", None
        self._held, self.at, self.bytes = held, monotonic(), size

    def _store(self, path: Path, pieces: Iterable[bytes], *, keep: bool) -> int:
        """In a thread, which goes on when nobody waits for it any more: the next one waits for its end."""
        with self._lock:
            return Generations(path).write(pieces, keep=keep)


def _tell(path: Path, snapshot: Snapshot, heading: Heading, age: float) -> None:
    if heading.at > time():
        log.warning("the snapshot %s is of the future: the clock was set back, its age may be wrong", path)
    services = sum(map(len, snapshot.exports().values()))
    log.info("the snapshot %s, %.0f s old, has %d exports of services", path, age, services)
