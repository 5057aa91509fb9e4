"""What one worker still has to be told: names of things, never their values, so a slow worker costs no memory.

Values are taken from the truth when they are sent: whatever happened in between, the last one wins. It knows nothing
of sockets.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from fedns.answers.wire import CHUNK, Change, Generation, Members, NewRules, Replace, ToWorker
from fedns.control.truth import Truth
from fedns.federation.objects import Export, ServiceKey

MAX_KEYS: Final = 20_000
"""Pending names at most; beyond, the members concerned are sent as a whole, which costs one name each."""
CHUNK_ENDPOINTS: Final = 20_000
"""Endpoints in one Replace frame at most, about: 600 KB, and a few milliseconds of a worker's time."""


class Outbox:
    """One worker's pending news; `wake` is set while there is any."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self._clear()

    def _clear(self) -> None:
        self._rules = False
        self._members = False
        self._left: set[str] = set()
        self._whole: dict[str, None] = {}
        self._keys: dict[tuple[str, ServiceKey], None] = {}

    def rules(self) -> None:
        """The rules have changed."""
        self._rules = True
        self.wake.set()

    def members(self) -> None:
        """A status has moved."""
        self._members = True
        self.wake.set()

    def left(self, cluster: str) -> None:
        """A member has left; if it comes back before this is sent, the worker still forgets what it held of it."""
        self._left.add(cluster)
        self._whole.pop(cluster, None)
        self.members()

    def whole(self, cluster: str) -> None:
        """The whole of one member is to be told."""
        self._whole[cluster] = None
        self.wake.set()

    def keys(self, cluster: str, keys: Iterable[ServiceKey]) -> None:
        """These names of one member have changed."""
        if cluster not in self._whole:
            self._keys.update(((cluster, key), None) for key in keys)
        if len(self._keys) > MAX_KEYS:
            self._whole.update((each, None) for each, _ in self._keys)
            self._keys.clear()
        self.wake.set()

    @property
    def pending(self) -> int:
        """How many things wait to be told."""
        return len(self._keys) + len(self._whole) + len(self._left) + self._rules + self._members

    def take(self, truth: Truth, end: Generation) -> Iterator[ToWorker]:
        """All news as messages, made one by one as they are sent, then `end`; what happens meanwhile waits its turn.

        Exports go before statuses: a member must not look synced before its services are there.
        """
        rules, members, left, whole, keys = self._rules, self._members, self._left, self._whole, self._keys
        self._clear()
        self.wake.clear()
        if left:
            yield Members(tuple(status for status in truth.statuses.values() if status.cluster not in left))
        if rules:
            yield NewRules(truth.rules)
        for cluster in whole:
            if cluster in truth.read:
                yield from _replace(cluster, truth.catalog.exports_of(cluster))
        for cluster, key in keys:
            if cluster not in whole and cluster in truth.statuses:
                yield Change(cluster, *key, truth.export(cluster, key))
        if members or left:
            yield Members(tuple(truth.statuses.values()))
        yield end


def _replace(cluster: str, exports: list[Export]) -> Iterator[Replace]:
    """One member's whole truth, cut into chunks; an empty one is a chunk too."""
    start, first = 0, True
    while first or start < len(exports):
        end, endpoints = start, 0
        while end < len(exports) and end - start < CHUNK and endpoints < CHUNK_ENDPOINTS:
            endpoints += sum(piece.count for piece in exports[end].slices)
            end += 1
        yield Replace(cluster, tuple(exports[start:end]), first=first, last=end == len(exports))
        start, first = end, False
