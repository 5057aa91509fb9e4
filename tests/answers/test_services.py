"""Names of services, from objects to records: the rules of the clusterset specification and of the federation zone."""

from fractions import Fraction

import pytest
from msgspec import structs

from fedns.answers import codes, services
from fedns.federation.health import Freshness
from fedns.federation.hosts import host_label
from fedns.federation.objects import SERVING, TERMINATING, AddressKind, Cluster, Endpoint, Port
from fedns.federation.placement import Policy
from tests.answers.federations import (
    API,
    CLUSTERS,
    DB,
    DNS,
    FEDERAL,
    HTTPS,
    IN_US,
    OUTSIDE,
    STRICT,
    ask,
    balanced,
    errors,
    federation,
    headless,
    packed,
    pod,
    shown,
    text,
)

DUAL = headless("eu1", pod("10.1.0.1", "eu-a"), pod("2001:db8::", "eu-a"), pod("10.1.0.2", "eu-b"))
UNREADY = headless("eu1", pod("10.1.0.1", ready=False, host="pet-0"))
LONG = "h" * 63


def test_headless_srv_is_complete_and_ordered() -> None:
    """M14: each ready endpoint with each named port, all clusters; the nearest first; M7: no unnamed port."""
    answer = ask(f"db.shop.{STRICT}", "SRV")
    assert sorted(shown(answer)) == [
        f"5 SRV 0 50 443 pet-0.eu1.db.shop.{STRICT}.",
        f"5 SRV 0 50 53 pet-0.eu1.db.shop.{STRICT}.",
        f"5 SRV 1 50 443 10-1-0-2.eu1.db.shop.{STRICT}.",
        f"5 SRV 1 50 53 10-1-0-2.eu1.db.shop.{STRICT}.",
        f"5 SRV 2 50 443 pet-0.c1.fleet.db.shop.{STRICT}.",
        f"5 SRV 2 50 443 pet-0.us1.db.shop.{STRICT}.",
    ]
    assert sorted(text(answer.groups[0].additional, owner=True)) == [
        f"10-1-0-2.eu1.db.shop.{STRICT}. 5 A 10.1.0.2",
        f"pet-0.c1.fleet.db.shop.{STRICT}. 5 A 10.3.0.1",
        f"pet-0.eu1.db.shop.{STRICT}. 5 A 10.1.0.1",
        f"pet-0.us1.db.shop.{STRICT}. 5 A 10.2.0.1",
    ]
    assert not answer.subset


def test_conformance_bare_srv() -> None:
    """A ClusterIP service with tcp/42 and udp/42 gives exactly one bare-name SRV record."""
    ports = (Port("tcp", 42), Port("udp", 42, "UDP"))
    state = federation([balanced("eu1", pod("10.1.0.5"), ips=packed("10.96.0.1"), ports=ports)])
    assert shown(ask(f"api.shop.{STRICT}", "SRV", state)) == [f"5 SRV 0 100 42 api.shop.{STRICT}."]


def test_both_families_of_one_subset() -> None:
    """M12: A and AAAA of a headless service come from the same subset."""
    state = federation([DUAL])
    assert shown(ask(f"db.shop.{STRICT}", "A", state)) == ["5 A 10.1.0.1"]
    assert shown(ask(f"db.shop.{STRICT}", "AAAA", state)) == ["5 AAAA 2001:db8::"]
    assert shown(ask(f"2001-db8--0.eu1.db.shop.{STRICT}", "AAAA", state)) == ["5 AAAA 2001:db8::"]


def test_one_hostname_with_several_addresses() -> None:
    """M11: several addresses of one host name are one record each, and one SRV target."""
    state = federation([headless("eu1", pod("10.1.0.1", host="Pet"), pod("10.1.0.2", host="Pet"))])
    assert shown(ask(f"pet.eu1.db.shop.{STRICT}", "A", state)) == ["5 A 10.1.0.1", "5 A 10.1.0.2"]
    assert shown(ask(f"db.shop.{STRICT}", "SRV", state)) == [f"5 SRV 0 100 443 Pet.eu1.db.shop.{STRICT}."]


def test_an_endpoint_in_two_slices_has_one_name() -> None:
    """While slices are rewritten one of them may have the hostname and the other the news: both count."""
    slices = (
        *headless("eu1", pod("10.1.0.1", host="pet", ready=False)).slices,
        *headless("eu1", pod("10.1.0.1")).slices,
    )
    state = federation([structs.replace(headless("eu1"), slices=slices)])
    assert shown(ask(f"db.shop.{STRICT}", "SRV", state)) == [f"5 SRV 0 100 443 pet.eu1.db.shop.{STRICT}."]
    assert shown(ask(f"pet.eu1.db.shop.{STRICT}", "A", state)) == ["5 A 10.1.0.1"]
    assert shown(ask(f"10-1-0-1.eu1.db.shop.{STRICT}", "A", state)) == ["NXDOMAIN"]


