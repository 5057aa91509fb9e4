"""Fixtures of the control process's tests."""

from pathlib import Path

import pytest

from tests.control.stage import Control, rules


@pytest.fixture
def control(tmp_path: Path) -> Control:
    """Two members, eu1 and us1, of which nothing is known."""
    return Control(rules("eu1", "us1"), tmp_path / "control")
