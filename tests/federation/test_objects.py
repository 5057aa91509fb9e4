"""The values of the federation: what they say of themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint, Port, pack
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


ENDPOINTS = st.builds(
    Endpoint,
    address=st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
    conditions=st.integers(0, 7),
    zone=st.sampled_from(["", "a", "b"]),
    hostname=st.sampled_from(["", "pet-0", "pet-1"]),
)


@given(st.lists(ENDPOINTS, max_size=20))
def test_what_is_packed_comes_out_again(endpoints: list[Endpoint]) -> None:
    """A slice for each family, with every endpoint as it went in, in order."""
    ports = (Port("http", 80),)
    slices = pack(ports, endpoints)
    assert [(each.ports, each.width) for each in slices] == [
        (ports, width) for width in sorted({len(e.address) for e in endpoints})
    ]
    for each in slices:
        assert list(each.endpoints()) == [one for one in endpoints if len(one.address) == each.width]
        assert each.count == sum(len(one.address) == each.width for one in endpoints)


def test_zones_beyond_the_256th_are_none() -> None:
    """A byte names the zone of an endpoint: so many zones in one slice are no zones of a cloud."""
    endpoints = [Endpoint(at.to_bytes(4), READY, f"zone-{at}") for at in range(300)]
    (packed,) = pack((), endpoints)
    assert [each.zone for each in packed.endpoints()] == [f"zone-{at}" for at in range(255)] + [""] * 45
    assert [each.address for each in packed.endpoints()] == [each.address for each in endpoints]


def test_a_thousand_endpoints_alike_cost_their_addresses() -> None:
    """Columns that say the same of all are one byte."""
    (packed,) = pack((), [Endpoint(at.to_bytes(4), READY | SERVING, "a") for at in range(1000)])
    assert (len(packed.addresses), packed.conditions, packed.places) == (4000, bytes((READY | SERVING,)), b"\0")
