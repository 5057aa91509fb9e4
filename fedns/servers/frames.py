"""What an HTTP/2 client's frames cost: nobody makes work without asking for answers.

Each frame takes from a client's credit, each answer gives. So frames that ask for nothing run out of it: resets
(CVE-2023-44487), CONTINUATION (CVE-2024-27316), SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, unknown types. A
header block, which has to be kept until its end, is bounded in bytes as well. This sees bytes before the library does.
"""

from typing import Final

PREFACE_BYTES: Final = 24
CREDIT: Final = 512
"""At the start, and at most: far more than any browser needs between two answers."""
EARNED: Final = 8
"""By one answer."""
_DATA, _HEADERS, _PRIORITY, _RST_STREAM, _SETTINGS, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 2, 3, 4, 8, 9
_COSTS: Final = {_DATA: 1, _HEADERS: 1, _WINDOW_UPDATE: 1, _RST_STREAM: 10, _SETTINGS: 10}
"""A reset throws away what was worked for, settings are answered and applied to every stream: both cost more."""
_OTHER: Final = 4
_END_HEADERS: Final = 0x4
_HEAD_BYTES: Final = 9


class Meter:
    """One connection's credit."""

    def __init__(self, max_block_bytes: int) -> None:
        self._max_block = max_block_bytes
        self._credit = CREDIT
        self._head = bytearray()
        self._skip = PREFACE_BYTES
        self._block = 0

    def take(self, chunk: bytes) -> bool:
        """Whether the client can afford these bytes of its stream, in any split."""
        at = 0
        while at < len(chunk):
            if self._skip:
                passed = min(self._skip, len(chunk) - at)
                self._skip -= passed
                at += passed
                continue
            wanted = _HEAD_BYTES - len(self._head)
            self._head += chunk[at : at + wanted]
            at += wanted
            if len(self._head) == _HEAD_BYTES:
                self._frame(int.from_bytes(self._head[:3]), self._head[3], self._head[4])
                self._head.clear()
        return self._credit >= 0 and self._block <= self._max_block

    def earn(self) -> None:
        """It has been answered."""
        self._credit = min(CREDIT, self._credit + EARNED)

    def _frame(self, size: int, kind: int, flags: int) -> None:
        self._skip = size
        self._credit -= _COSTS.get(kind, _OTHER)
        if kind == _HEADERS:
            self._block = size
        elif kind == _CONTINUATION:
            self._block += size
        if kind in {_HEADERS, _CONTINUATION} and flags & _END_HEADERS and self._block <= self._max_block:
            self._block = 0
