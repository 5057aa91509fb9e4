"""What every kind of order works with: the truth, the file that keeps orders, the clock, and who is told of changes."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time

from fedns.control.history import History
from fedns.control.keeping import Ledger
from fedns.control.reach import Reach
from fedns.control.truth import Truth


@dataclass(frozen=True, kw_only=True)
class Means:
    """`reach` makes a new follower of what workers know; `changed` is called when the rules are to be made again.

    `clock` gives Unix seconds.
    """

    truth: Truth
    ledger: Ledger
    reach: Callable[[], Reach]
    changed: Callable[[], None]
    history: History
    clock: Callable[[], float] = time

    def note(self, subject: str, text: str, by: str = "") -> None:
        """What was ordered, or has come of it, goes into the history; `by` is who ordered it, as far as is known."""
        self.history.add(subject, "order", f"{text}, ordered by {by}" if by else text)
