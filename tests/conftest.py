"""What concerns every test: those that may have to build real servers first get the time for it."""

import pytest

from tests.real import build
from tests.real.binaries import BUILD_SECONDS, found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever real test comes first pays for the build."""
    if found(build.BINARIES) is None:
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(pytest.mark.timeout(BUILD_SECONDS), append=False)
