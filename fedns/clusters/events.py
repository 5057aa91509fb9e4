"""Turns one line of a watch into an event; it knows nothing of streams, nor what becomes of the object.

A line that is no event at all is garbled, and with it the stream. One that is nested too deep to be looked at is not:
it costs only itself.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

INITIAL_END: Final = "k8s.io/initial-events-end"
"""The annotation of the bookmark after which a WatchList is complete."""
_CHANGES: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})


class GarbledError(Exception):
    """The line makes no sense; the message says why."""


class DeepError(Exception):
    """The line is nested deeper than any object of Kubernetes."""


class ToldError(Exception):
    """An ERROR event."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"the stream ended with an error: {code} {message[:120]}")
        self.code = code
        self.gone = code == 410 or reason in {"Expired", "Gone"}


class Change(Struct, frozen=True):
    """An object was ADDED, MODIFIED or DELETED."""

    kind: str
    item: Raw


class Bookmark(Struct, frozen=True):
    """How far the stream is; `whole` when the objects that were there at its start have all come."""

    version: str
    whole: bool


def parse(line: bytes) -> Change | Bookmark:
    """The event of a line; raises GarbledError, DeepError, or ToldError for an ERROR event."""
    try:
        event = _EVENT.decode(line)
        if event.type in _CHANGES:
            return Change(event.type, event.object)
        if event.type == "BOOKMARK":
            meta = _BOOKMARK.decode(event.object).metadata
            return Bookmark(meta.resourceVersion, (meta.annotations or {}).get(INITIAL_END) == "true")
        if event.type == "ERROR":
            status = _STATUS.decode(event.object)
            raise ToldError(status.code, status.reason, status.message)
    except RecursionError as fault:
        raise DeepError from fault
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise GarbledError(f"garbled: {str(fault)[:120]}") from fault
    raise GarbledError(f"garbled: event type {event.type[:20]!r}")


class _Event(Struct):
    type: str
    object: Raw


class _Meta(Struct):
    resourceVersion: str = ""  # noqa: N815 -- spelt as Kubernetes spells it
    annotations: dict[str, str] | None = None


class _Bookmark(Struct):
    metadata: _Meta


class _Status(Struct):
    code: int = 0
    reason: str = ""
    message: str = ""


_EVENT: Final = msgspec.json.Decoder(_Event)
_BOOKMARK: Final = msgspec.json.Decoder(_Bookmark)
_STATUS: Final = msgspec.json.Decoder(_Status)
