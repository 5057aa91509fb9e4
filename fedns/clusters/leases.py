"""Turns the Leases that a hub holds for its source clusters into evidence about these.

A lease lasts as long as it says since its last renewal was seen, on this process's own clock: what the clocks of others
say does not matter. It knows nothing of streams.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from fedns.clusters.facts import LeaseFacts
from fedns.federation.health import Evidence, Readable, Unreadable

LEASE: Final = "lease"
"""What of a source cluster cannot be read while its lease has run out."""

Word = tuple[str, Evidence]
"""A source cluster, and evidence about it."""


class _Lease(Struct):
    renewed: str
    ends: float
    over: bool = False


class Leases:
    """What is known of the leases in one hub."""

    def __init__(self, hub: str) -> None:
        self._hub = hub
        self._known: dict[str, _Lease] = {}

    def seen(self, found: Mapping[str, LeaseFacts], now: float) -> Iterator[Word]:
        """The leases as they are; a renewal is life, and so is that a lease is kept no more."""
        for source, facts in found.items():
            known = self._known.get(source)
            if facts.seconds > 0 and (known is None or known.renewed != facts.renewed):
                self._known[source] = _Lease(facts.renewed, now + facts.seconds)
                yield source, Readable(LEASE)
        for source in self._known.keys() - {source for source, facts in found.items() if facts.seconds > 0}:
            del self._known[source]
            yield source, Readable(LEASE)

    def passed(self, now: float) -> Iterator[Word]:
        """Time has passed: which leases have run out since."""
        for source, lease in self._known.items():
            if not lease.over and now >= lease.ends:
                lease.over = True
                yield source, Unreadable(f"its lease in {self._hub} has run out", LEASE)
