"""A federation to ask questions about, from objects to records, with answers as text."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from fedns.answers import codes
from fedns.answers.names import reverse_prefix
from fedns.answers.packet import Query, Record, parse
from fedns.answers.resolve import Answer, Client, State, resolve
from fedns.answers.rules import Rules, Zone
from fedns.federation.catalog import Catalog
from fedns.federation.health import Freshness, Status
from fedns.federation.holders import Holders
from fedns.federation.locality import Location
from fedns.federation.objects import READY, SERVING, AddressKind, Cluster, Endpoint, Export, Port, pack
from fedns.federation.placement import Policy

NOW: Final = 1000.0
STRICT: Final = "svc.clusterset.local"
FEDERAL: Final = "myfed.svc.example.com"
KINDS: Final = (AddressKind.CLUSTER_IP, AddressKind.LOAD_BALANCER)
CLUSTERS: Final = (
    Cluster(name="eu1", region="eu", jurisdiction="eu", addresses=KINDS),
    Cluster(name="us1", region="us", jurisdiction="us", addresses=KINDS),
    Cluster(name="c1.fleet", region="us", jurisdiction="us", addresses=KINDS),
)
ZONES: Final = (
    Zone(name="clusterset.local", kind="clusterset"),
    Zone(name="Example.com", kind="federation", federation="myfed", ttl=20, negative_ttl=7),
)
IN_EU: Final = Location(
    cluster="eu1", zone="eu-a", region="eu", jurisdiction="eu", network="default", rule="10.1.0.0/16"
)
IN_US: Final = Location(cluster="us1", zone="us-a", region="us", jurisdiction="us", network="default")
OUTSIDE: Final = Location()
HTTPS: Final = Port("https", 443)
DNS: Final = Port("dns", 53, "UDP")
PLAIN: Final = Port("", 80)


def packed(*texts: str) -> tuple[bytes, ...]:
    """Addresses in network order."""
    return tuple(ip_address(text).packed for text in texts)


def pod(address: str, zone: str = "", host: str = "", *, ready: bool = True) -> Endpoint:
    """One endpoint."""
    return Endpoint(ip_address(address).packed, READY | SERVING if ready else 0, zone, host)


def headless(
    cluster: str, *pods: Endpoint, name: str = "db", ports: tuple[Port, ...] = (HTTPS,), created: int = 1
) -> Export:
    """A headless service of the namespace shop."""
    slices = pack(ports, pods)
    return Export(cluster, "shop", name, created, headless=True, ports=ports, slices=slices)


def balanced(
    cluster: str,
    *pods: Endpoint,
    name: str = "api",
    ports: tuple[Port, ...] = (HTTPS,),
    ips: tuple[bytes, ...] = (),
    lb: tuple[bytes, ...] = (),
) -> Export:
    """A service with addresses of its own, in the namespace shop."""
    return Export(
        cluster,
        "shop",
        name,
        created=1,
        headless=False,
        ports=ports,
        cluster_ips=ips,
        load_balancer_ips=lb,
        slices=pack(ports, pods),
    )


DB: Final = (
    headless(
        "eu1",
        pod("10.1.0.1", "eu-a", "pet-0"),
        pod("10.1.0.2", "eu-b"),
        pod("10.1.0.9", "eu-a", "pet-9", ready=False),
        ports=(HTTPS, DNS, PLAIN),
    ),
    headless("us1", pod("10.2.0.1", "us-a", "pet-0")),
    headless("c1.fleet", pod("10.3.0.1", "us-b", "pet-0")),
)
API: Final = (
    balanced("eu1", pod("10.1.0.5", "eu-a"), ips=packed("10.96.0.1"), lb=packed("203.0.113.1")),
    balanced("us1", pod("10.2.0.5", "us-a"), ips=packed("10.96.0.2"), lb=packed("203.0.113.2"), ports=(HTTPS, DNS)),
)


def status(cluster: str, state: Freshness = Freshness.FRESH, age: float = 2.0) -> Status:
    """A member last heard `age` seconds ago; a syncing one was never heard."""
    if state is Freshness.SYNCING:
        return Status(cluster=cluster, joined=NOW - age)
    heard = NOW - age
    return Status(cluster=cluster, joined=0.0, state=state, since=0.0, synced=True, alive=heard, readable=heard)


def federation(
    exports: Iterable[Export] = (*DB, *API),
    *,
    states: dict[str, Freshness] | None = None,
    policies: tuple[Policy, ...] = (),
    clusters: tuple[Cluster, ...] = CLUSTERS,
    zones: tuple[Zone, ...] = ZONES,
    age: float = 2.0,
) -> State:
    """A state in which members are fresh unless said otherwise."""
    catalog = Catalog()
    by_cluster: dict[str, list[Export]] = {}
    for each in exports:
        by_cluster.setdefault(each.cluster, []).append(each)
    for name, own in by_cluster.items():
        catalog.replace(name, own)
    statuses = {each.name: status(each.name, (states or {}).get(each.name, Freshness.FRESH), age) for each in clusters}
    rules = Rules(zones=zones, clusters=clusters, policies=policies)
    holders = Holders(catalog, [reverse_prefix(zone.name) for zone in zones if zone.kind == "reverse"])
    return State(rules=rules, catalog=catalog, statuses=statuses, holders=holders, serial=42)


def query(name: str, qtype: str = "A", qclass: str = "IN") -> Query:
    """A parsed question with EDNS."""
    made = parse(dns.message.make_query(name, qtype, qclass, use_edns=0).to_wire())
    assert isinstance(made, Query)
    return made


def ask(
    name: str,
    qtype: str = "A",
    state: State | None = None,
    *,
    where: Location = IN_EU,
    diagnostics: bool = True,
    allowed: bool = True,
    qclass: str = "IN",
) -> Answer:
    """Resolve one question."""
    client = Client(address=packed("10.1.7.7")[0], location=where, allowed=allowed, diagnostics=diagnostics)
    return resolve(query(name, qtype, qclass), client, state or federation(), NOW)


def text(records: Sequence[Record], *, owner: bool = False) -> list[str]:
    """Records as in a zone file, with the owner where asked."""
    lines = []
    for each in records:
        kind = dns.rdatatype.RdataType(each.rtype)
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, kind, each.rdata, 0, len(each.rdata))
        line = f"{each.ttl} {kind.name} {rdata.to_text()}"
        lines.append(f"{dns.name.from_wire(each.owner, 0)[0]} {line}" if owner else line)
    return lines


def shown(answer: Answer) -> list[str]:
    """The rcode where it is not NOERROR, the aliases, and the records of all groups."""
    names = {
        codes.NXDOMAIN: "NXDOMAIN",
        codes.SERVFAIL: "SERVFAIL",
        codes.REFUSED: "REFUSED",
    }
    head = [names[answer.rcode]] if answer.rcode else []
    head += text(answer.chain, owner=True)
    return head + [line for group in answer.groups for line in text(group.records)] or ["NODATA"]


def errors(answer: Answer) -> list[int]:
    """The codes of the extended errors."""
    return [code for code, _ in answer.ede]
