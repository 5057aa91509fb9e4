"""Digests: equal where the answers are, whatever differs beside them."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec import structs

from fedns.answers.digests import Digests, UnreadableError, at, differences, digests, lines, read
from fedns.answers.replica import Replica
from fedns.answers.rules import Zone
from fedns.answers.wire import Generation, Members, NewRules, Replace, SettledType, Types
from fedns.federation.digest import FORMAT
from fedns.federation.drains import drain
from fedns.federation.health import Freshness, PathBad, Status, Timers, observe
from fedns.federation.locality import ClientRule, Location
from fedns.federation.placement import Policy
from tests.answers.federations import IN_EU, IN_US, ask, federation, shown
from tests.answers.replicas import NOW, RULES, ZONE, export, fresh, replica
from tests.answers.replicas import ask as packet

SHOP: Final = (drain("us1"), drain("shop/web@eu1"))


def of(held: Replica) -> Digests:
    """The numbers of a replica."""
    return digests(held.rules, held.catalog, held.statuses, held.epoch)


def ruled(held: Replica, **more: Any) -> None:
    """Give a replica other rules."""
    held.apply(NewRules(structs.replace(held.rules, **more)), NOW)
    held.apply(Members((fresh("eu1"), fresh("us1"))), NOW)


def cut(cluster: str) -> Status:
    """A member whose data path fails."""
    return observe(fresh(cluster), PathBad("refused", lost=True), NOW, Timers())


SAME: Final[dict[str, Callable[[Replica], None]]] = {
    "generation": lambda held: held.apply(Generation("epoch", 99, 12345), NOW),
    "age": lambda held: held.tick(NOW + 3),
    "suspect": lambda held: held.tick(NOW + 7),
    "who may ask": lambda held: ruled(held, allow=("10.0.0.0/8",), diagnostics=(), nsid="elsewhere"),
    "where it runs": lambda held: ruled(held, local=Location(cluster="us1"), local_when_stale="demote"),
    "order of clusters": lambda held: ruled(held, clusters=tuple(reversed(held.rules.clusters))),
    "where clients are": lambda held: ruled(held, clients=(ClientRule(cidrs=("10.8.0.0/16",), cluster="us1"),)),
}
OTHER: Final[dict[str, tuple[Callable[[Replica], None], str]]] = {
    "a policy": (lambda held: ruled(held, policies=(Policy(min_ready=2),)), "rules: configuration, drains"),
    "a drain": (lambda held: ruled(held, drains=SHOP), "rules: configuration, drains"),
    "a zone": (lambda held: ruled(held, zones=(*held.rules.zones, Zone(name="x", kind="old"))), "rules:"),
    "a stale member": (lambda held: held.tick(NOW + 10), "eu1: fresh here, stale there"),
    "a forced state": (lambda held: ruled(held, forced={"us1": Freshness.EXPIRED}), "us1: fresh here, expired there"),
    "a lost data path": (
        lambda held: held.apply(Members((fresh("eu1"), cut("us1"))), NOW),
        "us1: fresh here, stale-cut there",
    ),
    "an export": (
        lambda held: held.apply(Replace("us1", (export("us1", [b"\x0a\2\0\3"], "us-a"),), first=True, last=True), NOW),
        "us1: other exports (1 services here, 1 there)",
    ),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_is_of_one_replica_alone_does_not_count(change: Callable[[Replica], None]) -> None:
    """Two replicas that know the same agree, however they came to know it and wherever they are."""
    one, other = replica(), replica()
    change(other)
    assert differences(of(one), of(other)) == []


@pytest.mark.parametrize(("change", "told"), OTHER.values(), ids=OTHER)
def test_what_changes_answers_counts(change: Callable[[Replica], None], told: str) -> None:
    """Whatever clients see differs in the digests, and it is said what."""
    one, other = replica(), replica()
    change(other)
    found = differences(of(one), of(other))
    assert found[0].startswith(told)
    assert at(of(one), RULES, IN_EU) != at(of(other), RULES, IN_EU)


def test_drains_in_any_order_are_the_same() -> None:
    """The order in which things were drained changes no answer."""
    one, other = replica(), replica()
    ruled(one, drains=SHOP)
    ruled(other, drains=SHOP[::-1])
    assert differences(of(one), of(other)) == []


def test_a_settled_type_counts() -> None:
    """Where exports disagree about a type, what was settled decides the answer."""
    one, other = replica(), replica()
    for held in (one, other):
        balanced = structs.replace(export("us1", [b"\x0a\2\0\1"], "us-a"), headless=False)
        held.apply(Replace("us1", (balanced,), first=True, last=True), NOW)
    assert differences(of(one), of(other)) == []
    other.apply(Types((SettledType("shop", "web", headless=False),)), NOW)
    assert differences(of(one), of(other)) == ["rules: configuration, drains or migrations are not the same"]


def test_a_member_of_one_alone() -> None:
    """A member that only one of two has is told as such."""
    one, other = replica(), replica()
    ruled(other, clusters=RULES.clusters[:1])
    assert differences(of(one), of(other))[1:] == ["us1: a member here only"]
    assert differences(of(other), of(one))[1:] == ["us1: a member there only"]


def test_the_digest_of_a_location() -> None:
    """It differs by location, not by the rule that found it; by the local cluster only where that keeps its rank."""
    found = of(replica())
    assert at(found, RULES, IN_EU) == at(found, RULES, structs.replace(IN_EU, rule="other")) != at(found, RULES, IN_US)
    moved = structs.replace(RULES, local=Location(cluster="us1"))
    assert at(found, RULES, IN_EU) == at(found, moved, IN_EU)
    held = replica()
    held.tick(NOW + 10)
    demoting = structs.replace(RULES, local_when_stale="demote")
    assert at(of(held), RULES, IN_EU) != at(of(held), moved, IN_EU) != at(of(held), demoting, IN_EU)
    held.apply(Members((cut("eu1"), fresh("us1"))), NOW)  # it gives way: where fedns runs does not matter any more
    assert at(of(held), RULES, IN_EU) == at(of(held), demoting, IN_EU)


def test_lines_are_read_as_they_were_written() -> None:
    """What a replica tells by TXT is what another one compares; other lines are passed over."""
    found = of(replica())
    assert read(["digest=1 cluster=eu1 zone=-", *reversed(lines(found))]) == found
    assert differences(found, structs.replace(found, format=FORMAT + 1, rules="other")) == [
        f"another version: its digests are of format {FORMAT + 1}, ours of format {FORMAT}"
    ]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        pytest.param([], "no digests among what it tells", id="nothing"),
        pytest.param(["format=x rules=1 epoch=e members=0"], "no digests among what it tells", id="no number"),
        pytest.param(["format=1 rules=1 epoch=e members=2"], "0 members are told of, not 2", id="cut"),
        pytest.param(["cluster=a services=x"], "no digest of a member: 'cluster=a services=x'", id="member"),
    ],
)
def test_what_is_no_digest(told: list[str], why: str) -> None:
    """A reply that is cut, or not ours, is no agreement."""
    with pytest.raises(UnreadableError, match=why):
        read(told)


@pytest.mark.parametrize("zone", ["clusterset.local", "example.com"])
def test_digest_is_asked_by_dns(zone: str) -> None:
    """`_digest` of either zone tells the digest of the client's place, then what replicas compare."""
    held = replica()
    reply = packet(held, f"_digest.{zone}", "TXT", stream=True)
    told = [each.strings[0].decode() for each in reply.answer[0]]
    place = "cluster=eu1 zone=eu-a region=eu-west jurisdiction=- network=default"
    first = next(line for line in told if line.startswith("digest="))
    assert first == f"digest={at(of(held), RULES, held.view('127.0.0.1', stream=True).spot.location)} {place}"
    assert read(told) == of(held)
    assert (of(held).epoch, [each.ttl for each in reply.answer]) == ("epoch", [0])


def test_digest_is_a_diagnostic() -> None:
    """Only those who may ask for diagnostics get it; there is no such name elsewhere, and no other type."""
    assert shown(ask("_digest.example.com", "TXT", diagnostics=False)) == ["REFUSED"]
    assert shown(ask("_digest.clusterset.local", "TXT", diagnostics=False)) == ["REFUSED"]
    assert shown(ask("_digest.example.com", "A")) == ["NODATA"]
    assert shown(ask(f"_digest.{ZONE}", "TXT")) == ["NXDOMAIN"]
    assert shown(ask("a._digest.example.com", "TXT")) == ["NXDOMAIN"]
    assert len(shown(ask("_digest.example.com", "TXT", federation()))) == 5
