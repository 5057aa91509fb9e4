"""Sampling: one in so many, of those that count."""

import pytest

from fedns.answers.rules import QueryLog
from fedns.servers.sampling import Sampler

GOOD, BAD, NONE = bytes(12), b"\0\0\0\3" + bytes(8), b""


@pytest.mark.parametrize(
    ("choice", "replies", "taken"),
    [
        (QueryLog(), [GOOD, NONE, BAD], [True, False, True]),
        (QueryLog(only="failures"), [GOOD, NONE, BAD], [False, False, True]),
        (QueryLog(sample=2), [GOOD, NONE, BAD, GOOD, GOOD], [False, False, True, False, True]),
        (QueryLog(sample=2, only="failures"), [BAD, GOOD, BAD], [False, False, True]),
    ],
    ids=["all", "failures", "a sample", "a sample of failures"],
)
def test_which_are_taken(choice: QueryLog, replies: list[bytes], taken: list[bool]) -> None:
    """What is not counted does not use a turn up."""
    sampler = Sampler()
    assert [sampler.takes(choice, reply) for reply in replies] == taken
