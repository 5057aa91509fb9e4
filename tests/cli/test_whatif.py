"""`fedns whatif`: services that a loss would touch, and those that live in one cluster alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedns.cli.main import fedns
from tests.cli.test_held import WHOLE


def whatif(directory: Path, *words: str) -> Result:
    """The command, over a snapshot with web in eu1 alone."""
    (directory / "snapshot").write_bytes(WHOLE)
    return CliRunner().invoke(fedns, ["whatif", "--snapshot", str(directory / "snapshot"), *words])


def test_losses_are_told(tmp_path: Path) -> None:
    """For whom nobody answers any more, by exit code too; or that nothing happens."""
    done = whatif(tmp_path, "--lose", "eu1")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "shop/web: nobody answers for clients of eu1/eu-a, us1/us-a",
        "shop/web lives in eu1 alone",
    ]
    done = whatif(tmp_path, "--lose", "us1")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "every service is answered, from the same regions"
    assert whatif(tmp_path).stdout == "shop/web lives in eu1 alone\n"
    found = json.loads(whatif(tmp_path, "--lose", "eu1/eu-a", "--from", "us1/us-a", "-o", "json").stdout)
    assert found == {
        "losses": [{"service": "shop/web", "effect": "no answer", "from": ["us1/us-a"], "detail": ""}],
        "single": [{"service": "shop/web", "cluster": "eu1"}],
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--lose", "eu9"), "--lose eu9: write CLUSTER or CLUSTER/ZONE; clusters eu1, us1"),
        (("--lose", "shop/web@eu1"), "write CLUSTER or CLUSTER/ZONE"),
        (("--lose", "a/b/c"), "is nothing to drain"),
        (("--lose", "eu1", "--from", "moon"), "--from moon: there is eu1/eu-a, us1/us-a"),
    ],
)
def test_wrong_words(words: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    """By exit code 2 and sentence."""
    done = whatif(tmp_path, *words)
    assert (done.exit_code, sentence in done.output) == (2, True), done.output