def test_hosts_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """To ask for every host of a service costs one look at each endpoint in all, not one for each question."""
    looked: list[bytes] = []

    def counted(hostname: str, address: bytes) -> str:
        looked.append(address)
        return host_label(hostname, address)

    monkeypatch.setattr(services, "host_label", counted)
    state = federation([headless("eu1", *(pod(f"10.1.0.{at}", host=f"db-{at % 50}") for at in range(1, 101)))])
    for at in range(50):
        found = shown(ask(f"db-{at}.eu1.db.shop.{FEDERAL}", state=state))
        assert sorted(found) == sorted(f"20 A 10.1.0.{each}" for each in range(1, 101) if each % 50 == at)
    assert len(looked) == 100


def test_unready_hosts_have_no_srv() -> None:
    """The name of a cluster shows its unready endpoints as addresses, but SRV points at no name that is not there."""
    state = federation([UNREADY])
    assert shown(ask(f"eu1.db.shop.{FEDERAL}", "A", state)) == ["20 A 10.1.0.1"]
    assert shown(ask(f"eu1.db.shop.{FEDERAL}", "SRV", state)) == ["NODATA"]


def test_illegal_names_are_never_sent() -> None:
    """M18: a target over the limits of DNS is left out; the others stay."""
    state = federation([headless("eu1", pod("10.1.0.1", host=LONG + "h"), pod("10.1.0.2", host="fits"))])
    assert shown(ask(f"db.shop.{STRICT}", "SRV", state)) == [f"5 SRV 0 100 443 fits.eu1.db.shop.{STRICT}."]
    none = federation([headless("eu1", pod("10.1.0.1", host=LONG + "h"))])
    assert shown(ask(f"db.shop.{STRICT}", "SRV", none)) == ["NODATA"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"db.shop.{STRICT}", ["NXDOMAIN"]),
        (f"_https._tcp.db.shop.{STRICT}", ["NXDOMAIN"]),
        (f"eu1.db.shop.{STRICT}", ["NXDOMAIN"]),
        (f"fleet.db.shop.{STRICT}", ["NXDOMAIN"]),
        (f"pet-0.eu1.db.shop.{STRICT}", ["NXDOMAIN"]),
        (f"eu-a.pin._zone.db.shop.{STRICT}", ["NODATA"]),
        (f"db.shop.{FEDERAL}", ["NODATA"]),
        ("db.shop.myfed.svc.eu.example.com", ["NODATA"]),
        (f"eu1.db.shop.{FEDERAL}", ["20 A 10.1.0.1"]),
    ],
)
def test_headless_without_ready_endpoints(name: str, expected: list[str]) -> None:
    """M13: NXDOMAIN in the clusterset zone, NODATA in the federation zone; its cluster shows what it has."""
    answer = ask(name, state=federation([UNREADY]))
    assert shown(answer) == expected
    assert not answer.ede


def test_stale_member_without_ready_endpoints() -> None:
    """A negative answer says so when a member that could own the name is stale."""
    answer = ask(f"db.shop.{STRICT}", state=federation([UNREADY], states={"eu1": Freshness.STALE}, age=12))
    assert shown(answer) == ["NXDOMAIN"]
    assert answer.ede == ((codes.EDE_STALE_NXDOMAIN, "eu1 stale 12s"),)
    federal = ask(f"db.shop.{FEDERAL}", state=federation([UNREADY], states={"eu1": Freshness.STALE}))
    assert (shown(federal), errors(federal)) == (["NODATA"], [codes.EDE_STALE_ANSWER])


@pytest.mark.parametrize(
    ("state", "ttl", "codes_"),
    [
        (Freshness.FRESH, 20, []),
        (Freshness.SUSPECT, 5, []),
        (Freshness.HELD, 5, [codes.EDE_STALE_ANSWER]),
        (Freshness.STALE, 5, [codes.EDE_STALE_ANSWER]),
        (Freshness.RESTORED, 5, [codes.EDE_STALE_ANSWER]),
        (Freshness.EXPIRED, 5, [codes.EDE_STALE_ANSWER]),
    ],
)
def test_doubtful_members(state: Freshness, ttl: int, codes_: list[int]) -> None:
    """What is not fresh may be kept for 5 seconds at most; from stale on it is marked."""
    answer = ask(f"us1.api.shop.{FEDERAL}", state=federation(states={"us1": state}))
    assert shown(answer) == [f"{ttl} A 203.0.113.2"]
    assert errors(answer) == codes_


