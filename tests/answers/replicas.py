"""A loaded replica for tests, and DNS messages by dnspython: the other side's view of our bytes."""

from collections.abc import Sequence
from typing import Final

import dns.message
import dns.rdatatype

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.rules import Rules, Zone
from fedns.answers.wire import Generation, Members, NewRules, Replace
from fedns.federation.health import Freshness, Status
from fedns.federation.locality import ClientRule, Location
from fedns.federation.objects import READY, SERVING, Cluster, Endpoint, Export, Port, pack

NOW: Final = 1000.0
ZONE: Final = "myfed.svc.example.com"
WEB: Final = f"web.shop.{ZONE}"
RULES: Final = Rules(
    zones=(
        Zone(name="clusterset.local", kind="clusterset"),
        Zone(name="example.com", kind="federation", federation="myfed"),
    ),
    clusters=(Cluster(name="eu1", region="eu-west"), Cluster(name="us1", region="us-east")),
    local=Location(cluster="eu1", zone="eu-a", region="eu-west", network="default", rule="local"),
    clients=(ClientRule(cidrs=("10.9.0.0/16",), cluster="us1", zone="us-a"),),
    nsid="here",
)


def export(
    cluster: str, addresses: Sequence[bytes], zone: str, *, name: str = "web", namespace: str = "shop"
) -> Export:
    """A headless service with ready endpoints at these addresses."""
    endpoints = tuple(Endpoint(address, READY | SERVING, zone) for address in addresses)
    ports = (Port("http", 80),)
    slices = pack(ports, endpoints)
    return Export(cluster=cluster, namespace=namespace, name=name, created=1, headless=True, ports=ports, slices=slices)


def fresh(cluster: str, now: float = NOW) -> Status:
    """A member that has been read and answers."""
    return Status(cluster=cluster, joined=0.0, state=Freshness.FRESH, since=1.0, synced=True, alive=now, readable=now)


def replica(rules: Rules = RULES, pods: int = 3) -> Replica:
    """A loaded replica: web in shop has `pods` pods in eu1 and two in us1."""
    held = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    held.apply(NewRules(rules), NOW)
    held.apply(Members((fresh("eu1"), fresh("us1"))), NOW)
    europe = export("eu1", [bytes((10, 1, at >> 8, at & 255)) for at in range(1, pods + 1)], "eu-a")
    held.apply(Replace("eu1", (europe,), first=True, last=True), NOW)
    america = export("us1", [b"\x0a\x02\x00\x01", b"\x0a\x02\x00\x02"], "us-a")
    held.apply(Replace("us1", (america,), first=True, last=True), NOW)
    held.apply(Generation("epoch", 1), NOW)
    return held


def ask(
    held: Replica,
    name: str,
    qtype: str = "A",
    *,
    source: str = "127.0.0.1",
    stream: bool = False,
    now: float = NOW,
    payload: int = 1232,
    options: Sequence[dns.edns.Option] = (),
) -> dns.message.Message:
    """Ask the packet door, and read the reply as a client does."""
    query = dns.message.make_query(name, qtype, use_edns=0 if payload else -1, payload=payload, options=list(options))
    view = held.view(source, stream=stream)
    wire = respond(query.to_wire(), view, held, now)
    limit = 65_535 if stream else max(512, min(payload, 1232))
    assert len(wire) <= limit
    reply = dns.message.from_wire(wire)
    assert query.is_response(reply)
    return reply


def addresses(reply: dns.message.Message) -> list[str]:
    """The addresses of the answer section, in their order."""
    return [
        str(record)
        for found in reply.answer
        if found.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}
        for record in found
    ]
