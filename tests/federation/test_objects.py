"""The values of the federation: what they say of themselves."""

import pytest

from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint
from tests.federation.worlds import export, service


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        pytest.param(READY | SERVING, True, id="ready"),
        pytest.param(READY | TERMINATING, True, id="published though it ends"),
        pytest.param(SERVING | TERMINATING, False, id="ending"),
        pytest.param(0, False, id="not ready"),
    ],
)
def test_an_endpoint_is_ready_as_kubernetes_says(conditions: int, ready: bool) -> None:
    """Only the ready condition counts, whatever the others are."""
    assert Endpoint(b"\n\0\0\1", conditions).ready is ready


def test_keys_are_namespace_and_name() -> None:
    """An export and the service that it makes have the same key."""
    one = export("eu1")
    assert one.key == service(one).key == ("shop", "api")