def test_names_of_members_are_for_diagnostics_only() -> None:
    """Others get the code of an extended error with a general sentence."""
    state = federation(states={"us1": Freshness.STALE})
    told = ask(f"us1.api.shop.{FEDERAL}", state=state, diagnostics=False).ede
    assert told == ((codes.EDE_STALE_ANSWER, "last known answer of a member that is not heard or reached"),)


def test_policy_ttl_and_sizes() -> None:
    """A policy's TTL wins over the zone's; its limits reach the encoder."""
    policy = Policy(ttl=9, max_answers=3, large_answers="truncate")
    answer = ask(f"db.shop.{STRICT}", state=federation(policies=(policy,)))
    assert shown(answer) == ["9 A 10.1.0.1"]
    assert (answer.max_answers, answer.subset, answer.rotate) == (3, False, True)
    assert ask(f"db.shop.{STRICT}").subset


def test_groups_share_the_answers() -> None:
    """Weights divide the responses; SRV says the same with weights."""
    policy = Policy(weights={"eu1": 9, "us1": 1}, ladder=Policy().ladder[-1:])
    state = federation(policies=(policy,))
    answer = ask(f"api.shop.{FEDERAL}", state=state)
    assert [(group.share, text(group.records)) for group in answer.groups] == [
        (Fraction(9, 10), ["20 A 10.96.0.1"]),
        (Fraction(1, 10), ["20 A 203.0.113.2"]),
    ]
    assert shown(ask(f"_https._tcp.api.shop.{FEDERAL}", "SRV", state)) == [
        f"20 SRV 0 90 443 eu1.api.shop.{FEDERAL}.",
        f"20 SRV 0 10 443 us1.api.shop.{FEDERAL}.",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"db.shop.{STRICT}", "NODATA"),
        (f"db.shop.{FEDERAL}", "NODATA"),
        (f"pet-0.eu1.db.shop.{STRICT}", "NODATA"),
        (f"eu1.db.shop.{FEDERAL}", "NODATA"),
        (f"us.pin._region.db.shop.{FEDERAL}", "NODATA"),
    ],
)
def test_forbidden_jurisdictions(name: str, expected: str) -> None:
    """No place where the service may be answered from: NODATA with EDE 17, in both zones, under every name."""
    answer = ask(name, state=federation(policies=(Policy(jurisdictions=("nowhere",)),)))
    assert shown(answer) == [expected]
    assert errors(answer) == [codes.EDE_FILTERED]


def test_out_of_reach() -> None:
    """No address kind that the client can reach: NODATA with EDE 22."""
    clusters = (Cluster(name="eu1", addresses=(AddressKind.CLUSTER_IP,)),)
    answer = ask(f"api.shop.{STRICT}", state=federation([API[0]], clusters=clusters), where=OUTSIDE)
    assert (shown(answer), errors(answer)) == (["NODATA"], [codes.EDE_NO_REACHABLE_AUTHORITY])
    host = ask(f"pet-0.eu1.db.shop.{STRICT}", where=OUTSIDE)
    assert (shown(host), errors(host)) == (["NODATA"], [codes.EDE_NO_REACHABLE_AUTHORITY])


def test_closed_policy() -> None:
    """Closed when all are unhealthy: NODATA with EDE 22, not the last known."""
    policy = Policy(when_all_unhealthy="closed")
    state = federation([DB[1]], states={"us1": Freshness.STALE}, policies=(policy,))
    for name in (f"db.shop.{STRICT}", f"pet-0.us1.db.shop.{STRICT}"):
        answer = ask(name, state=state)
        assert (shown(answer), errors(answer)) == (["NODATA"], [codes.EDE_NO_REACHABLE_AUTHORITY])


def test_unready_address_is_still_answered() -> None:
    """A cluster-level address without ready endpoints is answered, as Kubernetes does, and marked."""
    state = federation([balanced("eu1", pod("10.1.0.5", ready=False), ips=packed("10.96.0.1"))])
    answer = ask(f"api.shop.{STRICT}", state=state)
    assert shown(answer) == ["5 A 10.96.0.1"]
    assert answer.ede == ((codes.EDE_OTHER, "no endpoint is ready"),)


def test_pod_addresses_without_ready_pods() -> None:
    """A ClusterIP service answered by pod addresses that has no ready pod is NODATA, not NXDOMAIN."""
    clusters = (Cluster(name="eu1", addresses=(AddressKind.POD_IP,)),)
    state = federation([balanced("eu1", pod("10.1.0.5", ready=False))], clusters=clusters)
    assert shown(ask(f"api.shop.{STRICT}", state=state)) == ["NODATA"]
    assert shown(ask(f"eu1.api.shop.{FEDERAL}", state=federation([balanced("eu1")], clusters=clusters))) == ["NODATA"]


