"""Extras: what is not installed is told with its cure."""

import importlib.util
from pathlib import Path

import pytest

from fedns.settings import extras
from fedns.settings.load import ConfigError, load
from tests.settings.certificates import write_pair
from tests.settings.conftest import GOOD


def test_nothing_is_missing_here() -> None:
    """The tests run with all extras; a key that needs none has no sentence."""
    assert [extras.missing(key) for key in (*extras.EXTRAS, "tls")] == ["", "", ""]


def test_a_missing_package_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `config validate` and at the start, which both load the file."""
    found = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in {"h2", "h11"} else found(name))
    pair = write_pair(tmp_path, "one")
    for name in ("eu1", "us1"):
        (tmp_path / f"{name}.yaml").write_text("")
    path = tmp_path / "fedns.yaml"
    path.write_text(f"{GOOD}\ndns: {{https: {{certFile: {pair[0].name}, keyFile: {pair[1].name}}}}}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    told = {problem.path: problem.sentence for problem in caught.value.problems}
    assert told["dns.https"] == "needs h2 and h11, not installed here: pip install 'fedns[doh]'"
