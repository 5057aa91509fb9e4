"""Kubernetes' objects become facts, each for itself; what no server of names may believe is left out and counted."""

import ipaddress
import json
from typing import Any

import pytest
from msgspec import Raw

from fedns.clusters.decode import Decoder
from fedns.clusters.facts import ExportFacts, ImportFacts, LeaseFacts, ServiceFacts, SliceFacts
from fedns.clusters.values import AGELESS
from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint, Port
from fedns.settings.schema import Trust
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
        version=7,
        headless=False,
        external=False,
        labelled=True,
        created=1767225600,
        ports=(Port("http", 80), Port("", 53, "UDP")),
        cluster_ips=(bytes([10, 0, 0, 1]), ipaddress.ip_address("fd00::1").packed),
        load_balancer_ips=(bytes([192, 0, 2, 1]),),
        annotations=(("fedns.io/a", "1"), ("fedns.io/b", "2")),
        load_balancer_names=("lb.example",),
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
    orphan = endpointslice("web-1", 7, "*")
    assert decoder.slice(raw(orphan)).facts is None
    assert decoder.slice(raw(endpointslice("web-1", 7, "web") | {"addressType": "FQDN"})).facts is None
    assert decoder.refused == {"addressType": 1}


def test_export_and_bare() -> None:
    """Of a ServiceExport only its age counts; of a deleted object only which it was."""
    decoder = Decoder()
    assert decoder.export(raw(export("web", 3))).facts == ExportFacts(3, 1735689600)
    found = decoder.bare(raw(service("web", 9) | {"spec": "broken"}))
    assert (found.name, found.version, found.facts, found.fault) == ("web", 9, None, "")


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00", "9999999", "1969-01-01T00:00:00Z"]
)
def test_what_says_no_age_goes_before_nobody(text: str | None) -> None:
    """A creation time that is absent, unreadable, without a zone or before 1970 counts as the youngest of all."""
    item = export("web", 3)
    item["metadata"]["creationTimestamp"] = text
    decoder = Decoder()
    found = decoder.export(raw(item))
    assert (found.created, found.facts) == (AGELESS, ExportFacts(3, AGELESS))
    assert decoder.refused["timestamp"] == (1 if text else 0)


@pytest.mark.parametrize(
    ("text", "triggered"),
    [
        ("2026-01-01T00:00:00.5Z", 1767225600.5),
        ("2026-01-01T00:00:00.123456789Z", 1767225600.123456),
        ("x", 0.0),
        ("", 0.0),
        ("0001-01-01T00:00:00Z", 0.0),
    ],
)
def test_trigger_time(text: str, triggered: float) -> None:
    """When the change behind an object happened, in Unix seconds; 0 where that cannot be read."""
    for item, decode in ((service("web", 1), Decoder().service), (endpointslice("s", 1, "web"), Decoder().slice)):
        assert decode(raw(item)).triggered == 0.0
        item["metadata"]["annotations"] = {"endpoints.kubernetes.io/last-change-trigger-time": text}
        assert decode(raw(item)).triggered == triggered


def test_foreign_namespaces_and_addresses_are_left_out() -> None:
    """A member speaks for its own namespaces and addresses only; what it says of others is counted."""
    decoder = Decoder(Trust(namespaces=("other", "sh*"), cidrs=("10.0.0.0/8",)))
    item = endpointslice("web-1", 7, "web", "10.0.0.1", "11.0.0.1", "127.0.0.1")
    found = decoder.slice(raw(item)).facts
    assert isinstance(found, SliceFacts)
    assert [each.address for each in points(found)] == [bytes([10, 0, 0, 1])]
    item["metadata"]["namespace"] = "kube-system"
    said = decoder.slice(raw(item))
    assert (said.name, said.facts, said.fault) == ("web-1", None, "")
    assert decoder.refused == {"foreign-address": 1, "address": 1, "namespace": 1}


