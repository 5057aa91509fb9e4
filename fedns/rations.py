"""How much memory a child of the supervisor may have, and when one that has more is replaced."""

import logging
from typing import Final

LEAST_LIFE_SECONDS: Final = 60.0
"""A child is replaced after so long at the earliest; twice as long each time in a row that it was not enough."""
MOST_LIFE_SECONDS: Final = 3600.0

log = logging.getLogger("fedns.supervisor")


class Ration:
    """The limit of one slot in bytes, None for none; told are sizes in bytes and lives in seconds."""

    def __init__(self, name: str, limit: int | None) -> None:
        self._name = name
        self._limit = limit
        self._life = LEAST_LIFE_SECONDS
        self._told = 0.0

    def exceeded(self, size: int) -> bool:
        """Whether a child of this size has too much."""
        return self._limit is not None and size > self._limit

    def renews(self, size: int, lived: float) -> bool:
        """Whether a child that has too much is to be replaced now; one that grew so soon may need what it has."""
        has = f"{self._name} has {size >> 20} MiB, {(self._limit or 0) >> 20} are allowed"
        if lived < self._life:
            if lived < self._told or not self._told:
                log.error("%s, after %.0f s only: it stays for %.0f s; does it need more?", has, lived, self._life)
            self._told = max(lived, 0.1)
            return False
        log.warning("%s: another one takes its place", has)
        self._life = min(MOST_LIFE_SECONDS, 2 * self._life) if lived < 2 * self._life else LEAST_LIFE_SECONDS
        self._told = 0.0
        return True
