"""The two zones as tables, from objects to records: the clusterset specification, and the federation zone's extras."""

import pytest

from tests.answers.federations import FEDERAL, STRICT, ask, shown

CLUSTERSET = {
    "M3 any case": ("DB.Shop.SVC.ClusterSet.Local", "A", ["5 A 10.1.0.1"]),
    "M4 ClusterIP": (f"api.shop.{STRICT}", "A", ["5 A 10.96.0.1"]),
    "M5 other family": (f"api.shop.{STRICT}", "AAAA", ["NODATA"]),
    "M6 SRV of a named port": (f"_https._tcp.api.shop.{STRICT}", "SRV", [f"5 SRV 0 100 443 api.shop.{STRICT}."]),
    "M6 in any case": (f"_HTTPS._TCP.api.shop.{STRICT}", "SRV", [f"5 SRV 0 100 443 api.shop.{STRICT}."]),
    "M6 unknown port": (f"_ssh._tcp.api.shop.{STRICT}", "SRV", ["NXDOMAIN"]),
    "M6 other protocol": (f"_https._udp.api.shop.{STRICT}", "SRV", ["NXDOMAIN"]),
    "M6 no address at a port": (f"_https._tcp.api.shop.{STRICT}", "A", ["NODATA"]),
    "protocol alone": (f"_tcp.api.shop.{STRICT}", "SRV", ["NODATA"]),
    "protocol alone, unused": (f"_sctp.api.shop.{STRICT}", "SRV", ["NXDOMAIN"]),
    "bare name SRV, doubles left out": (
        f"api.shop.{STRICT}",
        "SRV",
        [f"5 SRV 0 100 443 api.shop.{STRICT}.", f"5 SRV 1 100 53 api.shop.{STRICT}."],
    ),
    "M9 no cluster of a ClusterIP service": (f"eu1.api.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "M10 nearest subset": (f"db.shop.{STRICT}", "A", ["5 A 10.1.0.1"]),
    "M11 host": (f"pet-0.us1.db.shop.{STRICT}", "A", ["5 A 10.2.0.1"]),
    "M11 host outside the subset": (f"10-1-0-2.eu1.db.shop.{STRICT}", "A", ["5 A 10.1.0.2"]),
    "M11 unready host": (f"pet-9.eu1.db.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "M11 unknown host": (f"pet-7.eu1.db.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "M11 host, other family": (f"pet-0.eu1.db.shop.{STRICT}", "AAAA", ["NODATA"]),
    "M11 host of a ClusterIP service": (f"pet-0.eu1.api.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "M15 cluster of a headless service": (f"eu1.db.shop.{STRICT}", "A", ["NODATA"]),
    "M15 unknown cluster": (f"eu9.db.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "M17 dotted cluster id": (f"pet-0.c1.fleet.db.shop.{STRICT}", "A", ["5 A 10.3.0.1"]),
    "M17 above dotted ids": (f"fleet.db.shop.{STRICT}", "A", ["NODATA"]),
    "M17 above dotted ids, never of a ClusterIP service": (f"fleet.api.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "M20 not exported": (f"web.shop.{STRICT}", "A", ["NXDOMAIN"]),
    "other type": (f"db.shop.{STRICT}", "MX", ["NODATA"]),
    "ANY": (f"db.shop.{STRICT}", "ANY", ['3600 HINFO "RFC8482" ""']),
}

FEDERATED = {
    "best for the client": (f"db.shop.{FEDERAL}", "A", ["20 A 10.1.0.1"]),
    "region": ("db.shop.myfed.svc.us.example.com", "A", ["20 A 10.3.0.1", "20 A 10.2.0.1"]),
    "zone": ("db.shop.myfed.svc.us-b.us.example.com", "A", ["20 A 10.3.0.1"]),
    "zone without anything": ("db.shop.myfed.svc.eu-z.eu.example.com", "A", [
        "db.shop.myfed.svc.eu-z.eu.example.com. 20 CNAME db.shop.myfed.svc.eu.example.com.", "20 A 10.1.0.1"]),
    "alias asked for": ("db.shop.myfed.svc.eu-z.eu.example.com", "CNAME", [
        "20 CNAME db.shop.myfed.svc.eu.example.com."]),
    "alias and ANY": ("db.shop.myfed.svc.eu-z.eu.example.com", "ANY", [
        "20 CNAME db.shop.myfed.svc.eu.example.com."]),
    "alias, other family": ("db.shop.myfed.svc.eu-z.eu.example.com", "AAAA", [
        "db.shop.myfed.svc.eu-z.eu.example.com. 20 CNAME db.shop.myfed.svc.eu.example.com."]),
    "port in a region": ("_https._tcp.db.shop.myfed.svc.us.example.com", "SRV", [
        f"20 SRV 0 50 443 pet-0.c1.fleet.db.shop.{FEDERAL}.", f"20 SRV 0 50 443 pet-0.us1.db.shop.{FEDERAL}."]),
    "no alias asked": (f"db.shop.{FEDERAL}", "CNAME", ["NODATA"]),
    "unknown region": ("db.shop.myfed.svc.asia.example.com", "A", ["NXDOMAIN"]),
    "cluster": (f"us1.api.shop.{FEDERAL}", "A", ["20 A 203.0.113.2"]),
    "cluster, ready hosts": (f"eu1.db.shop.{FEDERAL}", "A", ["20 A 10.1.0.1", "20 A 10.1.0.2"]),
    "dotted cluster": (f"c1.fleet.db.shop.{FEDERAL}", "A", ["20 A 10.3.0.1"]),
    "above a dotted cluster that does not export": (f"fleet.api.shop.{FEDERAL}", "A", ["NXDOMAIN"]),
    "a port above a dotted cluster": (f"_https._tcp.fleet.db.shop.{FEDERAL}", "SRV", ["NXDOMAIN"]),
    "above a dotted cluster": (f"fleet.db.shop.{FEDERAL}", "A", ["NODATA"]),
    "cluster that does not export": (f"c1.fleet.api.shop.{FEDERAL}", "A", ["NXDOMAIN"]),
    "host": (f"pet-0.us1.db.shop.{FEDERAL}", "A", ["20 A 10.2.0.1"]),
    "port of a host": (f"_https._tcp.pet-0.us1.db.shop.{FEDERAL}", "SRV", [
        f"20 SRV 0 100 443 pet-0.us1.db.shop.{FEDERAL}."]),
    "port of a cluster": (f"_https._tcp.us1.api.shop.{FEDERAL}", "SRV", [f"20 SRV 0 100 443 us1.api.shop.{FEDERAL}."]),
    "SRV names clusters, by rungs": (f"_https._tcp.api.shop.{FEDERAL}", "SRV", [
        f"20 SRV 0 100 443 eu1.api.shop.{FEDERAL}.", f"20 SRV 1 100 443 us1.api.shop.{FEDERAL}."]),
    "SRV port of one cluster only": (f"_dns._udp.api.shop.{FEDERAL}", "SRV", [
        f"20 SRV 0 100 53 us1.api.shop.{FEDERAL}."]),
    "pin to a zone": (f"us-b.pin._zone.db.shop.{FEDERAL}", "A", ["20 A 10.3.0.1"]),
    "pin to a region": (f"us.pin._region.api.shop.{FEDERAL}", "A", ["20 A 203.0.113.2"]),
    "pin to a dotted cluster": (f"c1.fleet.pin._cluster.db.shop.{FEDERAL}", "A", ["20 A 10.3.0.1"]),
    "pin where nothing is": (f"mars.pin._zone.db.shop.{FEDERAL}", "A", ["NODATA"]),
    "prefer": (f"us-b.prefer._zone.db.shop.{FEDERAL}", "A", ["20 A 10.3.0.1"]),
    "prefer where nothing is": (f"mars.prefer._zone.db.shop.{FEDERAL}", "A", ["20 A 10.1.0.1"]),
    "above pinned names": (f"pin._zone.db.shop.{FEDERAL}", "A", ["NODATA"]),
    "pin in the clusterset zone": (f"us-b.pin._zone.db.shop.{STRICT}", "A", ["5 A 10.3.0.1"]),
    "port of a pinned name": (f"_https._tcp.us-b.pin._zone.db.shop.{FEDERAL}", "SRV", [
        f"20 SRV 0 100 443 pet-0.c1.fleet.db.shop.{FEDERAL}."]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "qtype", "expected"), CLUSTERSET.values(), ids=CLUSTERSET)
def test_clusterset_zone(name: str, qtype: str, expected: list[str]) -> None:
    """The clusterset zone says what the Multi-Cluster Services DNS specification says, and nothing else."""
    assert shown(ask(name, qtype)) == expected


@pytest.mark.parametrize(("name", "qtype", "expected"), FEDERATED.values(), ids=FEDERATED)
def test_federation_zone(name: str, qtype: str, expected: list[str]) -> None:
    """The federation zone adds regions, zones, clusters, hosts and pinned names."""
    assert shown(ask(name, qtype)) == expected
