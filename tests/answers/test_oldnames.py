"""The in-cluster names of federation v1: the client's own cluster while it can, else the name of its region."""

from typing import Final

import pytest

from fedns.answers import codes
from fedns.answers.rules import Zone
from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from tests.answers.federations import API, DB, FEDERAL, ZONES, ask, balanced, errors, federation, headless, pod, shown

OLD: Final = "myfed.svc.cluster.local"
ALL: Final = (*ZONES, Zone(name=OLD, kind="old", federation="myfed", ttl=7))
FAR: Final = balanced("us1", pod("10.2.0.7", "us-a"), name="far", lb=(b"\xcb\0\x71\x07",))
DOWN: Final = headless("eu1", pod("10.1.0.7", "eu-a", ready=False), name="down")
STATE: Final = federation((*DB, *API, FAR, DOWN), zones=ALL)
IN_US: Final = Location("us1", "us-a", "us", "us", "default")
REGION: Final = f"far.shop.{OLD}. 20 CNAME far.shop.myfed.svc.eu-a.eu.example.com."
UP: Final = (
    "far.shop.myfed.svc.eu-a.eu.example.com. 20 CNAME far.shop.myfed.svc.eu.example.com.",
    f"far.shop.myfed.svc.eu.example.com. 20 CNAME far.shop.{FEDERAL}.",
)

TABLE = {
    "the own cluster's addresses": (f"api.shop.{OLD}", "A", ["7 A 10.96.0.1"]),
    "all of the own cluster's hosts": (f"db.shop.{OLD}", "A", ["7 A 10.1.0.1"]),
    "the other family": (f"api.shop.{OLD}", "AAAA", ["NODATA"]),
    "any case": (f"API.Shop.{OLD.upper()}", "A", ["7 A 10.96.0.1"]),
    "nothing here": (f"far.shop.{OLD}", "A", [REGION, *UP, "20 A 203.0.113.7"]),
    "an alias, asked for": (f"far.shop.{OLD}", "CNAME", ["20 CNAME far.shop.myfed.svc.eu-a.eu.example.com."]),
    "an alias, ANY": (f"far.shop.{OLD}", "ANY", ["20 CNAME far.shop.myfed.svc.eu-a.eu.example.com."]),
    "ports lead on": (f"_https._tcp.far.shop.{OLD}", "SRV", [
        f"_https._tcp.{REGION[:4]}{REGION[4:].replace('CNAME ', 'CNAME _https._tcp.')}",
        *(f"_https._tcp.{line}".replace("CNAME ", "CNAME _https._tcp.") for line in UP),
        f"20 SRV 0 100 443 us1.far.shop.{FEDERAL}."]),
    "nothing ready anywhere": (f"down.shop.{OLD}", "A", [
        f"down.shop.{OLD}. 20 CNAME down.shop.myfed.svc.eu-a.eu.example.com."]),
    "no such service": (f"none.shop.{OLD}", "A", ["NXDOMAIN"]),
    "no such port": (f"_ssh._tcp.far.shop.{OLD}", "SRV", ["NXDOMAIN"]),
    "a namespace": (f"shop.{OLD}", "A", ["NODATA"]),
    "no namespace": (f"none.{OLD}", "A", ["NXDOMAIN"]),
    "no clusters": (f"eu1.api.shop.{OLD}", "A", ["NXDOMAIN"]),
    "no hosts": (f"pet-0.eu1.db.shop.{OLD}", "A", ["NXDOMAIN"]),
    "no directives": (f"eu-a.pin._zone.db.shop.{OLD}", "A", ["NXDOMAIN"]),
    "nothing above directives": (f"_zone.db.shop.{OLD}", "A", ["NXDOMAIN"]),
    "apex": (OLD, "NS", [f"7 NS ns.dns.{OLD}."]),
    "not the rest of cluster.local": ("api.shop.svc.cluster.local", "A", ["REFUSED"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "qtype", "expected"), TABLE.values(), ids=TABLE)
def test_old_names(name: str, qtype: str, expected: list[str]) -> None:
    """What kube-dns answered for them, with addresses under the asked name."""
    assert shown(ask(name, qtype, STATE)) == expected


def test_no_alias_leads_to_nothing() -> None:
    """A port that no member has is not there under its old name either; the no is the old zone's own."""
    answer = ask(f"_ssh._tcp.far.shop.{OLD}", "SRV", STATE)
    assert (answer.rcode, answer.chain) == (codes.NXDOMAIN, ())
    assert [each.owner for each in answer.authority] == [b"\5myfed\3svc\7cluster\5local\0"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(IN_US, "far.shop.{fed}", id="own cluster"),
        pytest.param(Location("", "", "eu", "eu", "default"), "eu.example.com", id="region"),
        pytest.param(Location("", "z", "mars", "", "default"), "svc.example.com", id="unknown region"),
        pytest.param(Location("", "", "", "", "default"), "svc.example.com", id="nowhere"),
    ],
)
def test_the_alias_follows_the_client(where: Location, expected: str) -> None:
    """The zone and region of the client, as far as they are known."""
    answer = ask(f"far.shop.{OLD}", "A", STATE, where=where)
    first = shown(answer)[0]
    assert first == "7 A 203.0.113.7" if where is IN_US else first.endswith(f"{expected}.")


def test_a_lost_cluster_leads_on() -> None:
    """A client whose own cluster is not heard any more is led to where something is known to be true."""
    state = federation((*DB, *API), zones=ALL, states={"eu1": Freshness.STALE})
    answer = ask(f"api.shop.{OLD}", "A", state)
    assert shown(answer)[-1] == "20 A 203.0.113.2"
    assert not errors(answer)


def test_a_name_over_the_limits_is_not_told() -> None:
    """M18: where the name of the region would be too long, there is no alias."""
    long = "a" * 63
    zones = (Zone(name=f"{long}.{long}.com", kind="federation", federation="myfed"), ALL[-1])
    state = federation([headless("us1", pod("10.2.0.7"), name=long)], zones=zones)
    where = Location("", "z" * 60, "eu", "eu", "default")
    assert shown(ask(f"{long}.shop.{OLD}", "A", state, where=where)) == ["NODATA"]
