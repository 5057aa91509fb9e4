"""Kubernetes' objects become facts, each for itself; what no server of names may believe is left out and counted."""

import ipaddress
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from fedns.clusters.decode import Decoder, ExportFacts, ServiceFacts, SliceFacts, number, special
from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint, Port
from tests.clusters.scripted import endpointslice, export, service


def raw(item: Any) -> Raw:
    """An object as it comes."""
    return Raw(item.encode() if isinstance(item, str) else json.dumps(item).encode())


def facts_of(**spec: Any) -> ServiceFacts:
    """The facts of a service."""
    found = Decoder().service(raw(service("web", 7, **spec))).facts
    assert isinstance(found, ServiceFacts)
    return found


def points(facts: SliceFacts) -> list[Endpoint]:
    """The endpoints of a slice."""
    return [endpoint for each in facts.slices for endpoint in each.endpoints()]


def slice_of(**fields: Any) -> SliceFacts:
    """The facts of a slice."""
    found = Decoder().slice(raw(endpointslice("web-1", 7, "web", "10.0.0.1") | fields)).facts
    assert isinstance(found, SliceFacts)
    return found


def test_service() -> None:
    """Ports, cluster IPs, load balancer IPs, the export label and fedns's own annotations are read."""
    item = service("web", 7, clusterIP="10.0.0.1", clusterIPs=["10.0.0.1", "fd00::1"])
    item["spec"]["ports"] = [{"name": "http", "port": 80}, {"port": 53, "protocol": "UDP"}]
    item["metadata"]["annotations"] = {"fedns.io/b": "2", "fedns.io/a": "1", "other": "3"}
    item["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]}}
    found = Decoder().service(raw(item))
    assert (found.namespace, found.name, found.version, found.fault) == ("shop", "web", 7, "")
    assert found.facts == ServiceFacts(
        headless=False,
        external=False,
        labelled=True,
        created=1767225600,
        ports=(Port("http", 80), Port("", 53, "UDP")),
        cluster_ips=(bytes([10, 0, 0, 1]), ipaddress.ip_address("fd00::1").packed),
        load_balancer_ips=(bytes([192, 0, 2, 1]),),
        annotations=(("fedns.io/a", "1"), ("fedns.io/b", "2")),
    )


@pytest.mark.parametrize(
    ("spec", "headless", "external"),
    [
        pytest.param({"clusterIP": "None"}, True, False, id="headless"),
        pytest.param({"clusterIP": "None", "clusterIPs": ["None"]}, True, False, id="headless, both fields"),
        pytest.param({"clusterIP": "10.0.0.1"}, False, False, id="cluster IP"),
        pytest.param({"clusterIP": "", "type": "ExternalName"}, False, True, id="external name"),
        pytest.param({"clusterIP": None, "ports": None}, False, False, id="nulls"),
    ],
)
def test_kind_of_service(spec: dict[str, Any], headless: bool, external: bool) -> None:
    """What a service is follows from its cluster IP and type."""
    found = facts_of(**spec)
    assert (found.headless, found.external) == (headless, external)


@pytest.mark.parametrize(
    ("conditions", "bits"),
    [
        pytest.param(None, READY | SERVING, id="none said"),
        pytest.param({}, READY | SERVING, id="nothing in them"),
        pytest.param({"ready": None}, READY | SERVING, id="nil is true"),
        pytest.param({"ready": True}, READY | SERVING, id="serving follows ready"),
        pytest.param({"ready": False}, 0, id="not ready"),
        pytest.param({"ready": False, "serving": True, "terminating": True}, SERVING | TERMINATING, id="terminating"),
    ],
)
def test_conditions(conditions: Any, bits: int) -> None:
    """Ready nil counts as true, and serving nil as ready."""
    (found,) = points(slice_of(endpoints=[{"addresses": ["10.0.0.1"], "conditions": conditions}]))
    assert found.conditions == bits


def test_slice_of_two_families_and_nulls() -> None:
    """Endpoints, ports and addresses may be null; every address of an endpoint counts."""
    assert points(slice_of(endpoints=None, ports=None)) == []
    given = [{"addresses": None}, {"addresses": ["fd00::1", "fd00::2"], "hostname": "pet-0", "zone": "z1"}]
    found = points(slice_of(addressType="IPv6", endpoints=given))
    assert [(each.zone, each.hostname, len(each.address)) for each in found] == [("z1", "pet-0", 16)] * 2


REFUSED = (
    *("0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "169.254.169.254", "224.0.0.1", "239.255.255.255"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "fe80::1", "febf::1", "ff02::1", "::ffff:10.0.0.1"),
)


@pytest.mark.parametrize("text", [*REFUSED, "10.0.0", "010.0.0.1", "host", "", "10.0.0.1\0", "fe80::1%eth0"])
def test_addresses_that_are_refused(text: str) -> None:
    """Special addresses and texts that are none are left out and counted, the others stay."""
    decoder = Decoder()
    family = "IPv6" if ":" in text else "IPv4"
    good = "fd00::1" if ":" in text else "10.0.0.1"
    item = endpointslice("web-1", 7, "web", text, good) | {"addressType": family}
    found = decoder.slice(raw(item)).facts
    assert isinstance(found, SliceFacts)
    assert [each.address for each in points(found)] == [ipaddress.ip_address(good).packed]
    assert decoder.refused["address"] == 1


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_special_agrees_with_the_library(packed: bytes) -> None:
    """What Python's library calls loopback, link-local, multicast, unspecified or mapped is refused."""
    address = ipaddress.ip_address(packed)
    named = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    if named or (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped):
        assert special(packed)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="no metadata"),
        pytest.param('{"metadata": {"name": 5}}', id="a number as name"),
        pytest.param(service("web", 1) | {"spec": {"ports": "none"}}, id="ports of a wrong type"),
        pytest.param(service("web", 1) | {"spec": {"clusterIPs": [None]}}, id="null among addresses"),
        pytest.param('{"metadata": {"name": "web", "namespace": "shop"}, "spec": ' + "[" * 100_000, id="nested deep"),
    ],
)
def test_bad_objects_are_faults(item: Any) -> None:
    """An object that cannot be understood is one item with a fault, never an exception."""
    decoder = Decoder()
    found = decoder.service(raw(item))
    assert found.fault
    assert found.facts is None
    assert decoder.refused["object"] == 1


