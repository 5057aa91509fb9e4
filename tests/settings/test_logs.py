"""Log lines on stderr, as text or as JSON."""

import json
import logging
from collections.abc import Iterator

import pytest

from fedns.settings import logs
from fedns.settings.schema import Logging


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """The root logger is as before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_text_is_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Level, logger and message stand in one line."""
    logs.configure(Logging())
    logging.getLogger("fedns.part").warning("%s went", "eu1", extra={"cluster": "eu1"})
    assert capsys.readouterr().err.endswith(" WARNING fedns.part: eu1 went\n")


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line parses, carries what was given besides, and an exception with its traceback."""
    logs.configure(Logging(format="json"))
    logging.getLogger("fedns.part").warning("%s\nwent", "eu1", extra={"cluster": "eu1", "odd": object})
    try:
        int("no")
    except ValueError:
        logging.getLogger("fedns.part").exception("failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning",
        "logger": "fedns.part",
        "message": "eu1\nwent",
        "cluster": "eu1",
        "odd": "<class 'object'>",
    }
    assert "ValueError: invalid literal" in second["exception"]


def test_level_and_form_change_at_run_time(capsys: pytest.CaptureFixture[str]) -> None:
    """A second call replaces the first: no line comes twice."""
    logs.configure(Logging(format="json"))
    logs.configure(Logging(level="error"))
    logging.getLogger("fedns.part").warning("quiet")
    logging.getLogger("fedns.part").error("loud")
    lines = capsys.readouterr().err
    assert lines.count("loud") == 1
    assert "quiet" not in lines
