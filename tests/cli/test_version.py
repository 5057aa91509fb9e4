"""`fedns version`: for people and for scripts."""

import json

from click.testing import CliRunner

from fedns import __version__
from fedns.cli.main import fedns


def test_version_for_people() -> None:
    """One line that starts with the name and the version."""
    done = CliRunner().invoke(fedns, ["version"])
    assert done.exit_code == 0
    assert done.output.startswith(f"fedns {__version__} (Python 3.")


def test_version_for_scripts() -> None:
    """An object with the version alone in its key."""
    found = json.loads(CliRunner().invoke(fedns, ["version", "-o", "json"]).output)
    assert found["version"] == __version__
    assert set(found) == {"version", "python", "platform"}