@pytest.mark.parametrize("name", ["*", "a.b", "UPPER", "a b", "-a", "a" * 64, "_x", "\u00e4"])
def test_names_that_are_no_labels(name: str) -> None:
    """A service whose name is no DNS label is not believed."""
    decoder = Decoder()
    assert decoder.service(raw(service(name, 1))).facts is None
    assert decoder.refused["name"] == 1


def test_odd_ports_and_hostnames_are_left_out() -> None:
    """A port out of range or with an odd name is no port; an odd hostname is none."""
    decoder = Decoder()
    ports = [{"port": 0}, {"port": 70000}, {"port": 80, "name": "a b"}, {"port": None}, {"port": 443, "name": "https"}]
    given = [{"addresses": ["10.0.0.1"], "hostname": "a.b"}]
    found = decoder.slice(raw(endpointslice("web-1", 7, "web") | {"ports": ports, "endpoints": given})).facts
    assert isinstance(found, SliceFacts)
    assert found.slices[0].ports == (Port("https", 443),)
    assert points(found)[0].hostname == ""
    assert decoder.refused == {"port": 3, "hostname": 1}


def test_slices_of_no_service_or_of_names_say_nothing() -> None:
    """A slice without the service's label, or of host names, is no fault and no fact."""
    decoder = Decoder()
    imported = endpointslice("web-1", 7, "web")
    imported["metadata"]["labels"] = {"multicluster.kubernetes.io/service-name": "web"}
    assert decoder.slice(raw(imported)).facts is None
    assert decoder.slice(raw(endpointslice("web-1", 7, "web") | {"addressType": "FQDN"})).facts is None
    assert decoder.refused == {"addressType": 1}


def test_export_and_bare() -> None:
    """Of a ServiceExport only its age counts; of a deleted object only which it was."""
    decoder = Decoder()
    assert decoder.export(raw(export("web", 3))).facts == ExportFacts(1735689600)
    found = decoder.bare(raw(service("web", 9) | {"spec": "broken"}))
    assert (found.name, found.version, found.facts, found.fault) == ("web", 9, None, "")


@pytest.mark.parametrize(
    ("text", "version"), [("12", 12), ("", 0), ("x", 0), ("-1", 0), ("9" * 5000, 0), ("\u0663", 0)]
)
def test_versions(text: str, version: int) -> None:
    """A resourceVersion is a number, or counts as none."""
    assert number(text) == version
