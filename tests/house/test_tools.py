"""The linters agree with the whole tree: one test for each, so that its name says what is wrong."""

import subprocess
import sys
from pathlib import PurePath

import pytest

from tests.house import tree

COMMANDS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_linter_agrees(command: list[str]) -> None:
    """The tool, as configured in pyproject.toml, has nothing to say."""
    program = PurePath(sys.executable).with_name(command[0])
    run = subprocess.run([program, *command[1:]], cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
