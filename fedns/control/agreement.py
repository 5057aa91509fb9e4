"""Whether another replica serves what this one does, and since when not: decided from the digests that it tells.

Two replicas are never told of a change in the same moment, nor of two changes in the same order. So a member's exports
agree with whatever they have been here within the bound, and a reply that does not fit may come to fit until the next.
"""

from collections import deque
from typing import Final

from fedns.answers.digests import Digests, differences

KEPT: Final = 2_048
"""Digests remembered of one member at most: a second of the fastest change that one may make."""


class Past:
    """What the digests of each member have been, and until when (seconds of CLOCK_MONOTONIC)."""

    def __init__(self) -> None:
        self._left: dict[str, deque[tuple[float, int]]] = {}

    def left(self, cluster: str, digest: int, now: float) -> None:
        """A member's exports have just ceased to have this digest."""
        self._left.setdefault(cluster, deque(maxlen=KEPT)).append((now, digest))

    def forget(self, cluster: str) -> None:
        """A member has left."""
        self._left.pop(cluster, None)

    def had(self, cluster: str, digest: str, since: float) -> bool:
        """Whether a member's exports had this digest (as text) at any time since then, and have it no more."""
        number = int(digest, 16)
        return any(at >= since and each == number for at, each in self._left.get(cluster, ()))


class Agreement:
    """What is known of one replica; times are seconds of CLOCK_MONOTONIC.

    `since` is when it began to disagree, None while it agrees; `reasons` say in which; `heard` is its last reply;
    `trouble` why the last question brought none.
    """

    def __init__(self, past: Past) -> None:
        self.since: float | None = None
        self.reasons: tuple[str, ...] = ()
        self.heard: float | None = None
        self.trouble = ""
        self.late = False
        self._past = past
        self._theirs: Digests | None = None

    def hear(self, theirs: Digests, mine: Digests, now: float, bound: float) -> None:
        """It has told its digests, and these are ours."""
        self.heard, self.trouble, self._theirs = now, "", theirs
        self.reasons = self._apart(mine, now, bound)
        if self.reasons and self.since is None:
            self.since = now
        elif not self.reasons:
            self.since = None

    def miss(self, trouble: str, now: float, bound: float) -> None:
        """It could not be asked; what it told counts for as long as the bound."""
        self.trouble, self._theirs = trouble, None
        if self.heard is None or now - self.heard > bound:
            self.since, self.reasons = None, ()

    def look(self, mine: Digests, now: float, bound: float) -> None:
        """Ours may have become what it told."""
        if self.since is not None and self._theirs is not None and not self._apart(mine, now, bound):
            self.since, self.reasons = None, ()

    def _apart(self, mine: Digests, now: float, bound: float) -> tuple[str, ...]:
        assert self._theirs is not None
        since = now - bound
        return tuple(differences(mine, self._theirs, lambda name, digest: self._past.had(name, digest, since)))
