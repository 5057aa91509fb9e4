"""Turns the chunks of a stream into lines, within a bound; it knows nothing of sockets or of what a line means."""

from typing import Final

LONGEST: Final = 4 << 20
"""The longest line in bytes: no object of Kubernetes' own limits (1.5 MiB in etcd) comes near."""


class LineSplitter:
    """Feeds on chunks and gives whole lines; a line that is too long is left out and counted in `refused`."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.refused = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their ends; empty lines are left out."""
        *whole, rest = chunk.split(b"\n")
        lines = []
        for part in whole:
            self._take(part)
            if line := self._line():
                lines.append(line)
        self._take(rest)
        return lines

    @property
    def unfinished(self) -> bool:
        """Whether the stream stands in the middle of a line."""
        return self._size > 0 or self._skipping

    def _take(self, part: bytes) -> None:
        if self._skipping or not part:
            return
        self._size += len(part)
        if self._size > self._longest:
            self._parts, self._size, self._skipping = [], 0, True
            self.refused += 1
        else:
            self._parts.append(part)

    def _line(self) -> bytes:
        line = b"".join(self._parts)
        self._parts, self._size, self._skipping = [], 0, False
        return line.strip()
