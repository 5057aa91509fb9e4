"""The command line as a whole: help without loading anything, usage errors, flags of the server."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fedns.cli.main import VERBS, chosen, fedns

ROOT = Path(__file__).parents[2]
HEAVY = {"kubernetes", "aiohttp", "yaml", "dnslib", "asyncio_dgram", "prometheus_client", "msgspec", "asyncio"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """`python -m fedns` with these words."""
    return subprocess.run(
        [sys.executable, "-m", "fedns", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_module_is_the_command() -> None:
    """`python -m fedns` is called fedns in its own help."""
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: fedns ")


def test_help_loads_nothing_heavy() -> None:
    """Help is instant: no verb is imported for it."""
    script = (
        "import sys\nfrom fedns.cli.main import fedns\n"
        "try: fedns(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stderr.splitlines())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_help(verb: str) -> None:
    """A verb is in the help with a line, and explains itself."""
    runner = CliRunner()
    assert f"  {verb}  " in runner.invoke(fedns, ["--help"]).output
    done = runner.invoke(fedns, [verb, "--help"])
    assert done.exit_code == 0
    assert done.output.startswith("Usage: ")


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["serve"], ["serve", "--config", "x", "--set", "dns.workers"], ["version", "-o", "xml"]],
    ids=["no such verb", "no configuration", "no value", "no such form"],
)
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    """Usage errors are told apart from failures."""
    assert CliRunner().invoke(fedns, words).exit_code == 2


def test_serve_refuses_a_wrong_configuration(tmp_path: Path) -> None:
    """Every problem is printed, flags' too, and the exit code is 2."""
    path = tmp_path / "fedns.yaml"
    path.write_text("apiVersion: fedns.io/v1alpha1\nkind: FednsConfig\nclusters: [{name: eu1, inCluster: true}]\n")
    words = ["--listen", "localhost:53", "--workers", "many", "--set", "dns.typo=1"]
    done = run("serve", "--config", str(path), *words)
    assert done.returncode == 2
    for key in ("dns.listen[0]", "dns.workers", "dns.typo"):
        assert f"{path}:0: {key}: " in done.stderr


def test_pairs_are_keys_with_values() -> None:
    """The first equals sign parts them."""
    assert chosen(("a.b=c=d", "e=")) == {"a.b": "c=d", "e": ""}
    with pytest.raises(click.UsageError, match="KEY=VALUE"):
        chosen(("a",))
