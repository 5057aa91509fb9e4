"""What members disagree about, and names too long to be told: kept up as exports change, with a log line at each end.

It looks at a bounded number of services at a time, so that a member with thousands of them delays nobody. It decides
nothing: the catalog has said already what is used, and answers leave out what does not fit.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from fedns.answers.lengths import NAME_TOO_LONG, crowded, room, too_long
from fedns.answers.rules import Rules
from fedns.control.chronicle import Chronicle
from fedns.control.truth import Truth
from fedns.federation.objects import Conflict, ServiceKey

AT_ONCE: Final = 1_000
"""Services looked at in one tick: about 20 ms."""


class Conflicts:
    """The conflicts of all services of the truth."""

    def __init__(self, truth: Truth, chronicle: Chronicle) -> None:
        self._truth = truth
        self._room = _room(truth.rules)
        self._chronicle = chronicle
        self._waiting: dict[ServiceKey, None] = {}
        self._held: dict[ServiceKey, tuple[Conflict, ...]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def held(self) -> Mapping[ServiceKey, tuple[Conflict, ...]]:
        """The services with conflicts, as far as they have been looked at."""
        return self._held

    @property
    def pending(self) -> int:
        """How many services are still to be looked at."""
        return len(self._waiting)

    def counts(self) -> Mapping[str, int]:
        """How many services have a conflict of each kind."""
        return self._counts

    def ruled(self, before: Rules) -> None:
        """The rules are not those from before: where zones or cluster ids are other ones, so is what fits."""
        rules = self._truth.rules
        self._room = _room(rules)
        if rules.zones != before.zones or _room(before) != self._room:
            self.touched(self._truth.catalog.keys())

    def touched(self, keys: Iterable[ServiceKey]) -> None:
        """These services have changed."""
        for key in keys:
            if key in self._held or self._truth.catalog.shared(key) or crowded(key, self._room):
                self._waiting[key] = None

    def tick(self, now: float) -> None:
        """Look at what has changed; `now` is CLOCK_MONOTONIC seconds."""
        for key in list(self._waiting)[:AT_ONCE]:
            del self._waiting[key]
            service = self._truth.catalog.service(key)
            held = service.conflicts + too_long(service, self._truth.rules.zones) if service is not None else ()
            self._enter(key, held, now)

    def _enter(self, key: ServiceKey, after: tuple[Conflict, ...], now: float) -> None:
        before = self._held.pop(key, ())
        if after:
            self._held[key] = after
        self._counts.subtract({each.kind for each in before})
        self._counts.update({each.kind for each in after})
        known = {(each.kind, each.cluster) for each in before}
        for each in after:
            if (each.kind, each.cluster) not in known:
                self._say(key, each, logging.WARNING, each.message, now)
        still = {(each.kind, each.cluster) for each in after}
        for each in before:
            if (each.kind, each.cluster) not in still:
                ended = "every name fits now" if each.kind == NAME_TOO_LONG else "no conflict any more"
                self._say(key, each, logging.INFO, ended, now)

    def _say(self, key: ServiceKey, conflict: Conflict, level: int, text: str, now: float) -> None:
        name = "/".join(key)
        line = f"{conflict.cluster}: {name}: {conflict.kind}: {text}"
        self._chronicle.say(conflict.cluster, conflict.kind, level, line, now, service=name)


def _room(rules: Rules) -> int:
    return room(rules.zones, rules.clusters)
