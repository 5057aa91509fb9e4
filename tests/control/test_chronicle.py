"""Lines about clusters: each change of state, and no flood."""

import logging

import pytest

from fedns.control.chronicle import LINE_SECONDS, Chronicle


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What has been logged."""
    return [record.getMessage() for record in caplog.records]


def test_a_flapping_cluster_says_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """The first line at once, then the last one of each second with the count of all; others are not held up."""
    chronicle = Chronicle()
    for at in range(30):
        chronicle.say("eu1", "state", logging.WARNING, f"turn {at}", at / 10)
        chronicle.tick(at / 10)
    chronicle.say("us1", "state", logging.WARNING, "hello", 2.9)
    chronicle.say("eu1", "backdated", logging.WARNING, "older", 2.9)
    assert lines(caplog) == [
        "turn 0",
        "turn 10 [the last of 10 in 1.0 s]",
        "turn 20 [the last of 10 in 1.0 s]",
        "hello",
        "older",
    ]
    chronicle.tick(100.0)
    assert lines(caplog)[-1] == "turn 29 [the last of 9 in 98.0 s]"


def test_a_line_that_was_held_alone_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Two changes in one second are two lines, the second one a little late."""
    chronicle = Chronicle()
    chronicle.say("eu1", "state", logging.WARNING, "down", 0.0, to="stale")
    chronicle.say("eu1", "state", logging.WARNING, "up", 0.1)
    chronicle.tick(LINE_SECONDS / 2)
    assert lines(caplog) == ["down"]
    chronicle.tick(LINE_SECONDS)
    assert lines(caplog) == ["down", "up"]
    assert vars(caplog.records[0])["to"] == "stale"


def test_nothing_is_said_of_who_left(caplog: pytest.LogCaptureFixture) -> None:
    """A line that is held is dropped with its cluster, and a new one of that name starts afresh."""
    chronicle = Chronicle()
    for text in ("down", "up"):
        chronicle.say("eu1", "state", logging.WARNING, text, 0.0)
    chronicle.left("eu1")
    chronicle.tick(100.0)
    chronicle.say("eu1", "state", logging.WARNING, "new", 0.0)
    assert lines(caplog) == ["down", "new"]
