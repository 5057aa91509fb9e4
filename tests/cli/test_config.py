"""`fedns config`: problems by line for people and editors, and the schema."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedns.cli.main import fedns
from fedns.settings.grammar import json_schema
from tests.cli.test_held import WHOLE

CONFIG = Path(__file__).parents[2] / "config"
KUBECONFIG = '{"current-context": "us1", "contexts": [{"name": "us1"}]}'


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The minimal sample with its kubeconfig."""
    (tmp_path / "us1.yaml").write_text(KUBECONFIG)
    path = tmp_path / "fedns.yaml"
    path.write_text((CONFIG / "minimal.yaml").read_text().replace("/etc/fedns-members/us1.yaml", "us1.yaml"))
    return path


def test_a_good_file_is_summed_up(sample: Path) -> None:
    """One line says what the file is about; exit code 0."""
    done = CliRunner().invoke(fedns, ["config", "validate", str(sample)])
    assert done.exit_code == 0
    assert done.stdout == (
        f"{sample} is good: clusters eu1, us1; zones clusterset.local, example.com; DNS on 0.0.0.0:53, [::]:53\n"
    )


def test_every_problem_has_its_line(sample: Path) -> None:
    """FILE:LINE: KEY: sentence, which editors understand; exit code 2."""
    lines = len(sample.read_text().splitlines())
    sample.write_text(f"{sample.read_text()}typo: 1\nfreshness: slow\n")
    done = CliRunner().invoke(fedns, ["config", "validate", str(sample)])
    assert done.exit_code == 2
    assert done.stdout == ""
    typo, slow, count = done.stderr.splitlines()
    assert typo.startswith(f"{sample}:{lines + 1}: typo: is not a known key")
    assert slow.startswith(f"{sample}:{lines + 2}: freshness: ")
    assert count == "2 problems"


def test_a_missing_kubeconfig_is_a_problem(sample: Path) -> None:
    """The files that the configuration names are looked at."""
    (sample.parent / "us1.yaml").unlink()
    done = CliRunner().invoke(fedns, ["config", "validate", str(sample)])
    assert done.exit_code == 2
    assert "kubeconfig missing" in done.stderr


def test_the_environment_counts(sample: Path) -> None:
    """The file is read as the server would read it."""
    done = CliRunner().invoke(fedns, ["config", "validate", str(sample)], env={"FEDNS_DNS_LISTEN": "127.0.0.1:5300"})
    assert done.stdout.endswith("DNS on 127.0.0.1:5300\n")


def test_the_schema_is_json() -> None:
    """It is printed as it is."""
    done = CliRunner().invoke(fedns, ["config", "schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json_schema()


def test_access_is_asked_of_every_cluster(sample: Path) -> None:
    """A cluster that cannot be asked has its line; the file is good, so the exit code is 1."""
    sample.write_text(sample.read_text().replace("inCluster: true", "kubeconfig: {path: us1.yaml}"))
    done = CliRunner().invoke(fedns, ["config", "validate", "--access", str(sample)])
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{sample} is good")
    assert [line.partition(": credentials: ")[0] for line in done.stderr.splitlines()] == [
        "eu1: cannot be asked",
        "us1: cannot be asked",
    ]


@pytest.fixture
def members(tmp_path: Path) -> dict[str, Path]:
    """Files: a snapshot with web in eu1, the configuration that is in force, and others."""
    text = """\
apiVersion: fedns.io/v1alpha1
kind: FednsConfig
zones: {federation: {name: example.com, federation: myfed}}
local: {cluster: eu1, zone: eu-a}
clusters:
  - {name: eu1, region: eu-west, inCluster: true}
"""
    more = {
        "old": "",
        "strict": "policies: [{jurisdictions: [us]}]\n",
        "slow": "policies: [{ttl: 60}]\n",
        "wrong": "typo: 1\n",
    }
    files = {name: tmp_path / f"{name}.yaml" for name in more}
    for name, path in files.items():
        path.write_text(text + more[name])
    files["other"] = tmp_path / "other.yaml"
    files["other"].write_text(text.replace("name: example.com", "name: example.org"))
    files["snapshot"] = tmp_path / "snapshot"
    files["snapshot"].write_bytes(WHOLE)
    return files


@pytest.mark.parametrize(
    ("new", "code", "told"),
    [
        ("old", 0, ["no answer changes"]),
        ("strict", 1, ["shop/web for everybody else: 1/1 10.1.0.1 (eu1) -> nobody"]),
        ("slow", 1, ["shop/web for everybody else: 1/1 10.1.0.1 (eu1) -> 1/1 10.1.0.1 (eu1) [ttl 60]"]),
        (
            "other",
            1,
            ["zone example.com goes: none of its names is answered any more", "zone example.org comes"],
        ),
    ],
)
def test_diff(new: str, code: int, told: list[str], members: dict[str, Path]) -> None:
    """Whose answers change, for whom, from what to what; exit code 1 when any does."""
    words = ["config", "diff", str(members["old"]), str(members[new]), "--snapshot", str(members["snapshot"])]
    done = CliRunner().invoke(fedns, words)
    assert done.exit_code == code
    assert done.stdout.splitlines() == told
    found = json.loads(CliRunner().invoke(fedns, [*words, "-o", "json"]).stdout)
    assert len(found["zones"]) + len(found["services"]) == (len(told) if code else 0)


def test_diff_with_a_wrong_file(members: dict[str, Path]) -> None:
    """Its problems are told as by validate."""
    words = ["config", "diff", str(members["old"]), str(members["wrong"]), "--snapshot", str(members["snapshot"])]
    done = CliRunner().invoke(fedns, words)
    assert done.exit_code == 2
    assert "wrong.yaml:7: typo: is not a known key" in done.stderr
