"""What is known of one stream of one member, for metrics, status pages and logs; it knows nothing of HTTP."""

from collections import Counter
from typing import Literal

from msgspec import Struct, field

Mode = Literal["watchlist", "list"]
State = Literal["connecting", "listing", "watching", "waiting", "absent"]


class Stream(Struct, kw_only=True):
    """The present of one watched resource. Times are seconds of CLOCK_MONOTONIC, None for never.

    `mode` is how it is read (`watchlist`: the objects come in the stream, `list`: page by page, then the stream);
    `relists` counts whole readings by reason; `refused` says why objects were left out; `bytes` and `events` are what
    came in since the start.
    """

    resource: str
    state: State = "connecting"
    since: float = 0.0
    reason: str = ""
    mode: Mode = "watchlist"
    version: str = ""
    last_event: float | None = None
    last_bookmark: float | None = None
    objects: int = 0
    bytes: int = 0
    events: int = 0
    relists: Counter[str] = field(default_factory=Counter)

    def enter(self, state: State, now: float, reason: str = "") -> None:
        """Another state, or another reason for the same; only the former has a new beginning."""
        if state != self.state:
            self.since = now
        self.state, self.reason = state, reason
