"""The wall clock of the server alone, set forward and back by libfaketime; nothing else on this machine moves."""

from pathlib import Path
from typing import Final

_PLACES: Final = "*/faketime/libfaketime.so.1"


def library(root: Path = Path("/usr/lib")) -> Path | None:
    """Where libfaketime is; None where it is not installed (Debian: libfaketime)."""
    return next(iter(sorted(root.glob(_PLACES))), None)


class Clock:
    """A clock for processes that are started with its `environment`; `file` says how far it is from the true time."""

    def __init__(self, file: Path, faketime: Path) -> None:
        self._file = file
        self.environment: Final = {
            "LD_PRELOAD": str(faketime),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
        }
        self.set(0)

    def set(self, seconds: int) -> None:
        """Put it so far from the true time; those that read it notice within a second."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._file)
