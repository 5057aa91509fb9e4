"""Names that do not exist: one answer serves all that stand beside each other, and never one that exists."""

from typing import Final

import dns.message
import pytest
from msgspec import structs

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.rules import Zone
from fedns.answers.wire import Change, Members
from fedns.federation.health import Freshness
from fedns.federation.objects import Cluster
from tests.answers.replicas import NOW, RULES, ZONE, ask, export, fresh, replica

EVERYWHERE: Final = structs.replace(
    RULES,
    zones=(
        *RULES.zones,
        Zone(name="cluster.local", kind="old", federation="myfed"),
        Zone(name="deeper.example.com", kind="clusterset"),
        Zone(name="1.10.in-addr.arpa", kind="reverse"),
    ),
    clusters=(Cluster(name="eu1", region="eu-west"), Cluster(name="us1.x", region="us.east"), *RULES.clusters[1:]),
)
ABOVE: Final = (
    f"shop.{ZONE}",
    f"none.{ZONE}",
    ZONE,
    "shop.myfed.svc.eu-west.example.com",
    f"web.shop.{ZONE}",
    f"eu1.web.shop.{ZONE}",
    "example.com",
    "svc.example.com",
    "east.example.com",
    "deeper.example.com",
    "shop.svc.clusterset.local",
    "clusterset.local",
    "shop.cluster.local",
    "cluster.local",
    "1.10.in-addr.arpa",
    "1.1.10.in-addr.arpa",
    "example.org",
    "",
)
LABELS: Final = (
    *("web", "shop", "eu1", "us1", "x", "eu-west", "east", "us", "svc", "dns", "ns", "deeper", "myfed", "none"),
    *("dns-version", "_tcp", "_explain", "_whoami", "_clusters", "_state", "_x", "0", "1", "10", "***", "\\000"),
)


def answered(held: Replica, name: str) -> bytes:
    """The reply to a question for A, in capital letters here and there."""
    packet = dns.message.make_query(name, "A", id=7, use_edns=0).to_wire()
    return respond(packet.replace(b"shop", b"sHoP"), held.view("127.0.0.1", stream=False), held, NOW)


@pytest.mark.parametrize("above", ABOVE)
def test_what_was_denied_before_changes_no_answer(above: str) -> None:
    """After names of every length beside it were asked, each name has the answer that a new server gives."""
    held = replica(EVERYWHERE, pods=1)
    for length in range(1, 13):
        answered(held, f"{'z' * length}.{above}")
    for label in LABELS:
        name = f"{label}.{above}".removesuffix(".") + "."
        assert answered(held, name) == answered(replica(EVERYWHERE, pods=1), name), name


@pytest.mark.parametrize("above", [f"shop.{ZONE}", f"none.{ZONE}", "example.com", "clusterset.local"])
def test_a_flood_of_random_names_costs_no_memory(above: str) -> None:
    """One entry for each length of the first label; real answers stay where they are."""
    held = replica()
    ask(held, f"web.shop.{ZONE}")
    for number in range(200):
        assert ask(held, f"x{number}.{above}").rcode() == 3
    assert len(held.memory) == 4
    assert held.counts[counters.MISSES] == 4
    assert held.counts[counters.PARSED_HITS] == 197


@pytest.mark.parametrize("length", [1, 62, 63])
def test_labels_of_every_length_are_denied(length: int) -> None:
    """A label has 63 bytes at most (RFC 1035 section 2.3.4), and the longest share a denial as the shortest do."""
    held = replica()
    for letter in "xyz":
        for qtype in ("A", "AAAA"):
            assert ask(held, f"{letter * length}.shop.{ZONE}", qtype).rcode() == 3
    assert held.counts[counters.MISSES] == 2


def test_a_service_that_appears_beside_denied_names_is_answered() -> None:
    """And is denied again when it goes; the answer for all others stays right."""
    held = replica()
    name = f"new.shop.{ZONE}"
    codes = [ask(held, name).rcode()]
    for exported in (export("eu1", [b"\x0a\1\1\1"], "eu-a", name="new"), None):
        held.apply(Change("eu1", "shop", "new", exported), NOW)
        codes += [ask(held, each).rcode() for each in (f"old.shop.{ZONE}", name, f"old.shop.{ZONE}", name)]
    assert codes == [3, 3, 0, 3, 0, 3, 3, 3, 3]


def test_a_denial_says_how_sure_it_is() -> None:
    """When a member turns stale, what was denied before is denied anew, with an extended error (RFC 8914 code 19)."""
    held = replica()
    assert not ask(held, f"one.shop.{ZONE}").extended_errors()
    stale = structs.replace(fresh("us1"), state=Freshness.STALE, alive=NOW - 100, readable=NOW - 100)
    held.apply(Members((fresh("eu1"), stale)), NOW)
    for name in ("one", "two"):
        assert [each.code for each in ask(held, f"{name}.shop.{ZONE}").extended_errors()] == [19]
