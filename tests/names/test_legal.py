"""Whatever members hold, every name in an answer is legal, and leads somewhere in fedns itself."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.rules import Zone
from fedns.federation.objects import AddressKind
from tests.names import beds
from tests.names.objects import Json, export, exports, point, service, slices
from tests.names.worlds import CLUSTERS, EU, HUB, RULES, STRANGER, US

LONG: Final = "n" * 63
DEEP: Final = ".".join(("deep" * 15, "deeper" * 10, "example"))
"""A zone in which the longest names do not fit any more."""
STRICT: Final = dns.name.from_text("svc.clusterset.local.")
FEDERAL: Final = Zone(name="example.com", kind="federation", federation="myfed")
ZONES: Final = (
    Zone(name="clusterset.local", kind="clusterset"),
    FEDERAL,
    Zone(name=DEEP, kind="federation", federation="fed2"),
    Zone(name="10.in-addr.arpa", kind="reverse", federation="myfed"),
    Zone(name="d.f.ip6.arpa", kind="reverse", federation="myfed"),
    Zone(name="myfed.svc.cluster.local", kind="old", federation="myfed"),
)
FAULTS: Final = counters.DROPS + counters.DROP_REASONS.index("fault")
KINDS: Final = (AddressKind.CLUSTER_IP, AddressKind.POD_IP, AddressKind.LOAD_BALANCER)
MEMBERS: Final = ("eu1", "us1", "c1.fleet")
WORLD: Final = structs.replace(
    RULES, zones=ZONES, clusters=tuple(structs.replace(each, addresses=KINDS) for each in CLUSTERS), policies=()
)

names = st.sampled_from(["web", "db", "shop/api", f"{LONG}/{LONG}", f"shop/{LONG}"])
addresses = st.one_of(
    st.integers(0, 9).map(lambda last: f"10.1.0.{last}"),
    st.sampled_from(["fd00::", "fd00::1", "fd00:0:0:1::", "FD00::2", "fd00:1:2:3:4:5:6:7", "::ffff:10.1.0.1", "::1"]),
)
hosts = st.sampled_from(["", "", "pet-0", "Pet-1", "a.b", LONG, "x" * 64, "_x", "10-1-0-3"])
ports = st.lists(
    st.sampled_from(["http:80", "web:80", "http:8080", "dns:53/UDP", "dns:53", ":9", ":10/SCTP"]), max_size=3
)
points = st.builds(
    point, addresses, hosts, st.sampled_from(["", "eu-a", "us-a", "Z" * 64]), ready=st.booleans(), serving=st.booleans()
)


@st.composite
def member(draw: st.DrawFn) -> list[Json]:
    """The objects of one member: services, some of them exported, with slices that may contradict each other."""
    found: list[Json] = []
    for name in draw(st.lists(names, unique=True, max_size=4)):
        ips = draw(st.sampled_from([[], [], ["10.96.0.1"], ["fd00:96::1", "10.96.0.2"]]))
        lb = draw(st.sampled_from([[], ["203.0.113.7"], ["2001:db8::7"]]))
        found.append(service(name, *draw(ports), ips=ips, lb=lb, age=draw(st.integers(1, 3))))
        if draw(st.integers(0, 4)):
            found.append(export(name, age=draw(st.integers(1, 3))))
        for number in range(draw(st.integers(0, 2))):
            own = draw(st.lists(points, max_size=3))
            found += slices(name, *own, ports=draw(ports), name=str(number))
    return found


class Asker:
    """One client of a replica."""

    def __init__(self, held: Replica, source: str) -> None:
        self._held = held
        self._source = source
        self._known: dict[tuple[str, str], set[str]] = {}

    def ask(self, name: dns.name.Name | str, qtype: str) -> dns.message.Message:
        """The reply over a stream, where all of it fits."""
        wire = dns.message.make_query(name, qtype, use_edns=0).to_wire()
        return dns.message.from_wire(beds.answered(self._held, wire, self._source, stream=True))

    def records(self, name: dns.name.Name | str, qtype: str) -> set[str]:
        """The values of one type in the answer."""
        question = (str(name), qtype)
        if question not in self._known:
            kind = dns.rdatatype.from_text(qtype)
            found = self.ask(name, qtype).answer
            self._known[question] = {str(rdata) for each in found if each.rdtype == kind for rdata in each}
        return self._known[question]


def questions(held: Replica) -> Iterator[tuple[dns.name.Name, str]]:
    """Every form of name of every service, as far as it can be asked at all."""
    trees = ["svc.clusterset.local", "myfed.svc.example.com", f"fed2.svc.{DEEP}", "myfed.svc.cluster.local"]
    trees += ["myfed.svc.eu.example.com", "myfed.svc.us-a.us.example.com"]
    forms = ["", "eu1.", "c1.fleet.", "_http._tcp.", "_dns._udp.", "_http._tcp.eu1.", "us-a.prefer._zone."]
    for namespace, name in sorted(held.catalog.keys()):
        for tree in trees:
            for form in forms:
                try:
                    asked = dns.name.from_text(f"{form}{name}.{namespace}.{tree}.")
                except dns.name.NameTooLong:
                    continue
                yield asked, "SRV"
            if tree.count("svc") == 1:  # these have aliases
                with suppress(dns.name.NameTooLong):
                    yield dns.name.from_text(f"{name}.{namespace}.{tree}."), "A"
    for tree in ("clusterset.local", "example.com", DEEP):
        yield from ((dns.name.from_text(f"{tree}."), qtype) for qtype in ("NS", "SOA"))
    for last in range(10):
        yield dns.reversename.from_address(f"10.1.0.{last}"), "PTR"
    yield from ((dns.reversename.from_address(each), "PTR") for each in ("fd00::", "fd00::1", "fd00:0:0:1::"))


def check_records(asker: Asker, reply: dns.message.Message) -> None:
    """What the records of one answer point at exists, and has the addresses that came with it."""
    for found in reply.answer:
        for rdata in found:
            if found.rdtype == dns.rdatatype.SRV:
                known = asker.records(rdata.target, "A") | asker.records(rdata.target, "AAAA")
                assert known, f"{rdata.target} has no address"
                glue = {str(each) for extra in reply.additional if extra.name == rdata.target for each in extra}
                # The one name of a clusterset address stands for members without this port, too (M6).
                assert glue <= known or len(rdata.target.relativize(STRICT)) == 2
                assert glue, f"{rdata.target} came without addresses, and there was room"
            elif found.rdtype in {dns.rdatatype.CNAME, dns.rdatatype.PTR, dns.rdatatype.NS}:
                assert asker.ask(rdata.target, "A").rcode() == dns.rcode.NOERROR, rdata.target


def check_pointers(asker: Asker, name: dns.name.Name) -> None:
    """A pod's own name leads back to its address."""
    address = dns.reversename.to_address(name)
    for target in asker.records(name, "PTR"):
        family = "AAAA" if ":" in address else "A"
        if target.partition(".")[0] not in {"eu1", "us1", "c1"}:
            assert address in asker.records(target, family)


# Without the shrinker, which would take minutes: what failed is printed as it is.
@settings(max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.fixed_dictionaries({name: member() for name in MEMBERS}), st.sampled_from([EU, US, STRANGER, HUB]))
def test_every_name_is_legal_and_leads_somewhere(objects: dict[str, list[Json]], source: str) -> None:
    """Targets of SRV, CNAME, PTR and NS, owners of additional records: legal, and there when they are asked."""
    held = beds.replica(WORLD, {name: exports(name, own) for name, own in objects.items()}, {})
    asker = Asker(held, source)
    for name, qtype in questions(held):
        reply = asker.ask(name, qtype)  # dnspython raises for a name over the limits
        assert reply.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
        assert not reply.flags & dns.flags.TC
        check_records(asker, reply)
        if qtype == "PTR" and source in {EU, US}:  # the others cannot reach pods
            check_pointers(asker, name)
    assert not held.counts[FAULTS]
