"""`fedns snapshot`: what a file holds, and what is wrong with one that cannot be used."""

import json
from pathlib import Path
from time import time

import pytest
from click.testing import CliRunner

from fedns.answers.snapshot import Heading, pack
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker
from fedns.cli.main import fedns
from fedns.federation.health import Status
from tests.answers.replicas import RULES, export, fresh


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A snapshot of a member with one service of one endpoint and of one that was never read, written a minute ago."""
    path = tmp_path / "snapshot"
    messages: list[ToWorker] = [
        NewRules(RULES),
        Members((fresh("eu1"), Status(cluster="us1", joined=1.0))),
        Replace("eu1", (export("eu1", [b"\n\1\0\1"], "eu-a"),), first=True, last=True),
        Generation("epoch", 7),
    ]
    heading = Heading(version="1.2.3", at=time() - 60, now=fresh("eu1").alive)
    path.write_bytes(b"".join(pack(heading, messages)))
    return path


def run(*words: str, code: int = 0) -> str:
    """What a command prints."""
    result = CliRunner().invoke(fedns, ["snapshot", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_inspect_shows_what_is_in_it(file: Path) -> None:
    """A line for each cluster, for people; the same as JSON, for scripts."""
    lines = run("inspect", str(file)).splitlines()
    assert lines[0].startswith("written by fedns 1.2.3, 6")
    assert lines[1].split() == ["CLUSTER", "STATE", "AGE", "SERVICES", "ENDPOINTS"]
    name, state, age, *counts = lines[2].split()
    assert (name, state, counts) == ("eu1", "fresh", ["1", "1"])
    assert 60 <= float(age[:-1]) < 3600
    assert lines[3].split() == ["us1", "syncing", "never", "0", "0"]
    told = json.loads(run("inspect", str(file), "-o", "json"))
    assert [each["name"] for each in told["clusters"]] == ["eu1", "us1"]
    assert told["clusters"][1]["age"] is None


def test_verify_says_whether_it_is_whole(file: Path) -> None:
    """Exit code 0, or 1 with a sentence."""
    assert run("verify", str(file)) == f"{file} is good: 2 clusters, 1 exports of services\n"
    assert json.loads(run("verify", str(file), "-o", "json")) == {"good": True, "clusters": 2, "exports": 1}
    file.write_bytes(file.read_bytes()[:-1])
    assert "its sum does not fit" in run("verify", str(file), code=1)


def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path: Path, file: Path) -> None:
    """Missing, or open to others."""
    assert "there is no such file" in run("inspect", str(tmp_path / "none"), code=1)
    file.chmod(0o666)
    assert "others may write it" in run("inspect", str(file), code=1)
