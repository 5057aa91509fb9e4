"""Objects of one member that cannot be understood: each is said once, for as long as it cannot.

It knows nothing of what becomes of them.
"""

import logging
from typing import Final

from fedns.clusters.decode import CLUSTERED, Item
from fedns.clusters.listing import Resource

_NAMED: Final = 10
"""How many are named."""
_REMEMBERED: Final = 1000

_log = logging.getLogger(__name__)


class Faults:
    """What is wrong with the objects of one member."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._held: dict[str, str] = {}

    def sentences(self) -> list[str]:
        """The first of them, and how many more there are."""
        found = [f"{name}: {reason}" for name, reason in list(self._held.items())[:_NAMED]]
        if len(self._held) > _NAMED:
            found.append(f"{len(self._held) - _NAMED} more objects cannot be understood")
        return found

    def report(self, resource: Resource, item: Item) -> None:
        """Take an object that came."""
        which = item.name if item.namespace == CLUSTERED else f"{item.namespace}/{item.name}"
        name = f"{resource.name} {which}" if item.namespace else f"one of the {resource.name}"
        if not item.fault:
            self._held.pop(name, None)
        elif self._held.get(name) != item.fault and len(self._held) < _REMEMBERED:
            self._held[name] = item.fault
            kept = "is left as it was" if item.namespace else "is left out"
            _log.warning("member %s: %s %s: %s", self._cluster, name, kept, item.fault)
