"""The watch verb: from a position in the store's change log to a stream of events.

Times are those of a real 1.37 server: a first bookmark after a second, then one a minute, one 2 s before the end; but
none while there is nothing newer than the version that the watch began with.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from math import inf

import msgspec
from msgspec import Struct

from fedns.lab.kinds import ENDPOINT_SLICES, SERVICES, Json, Kind
from fedns.lab.selectors import Predicate
from fedns.lab.status import ApiError, too_large
from fedns.lab.store import Change, Store
from fedns.lab.views import View

LAST_BOOKMARK = 2.0
"""Seconds before the end of a watch at which a last bookmark comes."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""The annotation of the bookmark after which a WatchList is complete."""

# What Go's JSON makes of the empty object inside a bookmark: readers must bear these nulls.
_EMPTY: dict[Kind, Json] = {
    ENDPOINT_SLICES: {"addressType": "", "endpoints": None, "ports": None},
    SERVICES: {"spec": {}, "status": {"loadBalancer": {}}},
}


class Plan(Struct, frozen=True, kw_only=True):
    """What one watch asked for; `version` None means: everything that is there, then what changes."""

    kind: Kind
    api_version: str
    namespace: str
    matches: Predicate
    version: int | None
    initial: bool
    bookmarks: bool
    timeout: float
    present: Callable[[Json], Json]
    quiet: bool = False
    """No bookmarks in between, though asked for."""
    endless: bool = False
    """No bookmark that ends the beginning of a WatchList."""
    bookmark_every: float = 60.0
    first_bookmark: float = 1.0


def _line(verb: str, item: Json) -> bytes:
    return msgspec.json.encode({"type": verb, "object": item}) + b"\n"


def error_line(error: ApiError) -> bytes:
    """The event with which a stream ends that failed."""
    return _line("ERROR", error.body())


def _bookmark(plan: Plan, version: int, *, complete: bool = False) -> bytes:
    meta: Json = {"resourceVersion": str(version), "creationTimestamp": None}
    if complete:
        meta["annotations"] = {INITIAL_EVENTS_END: "true"}
    item = {"kind": plan.kind.name, "apiVersion": plan.api_version, "metadata": meta}
    return _line("BOOKMARK", plan.present(item | _EMPTY.get(plan.kind, {})))


def _event(plan: Plan, change: Change) -> bytes:
    """One change as this watch sees it: an object that leaves the selector was DELETED for it."""
    if change.kind is not plan.kind:
        return b""
    before = change.before if change.before is not None and _seen(plan, change.before) else None
    after = change.after if change.after is not None and _seen(plan, change.after) else None
    if after is not None:
        return _line("ADDED" if before is None else "MODIFIED", plan.present(after))
    if before is not None:
        meta = before["metadata"] | {"resourceVersion": str(change.version)}
        return _line("DELETED", plan.present(before | {"metadata": meta}))
    return b""


def _seen(plan: Plan, item: Json) -> bool:
    return (not plan.namespace or item["metadata"].get("namespace") == plan.namespace) and plan.matches(item)


async def _ready(plan: Plan, store: Store | View) -> None:
    """Wait until the stream may begin; a WatchList of a version of the future is an error."""
    if plan.version is None:
        return
    if plan.initial and plan.version > store.version:
        raise too_large(plan.version, store.version)
    # A version of the future is no error here: the watch starts to speak when the server gets there.
    async with asyncio.timeout(plan.timeout):
        await store.news(plan.version - 1)


async def events(plan: Plan, store: Store | View) -> AsyncIterator[bytes]:
    """The lines of the stream; ends at the timeout, or after an ERROR event."""
    start = time.monotonic()
    end = start + plan.timeout
    try:
        await _ready(plan, store)
        at = plan.version or 0
        if plan.version is None or plan.initial:
            at = store.version
            for block in _begin(plan, store):
                yield block
        begun = at
        speaks = plan.bookmarks and not plan.quiet
        due = start + (plan.bookmark_every if plan.initial else plan.first_bookmark) if speaks else inf
        last = end - LAST_BOOKMARK if speaks and plan.timeout > LAST_BOOKMARK else inf
        while (now := time.monotonic()) < end:
            # Before news: a quiet resource of a busy server must get its bookmarks too.
            if now >= min(due, last):
                due, last = (due, inf) if last <= now else (now + plan.bookmark_every, last)
                if at > begun:
                    yield _bookmark(plan, at)
            if await _wait(store, at, min(end, due, last) - now):
                changes = store.since(at)
                at = store.version
                for block in _blocks(_event(plan, change) for change in changes):
                    yield block
    except TimeoutError:
        return
    except ApiError as error:
        yield error_line(error)


def _begin(plan: Plan, store: Store | View) -> Iterator[bytes]:
    """What is there now, and for a WatchList the bookmark that says so."""
    version = store.version
    items = [item for item in store.items(plan.kind, plan.namespace) if plan.matches(item)]
    yield from _blocks(_line("ADDED", plan.present(item)) for item in items)
    if plan.initial and plan.bookmarks and not plan.endless:
        yield _bookmark(plan, version, complete=True)


async def _wait(store: Store | View, at: int, seconds: float) -> bool:
    if store.version > at:
        return True
    try:
        async with asyncio.timeout(seconds):
            await store.news(at)
    except TimeoutError:
        return False
    return True


def _blocks(lines: Iterable[bytes], size: int = 200) -> Iterator[bytes]:
    """Many small events in few writes."""
    pending: list[bytes] = []
    for line in lines:
        if line:
            pending.append(line)
        if len(pending) == size:
            yield b"".join(pending)
            pending = []
    if pending:
        yield b"".join(pending)
