"""A small file that keeps what operators ordered at run time, across restarts: whole or not at all.

It knows nothing of what the orders mean.
"""

import logging
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

FORMAT: Final = 1
MAX_BYTES: Final = 1 << 20

log = logging.getLogger(__name__)


class DrainOrder(Struct, frozen=True, kw_only=True):
    """One drain; times are Unix seconds. `stopped` is when every worker knew of it, None before that."""

    target: str
    force: bool = False
    since: float
    stopped: float | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """All that the file holds."""

    format: int = FORMAT
    drains: tuple[DrainOrder, ...] = ()


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
        log.error("%s: no drain that it keeps is in force: %s", path, error.strerror)  # noqa: TRY400 -- a sentence
        return Kept()
    except msgspec.DecodeError as error:
        fault = str(error)
    aside = path.with_name(path.name + ".broken")
    log.error("%s cannot be used, so no drain that it keeps is in force; it is now %s: %s", path, aside.name, fault)
    path.replace(aside)
    return Kept()


def write(path: Path, kept: Kept) -> None:
    """Replace the file; whatever happens meanwhile, it has the old content or the new. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(kept), indent=2))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