def test_terminating_endpoints_keep_their_names() -> None:
    """When serving but terminating endpoints answer for the service, SRV targets resolve."""
    leaving = Endpoint(packed("10.1.0.1")[0], SERVING | TERMINATING, "eu-a", "pet-0")
    state = federation([headless("eu1", leaving)])
    assert shown(ask(f"db.shop.{STRICT}", "SRV", state)) == [f"5 SRV 0 100 443 pet-0.eu1.db.shop.{STRICT}."]
    assert shown(ask(f"pet-0.eu1.db.shop.{STRICT}", "A", state)) == ["5 A 10.1.0.1"]


@pytest.mark.parametrize("qtype", ["A", "SRV"])
def test_region_without_anything(qtype: str) -> None:
    """A zone name climbs as far as it must, one alias per level, with the port's labels in front."""
    prefix = "_https._tcp." if qtype == "SRV" else ""
    answer = ask(f"{prefix}db.shop.myfed.svc.us-a.us.example.com", qtype, federation([DB[0]]))
    assert text(answer.chain, owner=True) == [
        f"{prefix}db.shop.myfed.svc.us-a.us.example.com. 20 CNAME {prefix}db.shop.myfed.svc.us.example.com.",
        f"{prefix}db.shop.myfed.svc.us.example.com. 20 CNAME {prefix}db.shop.{FEDERAL}.",
    ]
    assert len(answer.groups) == 1


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("db.shop.myfed.svc.us.example.com", "own"),
        ("db.shop.myfed.svc.eu.example.com", "above"),
    ],
)
def test_nothing_known_anywhere(name: str, where: str) -> None:
    """When nothing is true for sure anywhere, the lowest name that has anything answers."""
    state = federation([DB[1]], states={"us1": Freshness.STALE})
    answer = ask(name, state=state)
    assert bool(answer.chain) == (where == "above")
    assert shown(answer)[-1] == "5 A 10.2.0.1"


def test_dotted_region() -> None:
    """A region with a dot takes both of its labels away in an alias."""
    clusters = (*CLUSTERS, Cluster(name="ap1", region="ap.south"))
    answer = ask("db.shop.myfed.svc.ap-a.ap.south.example.com", state=federation(clusters=clusters), where=IN_US)
    assert text(answer.chain, owner=True)[1] == (f"db.shop.myfed.svc.ap.south.example.com. 20 CNAME db.shop.{FEDERAL}.")


def test_prefer_without_anything_known() -> None:
    """`prefer` whose match is not in good order is the normal placement."""
    state = federation([DB[1], DB[2]], states={"us1": Freshness.STALE})
    assert shown(ask(f"us-a.prefer._zone.db.shop.{FEDERAL}", state=state)) == ["20 A 10.3.0.1"]
    both = federation([DB[1], DB[2]], states={"us1": Freshness.STALE, "c1.fleet": Freshness.EXPIRED})
    assert shown(ask(f"us-b.prefer._zone.db.shop.{FEDERAL}", state=both)) == ["5 A 10.2.0.1"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"web.shop.{STRICT}", "SERVFAIL"),
        (f"db.none.{STRICT}", "SERVFAIL"),
        (f"db.shop.{STRICT}", "5 A 10.1.0.1"),
        (f"pet-7.eu1.db.shop.{STRICT}", "NXDOMAIN"),
        (f"pet-7.us1.db.shop.{STRICT}", "SERVFAIL"),
        (f"us1.db.shop.{FEDERAL}", "SERVFAIL"),
        (f"_ssh._tcp.db.shop.{STRICT}", "SERVFAIL"),
        (f"db.shop.{STRICT.removeprefix('svc.')}", "NXDOMAIN"),
    ],
)
def test_members_that_were_never_read(name: str, expected: str) -> None:
    """A name that could exist in a member not read yet is SERVFAIL with EDE 14; proven names are answered."""
    answer = ask(name, state=federation([DB[0]], states={"us1": Freshness.SYNCING}))
    assert shown(answer) == [expected]
    assert errors(answer) == ([codes.EDE_NOT_READY] if expected == "SERVFAIL" else [])
    assert answer.aa == (expected != "SERVFAIL")


def test_ports_of_their_own_cluster() -> None:
    """A conflicting port is listed for the clusters that expose it only."""
    state = federation([headless("eu1", pod("10.1.0.1")), headless("us1", pod("10.2.0.1"), ports=(HTTPS, DNS))])
    assert shown(ask(f"_dns._udp.db.shop.{STRICT}", "SRV", state)) == [f"5 SRV 0 100 53 10-2-0-1.us1.db.shop.{STRICT}."]
