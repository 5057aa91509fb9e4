"""Configurations as texts: a good one to change, and what is wrong with a changed one."""

from pathlib import Path
from typing import Final

import pytest

from fedns.settings.load import ConfigError, Problem, parse

GOOD: Final = """\
apiVersion: fedns.io/v1alpha1
kind: FednsConfig
clusters:
  - {name: eu1, region: eu-west1, inCluster: true}
  - {name: us1, region: us-east1, kubeconfig: {path: us1.yaml}}
"""


class Reading:
    """Reads texts as files of one directory."""

    good = GOOD

    def problems(self, text: str) -> list[Problem]:
        """Everything that is wrong with a text."""
        try:
            parse(text, Path("/etc"), {}, {}, check_files=False)
        except ConfigError as error:
            return error.problems
        return []

    def added(self, text: str) -> list[Problem]:
        """Everything that is wrong with the good configuration and these lines after it."""
        return self.problems(GOOD + text)


@pytest.fixture
def reading() -> Reading:
    """A reader of texts."""
    return Reading()
