"""Fixtures of the cluster tests."""

from collections.abc import AsyncIterator

import pytest

from tests.clusters.scripted import Scripted, serving


@pytest.fixture
async def script() -> AsyncIterator[Scripted]:
    """An API server that says what a test tells it."""
    async with serving() as server:
        yield server
