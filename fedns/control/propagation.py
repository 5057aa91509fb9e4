"""How long a change took from the member's control plane to every worker: a histogram for each cluster.

It begins at the time that the EndpointSlice names as its trigger, on the member's clock, and ends when every worker has
acknowledged it. It knows nothing of sockets or metrics.
"""

from bisect import bisect_left
from collections import deque
from itertools import accumulate
from typing import Final

BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in seconds; one more has no bound."""
OLDEST_SECONDS: Final = 3600.0
"""A trigger that is older says when a slice was last touched, not how long a change took."""
PENDING: Final = 10_000
"""Changes that wait for an acknowledgement at most; the oldest are not counted."""


class Histogram:
    """Durations of one cluster: `counts` has one more than `BOUNDS`, `total` is in seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def quantile(self, part: float) -> float | None:
        """Which duration this part of all did not exceed, rounded up to a bucket's bound; None without any."""
        least = part * sum(self.counts)
        if not least:
            return None
        at = next(at for at, count in enumerate(accumulate(self.counts)) if count >= least)
        return BOUNDS[min(at, len(BOUNDS) - 1)]


class Propagation:
    """Changes on their way, and the durations of those that have arrived, by cluster."""

    def __init__(self) -> None:
        self.durations: dict[str, Histogram] = {}
        self._pending: deque[tuple[int, str, float]] = deque(maxlen=PENDING)

    def sent(self, generation: int, cluster: str, triggered: float) -> None:
        """A change of this generation was triggered at this time (Unix seconds)."""
        self._pending.append((generation, cluster, triggered))

    def told(self, generation: int, now: float) -> None:
        """Every worker holds this generation now (Unix seconds); a clock that is behind the member's counts as 0."""
        while self._pending and self._pending[0][0] <= generation:
            _, cluster, triggered = self._pending.popleft()
            if now - triggered <= OLDEST_SECONDS:
                self.durations.setdefault(cluster, Histogram()).add(max(0.0, now - triggered))

    def left(self, cluster: str) -> None:
        """A cluster is gone: nothing of it is remembered."""
        self.durations.pop(cluster, None)
        self._pending = deque((each for each in self._pending if each[1] != cluster), PENDING)
