"""`fedns lab`: the story as a new user sees it, the lab that stays up, its fault verbs, and its sentences."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedns.cli.lab import lab
from fedns.client import Ask, ask
from fedns.lab.faults import VERBS
from fedns.lab.processes import free_port
from fedns.lab.story import addresses_of
from fedns.lab.tales import TALES
from fedns.lab.world import SERVICE
from tests.lab.worlds import until

FEDNS = (sys.executable, "-m", "fedns", "lab")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("tale", TALES)
async def test_every_story_is_told_and_every_step_is_as_expected(tale: str, tmp_path: Path) -> None:
    """Exit code 0: every step has the answers that it tells, within its bound."""
    process = await asyncio.create_subprocess_exec(
        *FEDNS, "--script", tale, "--dir", str(tmp_path), "--port", str(free_port()), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert " steps as expected, " in output.decode()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_the_lab_stays_up_until_it_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """It answers, faults reach its members, and a signal ends everything in order."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *FEDNS, "--dir", str(tmp_path), "--port", str(port), "--members", "2", stdout=asyncio.subprocess.PIPE
    )
    try:

        async def answers() -> bool:
            try:
                reply = await ask(Ask(SERVICE, server=("127.0.0.1", port), timeout=1, tries=1))
            except Exception:  # noqa: BLE001 -- not up yet
                return False
            return len(addresses_of(reply)) == 2

        await until(answers, 40)
        for verb in ("latency=10ms", "heal"):
            fault = await asyncio.create_subprocess_exec(*FEDNS, "--dir", str(tmp_path), "fault", "eu2", verb)
            assert await fault.wait() == 0
    finally:
        process.send_signal(number)
        output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, output.decode()
    assert f"-p {port}" in output.decode()
    assert not (tmp_path / "lab.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["fault", "eu1", "stop"], 1, "no lab is running"),
        (["--script", "demo", "--members", "2"], 2, "three simulated members"),
        (["--script", "nothing"], 2, "nothing"),
        (["--members", "0"], 2, "0 is not in the range"),
        (["--real", "--members", "1"], 1, "KUBEBUILDER_ASSETS"),
    ],
    ids=["no lab", "story with two", "no such story", "no members", "no binaries"],
)
def test_what_cannot_be_is_a_sentence(tmp_path: Path, words: list[str], code: int, sentence: str) -> None:
    """Wrong words and a missing lab end with the right exit code and say what to do."""
    os.environ.pop("KUBEBUILDER_ASSETS", None)
    done = CliRunner().invoke(lab, ["--dir", str(tmp_path), *words])
    assert done.exit_code == code
    assert sentence in done.output


def test_every_verb_is_in_the_manual() -> None:
    """What can be typed stands in the help of `fedns lab fault`."""
    text = CliRunner().invoke(lab, ["fault", "--help"]).output
    assert [verb for verb in VERBS if verb not in text] == []
    assert "garble=bits|cut" in text
