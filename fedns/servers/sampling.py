"""Which queries are told about: one in so many, of all or of those that failed."""

from typing import Literal, Protocol


class Choice(Protocol):
    """What the configuration says of it."""

    @property
    def sample(self) -> int:
        """One in so many."""

    @property
    def only(self) -> Literal["all", "failures"]:
        """Failures have any response code but NOERROR."""


class Sampler:
    """Counts those that could be told about."""

    def __init__(self) -> None:
        self._seen = 0

    def takes(self, choice: Choice, reply: bytes) -> bool:
        """Whether the query with this reply is one of them; one without a reply never is."""
        if not reply or (choice.only == "failures" and not reply[3] & 0xF):
            return False
        self._seen += 1
        return self._seen % choice.sample == 0
