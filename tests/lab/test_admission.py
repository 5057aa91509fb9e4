"""Defaults and refusals by type."""

from ipaddress import ip_network

import pytest

from fedns.lab.admission import Addresses, check
from fedns.lab.kinds import ENDPOINT_SLICES, NAMESPACES, SERVICES, Json, Kind
from fedns.lab.status import ApiError


def addresses(network: str = "10.0.0.0/29") -> Addresses:
    """A small range: .1 is taken from the start."""
    return Addresses(ip_network(network))


REFUSED = [
    pytest.param(SERVICES, {"metadata": {}}, None, "metadata.name", id="no name"),
    pytest.param(SERVICES, {"metadata": {"name": "a.b"}}, None, "metadata.name", id="dotted service"),
    pytest.param(NAMESPACES, {"metadata": {"name": "A"}}, None, "metadata.name", id="upper case"),
    pytest.param(SERVICES, {"metadata": {"name": "a"}, "spec": {}}, None, "spec.ports", id="no ports"),
    pytest.param(
        SERVICES,
        {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}], "clusterIP": "10.0.0.1"}},
        None,
        "spec.clusterIPs",
        id="taken address",
    ),
    pytest.param(
        SERVICES,
        {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}], "clusterIP": "10.0.0.3"}},
        {"spec": {"clusterIP": "10.0.0.2"}},
        "spec.clusterIPs[0]",
        id="moved address",
    ),
    pytest.param(ENDPOINT_SLICES, {"metadata": {"name": "a"}}, None, "addressType", id="no family"),
    pytest.param(
        ENDPOINT_SLICES, {"metadata": {"name": "a"}, "addressType": "IPv5"}, None, "addressType", id="bad family"
    ),
    pytest.param(
        ENDPOINT_SLICES,
        {"metadata": {"name": "a"}, "addressType": "IPv4"},
        {"addressType": "IPv6"},
        "addressType",
        id="moved family",
    ),
    pytest.param(
        ENDPOINT_SLICES,
        {"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": [{"addresses": []}]},
        None,
        "endpoints[0].addresses",
        id="no address",
    ),
    pytest.param(
        ENDPOINT_SLICES,
        {"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.1.0.1"]}] * 1001},
        None,
        "endpoints",
        id="too many endpoints",
    ),
]


@pytest.mark.parametrize(("kind", "item", "old", "field"), REFUSED)
def test_refusals_name_the_field(kind: Kind, item: Json, old: Json | None, field: str) -> None:
    """A 422 names the field at fault."""
    with pytest.raises(ApiError) as caught:
        check(kind, item, old, addresses())
    assert caught.value.code == 422
    assert caught.value.details is not None
    assert caught.value.details["causes"][0]["field"] == field


def test_addresses_are_given_once_and_come_back() -> None:
    """Each free address is given once; a freed one comes again when the range is through."""
    ips = addresses()
    given = []
    for _ in range(5):
        given.append(ips.free())
        ips.taken.add(given[-1])
    assert given == [f"10.0.0.{n}" for n in (2, 3, 4, 5, 6)]
    ips.taken.discard("10.0.0.4")
    assert ips.free() == "10.0.0.4"


def test_family_follows_the_range() -> None:
    """A Service in an IPv6 range is an IPv6 one, headless too."""
    for spec in ({"ports": [{"port": 1}]}, {"clusterIP": "None"}):
        item: Json = {"metadata": {"name": "a"}, "spec": spec}
        check(SERVICES, item, None, addresses("fd00::/120"))
        assert item["spec"]["ipFamilies"] == ["IPv6"]


def test_external_name_has_no_address() -> None:
    """A Service of type ExternalName needs neither ports nor an address."""
    item: Json = {"metadata": {"name": "a"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}
    check(SERVICES, item, None, addresses())
    assert "clusterIP" not in item["spec"]
