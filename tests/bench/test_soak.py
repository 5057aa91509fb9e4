"""Soak: what makes a run a failure, and what only a long run on a quiet machine can say."""

import json
from pathlib import Path

import pytest

from bench.load import Load, Loads
from bench.looks import Looks
from bench.soak import Run, write
from fedns.lab.chaos import Outcome
from fedns.lab.checker import Wrong
from fedns.lab.oracle import Heard, Kind, Verdict


def run(
    *, seconds: float = 600.0, back: float | None = 1.0, wrong: int = 0, busy: float = 0.0, last: float = 1.0
) -> Run:
    """A run whose latency went from 1 ms to `last`."""
    told = [Wrong(5.0, ("shop", "web"), Heard(3), Verdict(Kind.WRONG, 20.0, "gone"))] * wrong
    deeds = [(1.0, "us1: hang"), (2.0, "worker 77: SIGKILL")]
    outcome = Outcome(seed=7, seconds=seconds, back=back, wrong=told, deeds=deeds, counts={"correct": 9})
    done = [Load(at, "udp", 100, 0, mean) for at, mean in ((0.0, 1.0), (20.0, 1.0), (40.0, last))]
    loads = Loads(53, Path("queries"), done)
    return Run(outcome=outcome, looks=Looks(), loads=loads, real=2, capacity=9e3, rate=4500, busy=(0.0, busy))


@pytest.mark.parametrize(
    ("made", "faults"),
    [
        (run(), []),
        (run(wrong=2), ["2 answers were wrong"]),
        (run(back=None), ["not all was right again in the end"]),
        (run(last=2.0), []),
        (run(last=2.0, seconds=7200), ["the latency rose by 100%"]),
        (run(last=2.0, seconds=7200, busy=0.5), []),
        (run(last=1.05, seconds=7200), []),
    ],
    ids=["good", "wrong", "not back", "drift in minutes", "drift in hours", "drift beside others", "little drift"],
)
def test_a_run_fails_for_what_fedns_did(made: Run, faults: list[str]) -> None:
    """Not for what the machine did."""
    assert made.faults() == faults


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (run(last=2.0), "not judged: only in runs of an hour or more"),
        (run(seconds=7200, busy=0.5), "not judged: others use 50% of this machine"),
        (run(seconds=7200), "+0%, judged"),
    ],
    ids=["short", "busy", "long and quiet"],
)
def test_it_says_whether_the_latency_was_judged(made: Run, words: str) -> None:
    """And why not."""
    assert any(words in line for line in made.whole())


def test_all_of_it_is_written(tmp_path: Path) -> None:
    """Text, figures with what they were made from, the picture, the log."""
    write(run(wrong=1), tmp_path, "a line")
    assert "WRONG ('shop', 'web'): gone" in (tmp_path / "report.txt").read_text()
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["deeds"] == {"us1": 1, "worker": 1}
    assert found["false_nxdomain"] == 1
    assert [each["mode"] for each in found["raw"]["loads"]] == ["udp"] * 3
    assert (tmp_path / "soak.svg").read_text().startswith("<svg")
    assert (tmp_path / "fedns.log").read_text() == "a line"
