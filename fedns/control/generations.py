"""A file in two generations: the last that was written whole, and the one before it.

Whatever happens while a third is written, one of them is there and whole: it is written beside them, put on the disk,
and only then takes its name. It knows nothing of what is in the file.
"""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

MODE: Final = 0o600
MAX_BYTES: Final = 1 << 31
READ_BYTES: Final = 1 << 20


class UnusableFileError(OSError):
    """A file is there and is not to be used; the message is a sentence without its name."""


class Generations:
    """The file at `path`, and the one before it beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.before = path.with_name(f"{path.name}.previous")
        self._new = path.with_name(f".{path.name}.{os.getpid()}.new")
        self._spare = path.with_name(f".{path.name}.old.{os.getpid()}.new")

    def write(self, pieces: Iterable[bytes], *, keep: bool = True) -> int:
        """Make this the last generation; returns its bytes. Raises OSError, and then nothing has changed.

        With `keep` the present one becomes the one before; without, as it is known to be bad, it is overwritten.
        """
        try:
            size = self._written(pieces)
            if keep:
                self._keep()
            self._new.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                self._new.unlink()
            raise
        # The names themselves must be on the disk: without this a power cut may bring the old ones back.
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return size

    def clear(self) -> None:
        """Remove what writers left behind that were killed."""
        for left in self.path.parent.glob(f".{self.path.name}.*.new"):
            writer = left.name.rsplit(".", 2)[1]
            if left in {self._new, self._spare} or not Path("/proc", writer).exists():
                with contextlib.suppress(OSError):
                    left.unlink()

    def _keep(self) -> None:
        """The present one becomes the one before, and where there are hard links it is not away for a moment."""
        self._spare.unlink(missing_ok=True)
        try:
            os.link(self.path, self._spare)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                self.path.replace(self.before)
            return
        self._spare.replace(self.before)
        # Renaming changes nothing where both are one file already, as after a writer that was killed here.
        self._spare.unlink(missing_ok=True)

    def _written(self, pieces: Iterable[bytes]) -> int:
        descriptor = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, MODE)
        size = 0
        with os.fdopen(descriptor, "wb", buffering=READ_BYTES) as file:
            for piece in pieces:
                size += file.write(piece)
            file.flush()
            os.fsync(descriptor)
        return size


def content(path: Path) -> bytes | None:
    """A file that only this user, or root, can have written; None where there is none.

    Raises UnusableFileError for any other, and OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        _check(os.fstat(descriptor))
        read = bytearray()
        while piece := file.read(READ_BYTES):
            read += piece
    return bytes(read)


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnusableFileError("it is no file")
    if found.st_uid not in {os.geteuid(), 0}:
        raise UnusableFileError(f"it belongs to user {found.st_uid}, and fedns is user {os.geteuid()}: give it to that")
    # Kubernetes lets the group of a volume write what is on it, and fedns is of that group.
    strangers = found.st_gid not in {os.getegid(), *os.getgroups()}
    if found.st_mode & stat.S_IWOTH or (strangers and found.st_mode & stat.S_IWGRP):
        raise UnusableFileError("others may write it: take that right away (chmod go-w)")
    if found.st_size > MAX_BYTES:
        raise UnusableFileError(f"it has {found.st_size} bytes, {MAX_BYTES} are allowed")
