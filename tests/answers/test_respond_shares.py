"""Shares on the wire: exact over a turn of the ring, and as decided over many answers of one worker and of several."""

from collections import Counter
from fractions import Fraction
from math import lcm
from random import Random

import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fedns.answers import counters
from fedns.answers.parts import decided
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.wire import Generation, Members, NewRules, Replace
from fedns.federation.locality import Location
from fedns.federation.migrations import Shift
from fedns.federation.objects import Cluster
from fedns.federation.placement import Policy, Rung
from tests.answers.replicas import NOW, RULES, WEB, addresses, ask, export, fresh

CLUSTERS = ("eu1", "eu2", "us1")
ANSWERS = 100_000
CHI_SQUARE = {1: 10.83, 2: 13.82}
"""What a fair draw exceeds once in a thousand times, by degrees of freedom; rings draw better than chance."""
QUERY = dns.message.make_query(WEB, "A", use_edns=0).to_wire()
F = Fraction


def worker(policy: Policy, *shifts: Shift, ready: tuple[int, ...] = (2, 2, 2)) -> Replica:
    """A worker that knows three clusters with so many pods each; clients are in none of them."""
    held = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    rules = structs.replace(
        RULES,
        clusters=tuple(Cluster(name=name, region=name[:2]) for name in CLUSTERS),
        local=Location(region="moon", network="default"),
        clients=(),
        policies=(policy,),
        shifts=shifts,
    )
    held.apply(NewRules(rules), NOW)
    held.apply(Members(tuple(map(fresh, CLUSTERS))), NOW)
    for at, (name, count) in enumerate(zip(CLUSTERS, ready, strict=True)):
        pods = [bytes((10, at, 0, each)) for each in range(1, count + 1)]
        held.apply(Replace(name, (export(name, pods, "z"),), first=True, last=True), NOW)
    held.apply(Generation("epoch", 1), NOW)
    return held


def group(reply: bytes) -> str:
    """The clusters of the addresses of an answer."""
    found = {CLUSTERS[int(address.split(".")[1])] for address in addresses(dns.message.from_wire(reply))}
    return "+".join(sorted(found))


SHIFT = Shift(namespace="shop", service="web", source="us1", target="eu1", percent=10)
TABLES = {
    "35, 50, 15": (Policy(weights={"eu1": 35, "eu2": 50, "us1": 15}), (), {"eu1": "7/20", "eu2": "1/2", "us1": "3/20"}),
    "1, 0, 0": (Policy(weights={"eu1": 1}), (), {"eu1": "1"}),
    "a third each": (Policy(weights={"eu1": 1, "eu2": 1, "us1": 1}), (), {"eu1": "1/3", "eu2": "1/3", "us1": "1/3"}),
    "a migration of a weight": (
        Policy(weights={"eu1": 20, "us1": 80}),
        (SHIFT,),
        {"eu1": "28/100", "us1": "72/100"},
    ),
    "spill by cost": (Policy(min_ready=3, ladder=(Rung.ANY,)), (), {"eu1+eu2+us1": "1"}),
}


@pytest.mark.parametrize(("policy", "shifts", "expected"), TABLES.values(), ids=TABLES)
def test_shares_are_exact_over_a_turn(policy: Policy, shifts: tuple[Shift, ...], expected: dict[str, str]) -> None:
    """Over as many answers as the shares' common denominator, from wherever one begins to count; one group each."""
    held = worker(policy, *shifts)
    view = held.view("192.0.2.1", stream=False)
    wanted = {name: F(share) for name, share in expected.items()}
    slots = lcm(*(share.denominator for share in wanted.values()))
    for _ in range(3):
        counts = Counter(group(respond(QUERY, view, held, NOW)) for _ in range(slots))
        assert counts == {name: share * slots for name, share in wanted.items()}
        respond(QUERY, view, held, NOW)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("table", ["35, 50, 15", "1, 0, 0"])
def test_many_answers_are_as_decided(table: str, workers: int) -> None:
    """Chi-square over 100,000 answers, from one worker, or from four in an order made by chance."""
    policy, shifts, expected = TABLES[table]
    held = [worker(policy, *shifts) for _ in range(workers)]
    views = [each.view("192.0.2.1", stream=False) for each in held]
    chance = Random(20_241)
    told: Counter[bytes] = Counter()
    for _ in range(ANSWERS):
        at = chance.randrange(workers)
        told[respond(QUERY, views[at], held[at], NOW)] += 1
    counts: Counter[str] = Counter()
    for reply, count in told.items():
        counts[group(reply)] += count
    wanted = {name: float(F(share) * ANSWERS) for name, share in expected.items()}
    assert counts.keys() == wanted.keys()
    distance = sum((counts[name] - wanted[name]) ** 2 / wanted[name] for name in wanted)
    assert distance < CHI_SQUARE.get(len(wanted) - 1, 1e-9)


def test_what_is_explained_is_what_is_sent() -> None:
    """The addresses that `_explain` calls chosen are those of all answers over a turn, and no others."""
    held = worker(Policy(weights={"eu1": 35, "eu2": 50}), SHIFT, ready=(3, 1, 2))
    view = held.view("192.0.2.1", stream=False)
    sent = {each for _ in range(400) for each in addresses(dns.message.from_wire(respond(QUERY, view, held, NOW)))}
    lines = [str(each) for found in ask(held, f"_explain.{WEB}", "TXT", stream=True).answer for each in found]
    chosen = {line.partition("address=")[2].partition(" ")[0] for line in lines if "chosen=yes" in line}
    assert sent == chosen
    assert len(lines) > len(chosen)


@settings(max_examples=25, deadline=None)
@given(
    weights=st.fixed_dictionaries({name: st.integers(0, 4) for name in CLUSTERS}),
    weighted=st.booleans(),
    ready=st.tuples(*[st.integers(0, 4)] * 3),
    percent=st.sampled_from((0, 10, 50, 100)),
)
def test_the_wire_says_what_is_explained(
    weights: dict[str, int], weighted: bool, ready: tuple[int, ...], percent: int
) -> None:
    """Over one walk of any answer: the chosen addresses and no others, each group in exactly its share."""
    policy = Policy(weights=weights if weighted else {})
    held = worker(policy, structs.replace(SHIFT, percent=percent), ready=ready)
    found = held.catalog.service(("shop", "web"))
    assert found is not None
    view = held.view("192.0.2.1", stream=False)
    decision = decided(held.state, view.client.location, found)
    shares = {"+".join(sorted({one.cluster for one in each.candidates})): each.share for each in decision.groups}
    slots = lcm(1, *(share.denominator for share in shares.values()))
    replies = [respond(QUERY, view, held, NOW) for _ in range(slots * 4)]
    for start in range(0, len(replies), slots):
        counts = Counter(filter(None, map(group, replies[start : start + slots])))
        assert counts == {name: share * slots for name, share in shares.items()}
    sent = {each for reply in replies for each in addresses(dns.message.from_wire(reply))}
    assert sent == {one.shown for each in decision.groups for one in each.candidates}
