"""What has changed that answers depend on: events of clusters and of services, the newest of each and not too many.

Times are Unix seconds. It is memory of this process only, bounded for each subject and in all.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from time import time
from typing import Final

from msgspec import Struct

from fedns.federation.objects import READY, Export, ServiceKey

EVENTS: Final = 20_000
"""Events at most: about 400 bytes each."""
EACH: Final = 100
"""Events of one subject at most: one that changes all the time does not push out the others."""
_UNREADY: Final = bytes(value for value in range(256) if not value & READY)


class Event(Struct, frozen=True):
    """One change: of a cluster (its name), of a service (namespace/name), or of all ("")."""

    at: float
    subject: str
    kind: str
    text: str


class History:
    """The ring of events."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._added = 0
        # Ordered, for its first is found at once however many went before; a plain dict steps over all of their places.
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._of: dict[str, deque[int]] = {}

    def __len__(self) -> int:
        return len(self._events)

    def add(self, subject: str, kind: str, text: str) -> None:
        """Something has happened now."""
        self._added += 1
        self._events[self._added] = Event(self._clock(), subject, kind, text)
        own = self._of.setdefault(subject, deque())
        own.append(self._added)
        if len(own) > EACH:
            del self._events[own.popleft()]
        elif len(self._events) > EVENTS:
            _, oldest = self._events.popitem(last=False)
            of = self._of[oldest.subject]
            of.popleft()
            if not of:
                del self._of[oldest.subject]

    def changed(self, cluster: str, key: ServiceKey, before: Export | None, after: Export | None) -> None:
        """What a cluster exports under a name has changed."""
        text = f"{cluster}: {_change(before, after)}"
        self.add("/".join(key), "service", text)

    def find(self, subject: str | None, since: float) -> list[Event]:
        """The events from a moment on, oldest first: of one subject, or (None) of all."""
        if subject is None:
            events: Iterable[Event] = self._events.values()
        else:
            events = (self._events[number] for number in self._of.get(subject, ()))
        return [event for event in events if event.at >= since]


def _change(before: Export | None, after: Export | None) -> str:
    if after is None:
        return "gone"
    if before is None:
        return f"appears, {_ready(after)} ready"
    then, now = _ready(before), _ready(after)
    return f"{then} -> {now} ready" if then != now else f"other addresses or attributes, {now} ready"


def _ready(export: Export) -> str:
    """How many of its endpoints are ready, as text."""
    ready = every = 0
    for piece in export.slices:
        every += piece.count
        conditions = piece.conditions if len(piece.conditions) > 1 else piece.conditions * piece.count
        ready += len(conditions.translate(None, _UNREADY))
    return f"{ready} of {every}"