@pytest.mark.parametrize(
    "names", [["z1", "", None], ["z" * 64, "z1"], [f"z{at}" for at in range(300)]], ids=["none", "long", "many"]
)
def test_zones_that_are_none(names: list[str | None]) -> None:
    """An endpoint without a zone, with too long a name of one, or past the 255th zone of its slice is in none."""
    given = [{"addresses": [f"10.0.{at // 256}.{at % 256}"], "zone": name} for at, name in enumerate(names)]
    found = [each.zone for each in points(slice_of(endpoints=given))]
    assert found == [name if name and len(name) < 64 and at < 255 else "" for at, name in enumerate(names)]


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        pytest.param({"multicluster.kubernetes.io/source-cluster": "us1"}, {}, id="MCS"),
        pytest.param(
            {"endpointslice.kubernetes.io/managed-by": "endpointslice-mesh-controller.cilium.io"}, {}, id="Cilium"
        ),
        pytest.param({}, {"endpointslice.karmada.io/provision-cluster": "us1"}, id="Karmada"),
    ],
)
def test_slices_of_other_clusters_are_not_the_members_own(labels: dict[str, str], annotations: dict[str, str]) -> None:
    """What a mesh copied into a member says nothing there; what Kubernetes itself writes is the member's, always."""
    item = endpointslice("web-1", 7, "web", "10.0.0.1")
    item["metadata"]["labels"] |= labels
    item["metadata"]["annotations"] = annotations
    assert Decoder().slice(raw(item)).facts is None
    item["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io"
    assert Decoder().slice(raw(item)).facts is not None


def imported(labels: dict[str, str]) -> tuple[SliceFacts | None, Decoder]:
    """What a slice with these labels says as an imported one."""
    item = endpointslice("web-1", 7, "web", "10.0.0.1")
    item["metadata"]["labels"] = labels
    decoder = Decoder()
    found = decoder.imported_slice(raw(item)).facts
    assert found is None or isinstance(found, SliceFacts)
    return found, decoder


MCS = {"multicluster.kubernetes.io/service-name": "web", "multicluster.kubernetes.io/source-cluster": "us1"}
LIGHTHOUSE = {"lighthouse.submariner.io/sourceName": "web", "lighthouse.submariner.io/sourceCluster": "us1"}


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(MCS, id="MCS"),
        pytest.param(
            MCS
            | {
                "endpointslice.kubernetes.io/managed-by": "lighthouse-agent.submariner.io",
                "lighthouse.submariner.io/sourceNamespace": "shop",
            },
            id="Submariner",
        ),
        pytest.param(LIGHTHOUSE, id="Submariner of old"),
        pytest.param(
            MCS
            | {
                "endpointslice.kubernetes.io/managed-by": "endpointslice-mesh-controller.cilium.io",
                "kubernetes.io/service-name": "derived-x",
            },
            id="Cilium",
        ),
    ],
)
def test_imported_slices(labels: dict[str, str]) -> None:
    """The service and the source cluster are read from the labels of whoever wrote the slice."""
    found, _ = imported(labels)
    assert found is not None
    assert (found.owner, found.source, len(points(found))) == (("shop", "web"), "us1", 1)


@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        pytest.param({"kubernetes.io/service-name": "web"}, 0, id="a local copy"),
        pytest.param(
            MCS | {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
            0,
            id="labels that Kubernetes copied",
        ),
        pytest.param(MCS | {"lighthouse.submariner.io/sourceNamespace": "other"}, 0, id="a broker's copy"),
        pytest.param(MCS | {"multicluster.kubernetes.io/source-cluster": "a.b.c"}, 1, id="an id of three labels"),
        pytest.param(MCS | {"multicluster.kubernetes.io/source-cluster": "_x"}, 1, id="an id that is no name"),
        pytest.param(MCS | {"multicluster.kubernetes.io/service-name": "*"}, 0, id="no name of a service"),
        pytest.param({}, 0, id="no labels"),
    ],
)
def test_slices_that_import_nothing(labels: dict[str, str], refused: int) -> None:
    """A slice is imported only if it says of which service and from which cluster, and is not Kubernetes' own."""
    found, decoder = imported(labels)
    assert found is None
    assert decoder.refused["source"] == refused


def test_imports() -> None:
    """Type, ports and IPs of a ServiceImport; a headless one has no IPs, and another type is none."""
    decoder = Decoder()
    item = export("web", 3) | {
        "spec": {"type": "ClusterSetIP", "ips": ["10.9.0.1", "127.0.0.1"], "ports": [{"port": 80}]}
    }
    assert decoder.imported(raw(item)).facts == ImportFacts(
        3, False, 1735689600, (Port("", 80),), (bytes([10, 9, 0, 1]),)
    )
    headless = item | {"spec": item["spec"] | {"type": "Headless"}}
    assert decoder.imported(raw(headless)).facts == ImportFacts(3, True, 1735689600, (Port("", 80),), ())
    assert decoder.imported(raw(item | {"spec": {"type": "Other"}})).facts is None
    assert decoder.imported(raw(item | {"spec": {"type": 5}})).fault


def test_leases() -> None:
    """A Lease that names a source cluster; all others say nothing."""
    item = export("us1-lease", 3) | {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 30}}
    assert Decoder().lease(raw(item)).facts is None
    item["metadata"]["labels"] = {"multicluster.kubernetes.io/source-cluster": "us1"}
    assert Decoder().lease(raw(item)).facts == LeaseFacts(3, "us1", "2026-01-01T00:00:00.000000Z", 30)
    assert Decoder().lease(raw(item | {"spec": None})).facts is None
