"""The probe tells life from death by replies alone."""

import asyncio
from pathlib import Path

import pytest

from fedns.clusters.connect import connect
from fedns.clusters.probe import pace, probe
from tests.clusters.scripted import Answer, Scripted, member, status, stream, until


class Told:
    """What the probe said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def reached(self) -> None:
        """It was answered."""
        self.said.append("")

    def unreachable(self, reason: str) -> None:
        """It was not."""
        self.said.append(reason)


async def test_a_bad_line_needs_one_answer_of_several(script: Scripted, tmp_path: Path) -> None:
    """After a failure two ask at once, then three; one that is answered is enough, and then one asks again."""
    lost = stream(hold=30)
    script.say("readyz", lost, lost, lost, lost, lost)
    connection = await connect(member(script.url, tmp_path))
    told = Told()
    task = asyncio.create_task(probe(connection, told, interval=0.05, timeout=1.0))
    await until(lambda: len(told.said) >= 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await connection.close()
    assert [bool(reason) for reason in told.said[:4]] == [True, True, False, False]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(status(401), "", id="who refuses a stranger lives"),
        pytest.param(status(403), "", id="who forbids lives"),
        pytest.param(status(404), "", id="who knows no probe lives"),
        pytest.param(status(500), "HTTP 500: no", id="not ready"),
        pytest.param(status(503), "HTTP 503: no", id="unavailable"),
        pytest.param(stream(hold=60), "timed out", id="silent"),
    ],
)
async def test_answers(script: Scripted, tmp_path: Path, answer: Answer, reason: str) -> None:
    """Any reply of the server itself is life, but one that says it is not ready; the next one counts anew."""
    script.say("readyz", answer)
    connection = await connect(member(script.url, tmp_path))
    told = Told()
    task = asyncio.create_task(probe(connection, told, interval=0.05, timeout=1.5))
    await until(lambda: "" in told.said[1:], 15.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await connection.close()
    assert told.said[0].lower().startswith(reason.lower()) or "imeout" in told.said[0]
    assert bool(told.said[0]) == bool(reason)


def test_a_member_that_failed_is_asked_twice_as_often() -> None:
    """Until it has answered six times in a row."""
    assert [pace(2.0, good) for good in (0, 1, 5, 6, 100)] == [1.0, 1.0, 1.0, 2.0, 2.0]
