"""`fedns explain`: who answers and why, now and as if members were in other states."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedns.cli.main import fedns
from tests.cli.test_held import WHOLE


def explain(directory: Path, *words: str) -> Result:
    """The command, over a snapshot with web in eu1."""
    (directory / "snapshot").write_bytes(WHOLE)
    return CliRunner().invoke(fedns, ["explain", "--snapshot", str(directory / "snapshot"), *words])


def test_as_text(tmp_path: Path) -> None:
    """The place, the policy, and a line for each candidate."""
    told = explain(tmp_path, "shop/web", "--from", "10.9.0.1").stdout.splitlines()
    assert told[0].startswith("shop/web for a client at cluster=us1 zone=us-a region=us-east")
    assert told[2].startswith("rung=any tier=a cluster=eu1 zone=eu-a address=10.1.0.1 kind=PodIP state=fresh age=")
    assert told[2].endswith("share=1/1 chosen=yes")


def test_as_json(tmp_path: Path) -> None:
    """The same for scripts, for the default place."""
    found = json.loads(explain(tmp_path, "web.shop.svc.clusterset.local", "-o", "json").stdout)
    assert found["location"]["rule"] == "local"
    assert [(each["rung"], each["chosen"]) for each in found["candidates"]] == [("zone", "yes")]


@pytest.mark.parametrize(
    ("supposed", "tier"),
    [("eu1=stale", "a"), ("eu1=drained", "e"), ("us1=expired,eu1=drained", "e"), ("us1=suspect", "a")],
)
def test_as_if(supposed: str, tier: str, tmp_path: Path) -> None:
    """Members in other states, among them drained; the local one is kept when it is stale."""
    (found,) = json.loads(explain(tmp_path, "shop/web", "--at", supposed, "-o", "json").stdout)["candidates"]
    assert (found["tier"], found["chosen"]) == (tier, "yes")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("shop/gone",), 1, "no member exports shop/gone"),
        (("shop/web", "--from", "here"), 2, "'here' is not an IP address"),
        (("shop/web", "--at", "eu1=dead"), 2, "--at eu1=dead: write CLUSTER=STATE; clusters eu1, us1"),
        (("shop/web", "--at", "eu9=stale"), 2, "--at eu9=stale"),
    ],
)
def test_wrong_words(words: tuple[str, ...], code: int, sentence: str, tmp_path: Path) -> None:
    """By exit code and sentence."""
    done = explain(tmp_path, *words)
    assert (done.exit_code, sentence in done.output) == (code, True), done.output
