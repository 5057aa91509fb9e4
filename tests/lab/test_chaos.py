"""Chaos, short and real: many faults at once, and not one answer wrong; and what is told when one was."""

from math import inf
from pathlib import Path

import pytest

from fedns.lab import chaos
from fedns.lab.chaos import Chaos, Outcome
from fedns.lab.checker import Wrong
from fedns.lab.oracle import Heard, Kind, Verdict
from fedns.lab.processes import free_port

SECONDS = 10.0


@pytest.mark.timeout(240)
async def test_no_answer_is_wrong(tmp_path: Path) -> None:
    """Members, processes, disk and services all change at once; everything comes back."""
    world, snapshot = chaos.made(tmp_path, members=3, workers=2, port=free_port())
    async with world:
        run = Chaos(world, seed=4, snapshot=snapshot)
        await world.deploy()
        await run.prepare()
        await world.serve()
        found = await run.run(SECONDS)
    assert found.good, "\n".join(found.lines())
    assert found.counts["correct"] > 300
    assert len(found.deeds) > 10


def outcome(wrong: list[Wrong], back: float | None) -> Outcome:
    """A run of a minute."""
    deeds = [(1.0, "us1: hang"), (29.0, "eu1: stop"), (31.0, "eu1: heal")]
    counts = {"correct": 10, "WRONG": len(wrong)}
    return Outcome(seed=7, seconds=60, counts=counts, lost=2, began=100.0, deeds=deeds, wrong=wrong, back=back)


def test_a_good_run_tells_its_counts() -> None:
    """Nothing more."""
    run = outcome([], 1.0)
    assert run.good
    assert run.lines()[1:3] + run.lines()[4:] == [
        "WRONG 0, correct 10, no reply 2",
        "of the wrong ones, false NXDOMAIN 0, outside their jurisdiction 0",
        "all was right again after 1.0 s",
    ]


def test_a_failure_tells_its_seed_and_what_was_done() -> None:
    """The deeds of the last seconds before the first wrong answer, in order with it."""
    run = outcome([Wrong(130.0, ("shop", "web"), Heard(0), Verdict(Kind.WRONG, 20.0, "never true"))], 1.0)
    assert not run.good
    assert run.lines()[5:] == [
        "what happened, with --seed 7:",
        "   29.00 eu1: stop",
        "   30.00 WRONG ('shop', 'web'): never true",
        "   31.00 eu1: heal",
    ]


def test_the_worst_are_counted_by_themselves() -> None:
    """What was denied, and what left its jurisdiction; an address that is only too old is neither."""
    verdicts = Verdict(Kind.WRONG, 20.0), Verdict(Kind.WRONG, inf)
    run = outcome(
        [
            Wrong(130.0, ("shop", "web"), Heard(3), verdicts[0]),
            Wrong(131.0, ("private", "secret"), Heard(0, frozenset({"10.9.0.1"})), verdicts[1]),
            Wrong(132.0, ("private", "secret"), Heard(0, frozenset({"10.1.0.1"})), verdicts[0]),
            Wrong(133.0, ("shop", "web"), Heard(0, frozenset({"10.9.0.1"})), verdicts[1]),
        ],
        1.0,
    )
    assert run.lines()[2] == "of the wrong ones, false NXDOMAIN 1, outside their jurisdiction 1"


def test_what_does_not_come_back_is_a_failure() -> None:
    """Though no answer was wrong."""
    run = outcome([], None)
    assert not run.good
    assert "NOT all was right in the end" in run.lines()
