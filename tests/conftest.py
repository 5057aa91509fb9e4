"""What concerns every test: no example has a deadline, and those that may have to build real servers get the time."""

import pytest
from hypothesis import HealthCheck, settings

from tests.real import build
from tests.real.binaries import BUILD_SECONDS, found

settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever real test comes first pays for the build."""
    if found(build.BINARIES) is None:
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(pytest.mark.timeout(BUILD_SECONDS), append=False)
