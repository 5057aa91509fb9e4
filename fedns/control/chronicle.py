"""A log line for each change of state, but one a second at most of each subject: a flapping member is no flood."""

import logging
from typing import Any, Final, NamedTuple

LINE_SECONDS: Final = 1.0
"""Between two lines of one kind about one cluster."""

log = logging.getLogger(__name__)


class _Line(NamedTuple):
    level: int
    text: str
    extra: dict[str, Any]


class Chronicle:
    """Lines about clusters; times are seconds of CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], tuple[_Line, int]] = {}

    def say(self, cluster: str, kind: str, level: int, text: str, now: float, **extra: object) -> None:
        """Log a line, or hold it: of those held the last one is logged when its time has come, with their count."""
        subject = (cluster, kind)
        line = _Line(level, text, {"cluster": cluster, **extra})
        if subject in self._held or now - self._said.get(subject, float("-inf")) < LINE_SECONDS:
            self._held[subject] = (line, self._held.get(subject, (line, 0))[1] + 1)
        else:
            self._log(subject, line, now)

    def tick(self, now: float) -> None:
        """Log what was held for long enough."""
        for subject, (line, count) in tuple(self._held.items()):
            if now - self._said[subject] >= LINE_SECONDS:
                del self._held[subject]
                text = (
                    f"{line.text} [the last of {count} in {now - self._said[subject]:.1f} s]"
                    if count > 1
                    else line.text
                )
                self._log(subject, line._replace(text=text), now)

    def left(self, cluster: str) -> None:
        """Nothing more is said of a cluster."""
        for subject in [subject for subject in self._said if subject[0] == cluster]:
            del self._said[subject]
            self._held.pop(subject, None)

    def _log(self, subject: tuple[str, str], line: _Line, now: float) -> None:
        self._said[subject] = now
        log.log(line.level, "%s", line.text, extra=line.extra)
