"""A child's place: how soon one that dies is replaced, and when one that is silent is killed."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fedns.answers import counters
from fedns.settings.child import Child
from fedns.slots import IDLE_HUNG_SECONDS, MAX_WAIT_SECONDS, START_SECONDS, STEADY_SECONDS, Slot


@contextmanager
def slot(directory: Path) -> Iterator[Slot]:
    """A place for `tests.restless`."""
    block = os.memfd_create("slot")
    os.ftruncate(block, counters.BYTES)
    lifeline = os.pipe()
    path = str(directory / "control")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        child = Child(
            config="",
            overrides={},
            slot=0,
            slots=(block,),
            listener=listener.fileno(),
            path=path,
            udp=(),
            tcp=(),
            lifeline=lifeline[0],
            workers=0,
        )
        try:
            yield Slot("a child", "tests.restless", child)
        finally:
            for each in (block, *lifeline):
                os.close(each)


def ended(place: Slot, now: float) -> None:
    """Wait for the child's end, and have it buried at this time."""
    limit = time.monotonic() + 30
    while place.pid:
        assert time.monotonic() < limit
        place.bury(now, expected=False)
        time.sleep(0.01)


def test_a_child_that_keeps_dying_waits_longer_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """0.1 s, then twice as long; one that lived steadily is replaced at once."""
    monkeypatch.setenv("RESTLESS", "end")
    with slot(tmp_path) as place:
        now = 1000.0
        for wait in (0.1, 0.2, 0.4):
            place.start_if_due(now)
            ended(place, now)
            place.start_if_due(now + wait * 0.9)
            assert not place.pid
            now += wait
        place.start_if_due(now)
        ended(place, now + STEADY_SECONDS)
        place.start_if_due(now + STEADY_SECONDS)
        assert place.pid
        ended(place, now + STEADY_SECONDS)
    assert caplog.messages[2] == "a child ended (exit code 0); a new one starts in 0.4 s"
    assert MAX_WAIT_SECONDS > 0.4


def test_a_child_that_is_silent_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that has yet to start is given time; one whose heart has stopped, while it sleeps, is not."""
    monkeypatch.setenv("RESTLESS", "stay")
    with slot(tmp_path) as place:
        place.start_if_due(0.0)
        place.kill_if_hung(START_SECONDS / 2)
        place.bury(0.0, expected=False)
        assert place.pid
        limit = time.monotonic() + 30
        while place.pid:
            assert time.monotonic() < limit
            place.block[counters.HEARTBEAT] = time.monotonic_ns() - round(1e9 * (IDLE_HUNG_SECONDS + 1))
            place.kill_if_hung(time.monotonic())
            place.bury(0.0, expected=True)
            time.sleep(0.05)
    assert "is killed" in caplog.text
