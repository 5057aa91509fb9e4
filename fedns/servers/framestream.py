"""Frame Streams, the writer's side: a content type is agreed on, then frames go one way.

Control frames follow a length of zero; https://farsightsec.github.io/fstrm has them all.
"""

import socket
from collections.abc import Iterable, Iterator
from typing import Final

_ACCEPT, _START, _STOP, _READY, _FINISH = 1, 2, 3, 4, 5
_CONTENT_TYPE: Final = 1
_MAX_CONTROL_BYTES: Final = 512


class FrameStreamError(OSError):
    """The reader speaks of something else, or of nothing."""


class Writer:
    """A connection to a reader, whose handshake is done; raises OSError when it cannot be had."""

    def __init__(self, path: str, content_type: bytes, seconds: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(seconds)
        try:
            self._socket.connect(path)
            self._socket.sendall(control(_READY, content_type))
            self._expect(_ACCEPT, content_type)
            self._socket.sendall(control(_START, content_type))
        except OSError:
            self._socket.close()
            raise

    def write(self, frames: Iterable[bytes]) -> None:
        """Send these; raises OSError when the reader has gone, or takes nothing for so long."""
        self._socket.sendall(b"".join(len(each).to_bytes(4) + each for each in frames))

    def finish(self) -> None:
        """Say that there will be no more, and wait until the reader has all; raises OSError."""
        self._socket.sendall(control(_STOP))
        self._expect(_FINISH)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _expect(self, kind: int, content_type: bytes = b"") -> None:
        escape, size = (int.from_bytes(self._read(4)) for _ in range(2))
        if escape or not 4 <= size <= _MAX_CONTROL_BYTES:
            raise FrameStreamError("it does not speak Frame Streams")
        frame = self._read(size)
        if int.from_bytes(frame[:4]) != kind or (content_type and content_type not in fields(frame)):
            raise FrameStreamError("it does not take dnstap")

    def _read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            chunk = self._socket.recv(size - len(read))
            if not chunk:
                raise FrameStreamError("it hung up")
            read += chunk
        return read


def control(kind: int, content_type: bytes = b"") -> bytes:
    """A control frame, with or without a content type."""
    field = _CONTENT_TYPE.to_bytes(4) + len(content_type).to_bytes(4) + content_type if content_type else b""
    return bytes(4) + (4 + len(field)).to_bytes(4) + kind.to_bytes(4) + field


def fields(frame: bytes) -> Iterator[bytes]:
    """The content types in a control frame."""
    at = 4
    while at + 8 <= len(frame):
        kind, size = int.from_bytes(frame[at : at + 4]), int.from_bytes(frame[at + 4 : at + 8])
        if kind == _CONTENT_TYPE:
            yield frame[at + 8 : at + 8 + size]
        at += 8 + size
