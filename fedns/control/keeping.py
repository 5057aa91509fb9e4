"""A small file that keeps what operators ordered at run time, across restarts: whole or not at all.

It knows nothing of what the orders mean.
"""

import logging
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from fedns.control.generations import Generations
from fedns.federation.migrations import Migration

FORMAT: Final = 1
MAX_BYTES: Final = 1 << 20

log = logging.getLogger(__name__)


class RefusedOrderError(Exception):
    """An order that cannot be followed; the message says why and what to do."""


class DrainOrder(Struct, frozen=True, kw_only=True):
    """One drain; times are Unix seconds. `stopped` is when every worker knew of it, None before that."""

    target: str
    force: bool = False
    since: float
    stopped: float | None = None


class Pause(Struct, frozen=True, kw_only=True):
    """How long a migration was paused, in seconds, and since when it is now (Unix seconds), with the reason."""

    seconds: float = 0.0
    since: float | None = None
    reason: str = ""


class Kept(Struct, frozen=True, kw_only=True):
    """All that the file holds; `pauses` by the name and the start of the migration.

    `confirmed` are the clusters that may be given up, whatever that moves, until they are heard again.
    """

    format: int = FORMAT
    drains: tuple[DrainOrder, ...] = ()
    migrations: tuple[Migration, ...] = ()
    pauses: dict[str, Pause] = {}
    confirmed: tuple[str, ...] = ()


class Ledger:
    """Holds what is ordered, and the file that keeps it, if there is one."""

    def __init__(self) -> None:
        self.kept = Kept()
        self._path: Path | None = None

    def use(self, path: str) -> None:
        """Keep it in this file (none: ""), and go on with what is in it, when it is another one than before."""
        wanted = Path(path) if path else None
        if wanted != self._path:
            self._path = wanted
            self.kept = read(wanted) if wanted is not None else Kept()

    def order(self, **changes: Any) -> None:
        """Change what is ordered, if it can be kept; raises RefusedOrderError."""
        if self._path is None:
            raise RefusedOrderError("nothing would keep this across a restart: add state: {path: ...} first")
        kept = structs.replace(self.kept, **changes)
        try:
            write(self._path, kept)
        except OSError as error:
            raise RefusedOrderError(f"{self._path} cannot be written: {error.strerror}") from error
        self.kept = kept

    def note(self, **changes: Any) -> None:
        """Note what has come of the orders: it holds for this process even where it cannot be kept."""
        self.kept = structs.replace(self.kept, **changes)
        if self._path is not None:
            try:
                write(self._path, self.kept)
            except OSError as error:
                log.error("%s cannot be written: %s", self._path, error.strerror)  # noqa: TRY400 -- a sentence


def read(path: Path) -> Kept:
    """What the file holds, nothing where there is none; one that cannot be read is put aside, loudly."""
    try:
        with path.open("rb") as file:
            kept = msgspec.json.decode(file.read(MAX_BYTES), type=Kept)
        if kept.format == FORMAT:
            return kept
        fault = f"it is of format {kept.format}, and this fedns reads format {FORMAT}"
    except FileNotFoundError:
        return Kept()
    except OSError as error:
        log.error("%s: no drain and no migration that it keeps is in force: %s", path, error.strerror)  # noqa: TRY400 -- a sentence
        return Kept()
    except msgspec.DecodeError as error:
        fault = str(error)
    aside = path.with_name(path.name + ".broken")
    log.error("%s: no drain and no migration that it keeps is in force; now %s: %s", path, aside.name, fault)
    path.replace(aside)
    return Kept()


def write(path: Path, kept: Kept) -> None:
    """Replace the file; whatever happens meanwhile, it has the old content or the new. Raises OSError."""
    Generations(path).write((msgspec.json.format(msgspec.json.encode(kept), indent=2),), keep=False)
