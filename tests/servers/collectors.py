"""A dnstap collector of our own, and a reader of its messages: for what the real ones do not show."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from fedns.servers.dnstap import CONTENT_TYPE
from fedns.servers.framestream import control

ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5


class Collector:
    """Listens at a path, and takes what one writer after the other sends; `answers` is what it says to READY."""

    def __init__(self, path: Path, answers: bytes = b"") -> None:
        self.frames: list[bytes] = []
        self.controls: list[int] = []
        self._answers = answers or control(ACCEPT, CONTENT_TYPE)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._stream: socket.socket | None = None
        self._closed = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up, and take nobody any more."""
        self._closed = True
        for each in (self._stream, self._listener):
            with contextlib.suppress(OSError):
                if each is not None:
                    each.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._stream, _ = self._listener.accept()
                self._take(self._stream)
            except (OSError, EOFError):
                pass
            finally:
                if self._stream is not None:
                    self._stream.close()

    def _take(self, stream: socket.socket) -> None:
        while True:
            size = int.from_bytes(read(stream, 4))
            if size:
                self.frames.append(read(stream, size))
                continue
            frame = read(stream, int.from_bytes(read(stream, 4)))
            self.controls.append(int.from_bytes(frame[:4]))
            if self.controls[-1] == READY:
                stream.sendall(self._answers)
            if self.controls[-1] == STOP:
                stream.sendall(control(FINISH))


def read(stream: socket.socket, size: int) -> bytes:
    """So many bytes; raises EOFError when there are fewer."""
    got = b""
    while len(got) < size:
        chunk = stream.recv(size - len(got))
        if not chunk:
            raise EOFError
        got += chunk
    return got


def decoded(message: bytes) -> dict[int, int | bytes]:
    """The fields of a protobuf message by number."""
    return dict(_fields(message))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif key & 7 == 2:
            size, at = _varint(message, at)
            yield key >> 3, message[at : at + size]
            at += size
        else:
            assert key & 7 == 5
            yield key >> 3, struct.unpack_from("<I", message, at)[0]
            at += 4


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not message[at - 1] & 0x80:
            return value, at
