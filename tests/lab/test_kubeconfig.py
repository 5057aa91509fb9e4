"""Kubeconfig files, as fedns's own configuration reads them: YAML."""

from pathlib import Path

import yaml

from fedns.lab import kubeconfig


def test_file_is_yaml_for_its_owner_only(tmp_path: Path) -> None:
    """The file is YAML, private, with a context per cluster, the first one current."""
    path = kubeconfig.write(tmp_path / "new" / "config", {"a": "http://127.0.0.1:1", "b": "http://127.0.0.1:2"}, "t")
    read = yaml.safe_load(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert read["current-context"] == "a"
    assert [context["context"]["cluster"] for context in read["contexts"]] == ["a", "b"]
    assert read["users"][0]["user"] == {"token": "t"}
