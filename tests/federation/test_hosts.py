"""Host labels: the last part of a name of one endpoint."""

from ipaddress import ip_address

import pytest

from fedns.federation.hosts import host_label


@pytest.mark.parametrize(
    ("hostname", "address", "label"),
    [
        pytest.param("pet-0", "10.0.0.1", "pet-0", id="its hostname"),
        pytest.param("Pet", "10.0.0.1", "Pet", id="its hostname, in the case it is written in"),
        pytest.param("", "10.0.0.1", "10-0-0-1", id="IPv4"),
        pytest.param("", "5678:abcd::1", "5678-abcd--1", id="IPv6"),
        pytest.param("", "5678:ABCD:0:0:0:0:0:1", "5678-abcd--1", id="IPv6 written long"),
        pytest.param("", "2001:db8::", "2001-db8--0", id="no dash at the end"),
        pytest.param("", "::1", "--1", id="a dash in front"),
    ],
)
def test_host_labels(hostname: str, address: str, label: str) -> None:
    """An endpoint's own name is its hostname, else its address with dashes."""
    assert host_label(hostname, ip_address(address).packed) == label
