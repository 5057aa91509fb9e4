"""Load balancers that have a name in somebody else's DNS, and no address: an alias, where no address is to be had."""

import pytest
from msgspec import structs

from fedns.answers.answer import State
from fedns.answers.difference import changes
from fedns.answers.explain import explained
from fedns.federation.objects import Export
from fedns.federation.placement import Policy, Rung
from tests.answers.federations import (
    FEDERAL,
    IN_EU,
    IN_US,
    NOW,
    OUTSIDE,
    STRICT,
    ask,
    balanced,
    federation,
    packed,
    pod,
    shown,
)

ELB = "lb-1.elb.example.net"
API = f"api.shop.{FEDERAL}"


def named(cluster: str, *names: str) -> Export:
    """A service whose load balancer has these names."""
    made = balanced(cluster, pod("10.1.0.5", "eu-a" if cluster == "eu1" else "us-a"), ips=packed("10.96.0.1"))
    return structs.replace(made, load_balancer_names=names)


def both(*names: str) -> State:
    """eu1 has names, us1 an address."""
    return federation([named("eu1", *names), balanced("us1", pod("10.2.0.5", "us-a"), lb=packed("203.0.113.2"))])


@pytest.mark.parametrize("qtype", ["A", "AAAA", "CNAME", "TXT", "SRV", "ANY"])
def test_an_alias_stands_for_every_type(qtype: str) -> None:
    """RFC 2181 section 10.1: where there is a CNAME there is nothing else."""
    assert shown(ask(API, qtype, federation([named("eu1", ELB)]), where=OUTSIDE)) == [f"20 CNAME {ELB}."]


def test_several_take_turns() -> None:
    """A name has one alias at a time."""
    answer = ask(API, "A", federation([named("eu1", "a.example.net", "b.example.net")]), where=OUTSIDE)
    assert shown(answer) == ["20 CNAME a.example.net.", "20 CNAME b.example.net."]
    assert [str(group.share) for group in answer.groups] == ["1/2", "1/2"]


def test_addresses_go_first() -> None:
    """In one group with addresses the name stands back; alone in its own part it answers."""
    state = both(ELB)
    assert shown(ask(API, "A", state, where=OUTSIDE)) == ["20 A 203.0.113.2"]
    assert shown(ask(f"eu1.{API}", "A", state, where=OUTSIDE)) == [f"20 CNAME {ELB}."]
    assert shown(ask(API, "A", state, where=IN_EU)) == ["20 A 10.96.0.1"]


def test_a_balancer_with_an_address_needs_no_name() -> None:
    """Of the same load balancer the addresses count."""
    mixed = structs.replace(named("eu1", ELB), load_balancer_ips=packed("203.0.113.1"))
    assert shown(ask(API, "A", federation([mixed]), where=OUTSIDE)) == ["20 A 203.0.113.1"]


def test_weights_divide_names_too() -> None:
    """A group of its own has its share, be it of names."""
    state = federation(
        [named("eu1", ELB), balanced("us1", pod("10.2.0.5", "us-a"), lb=packed("203.0.113.2"))],
        policies=(Policy(weights={"eu1": 3, "us1": 1}, ladder=(Rung.ANY,)),),
    )
    answer = ask(API, "A", state, where=OUTSIDE)
    assert shown(answer) == [f"20 CNAME {ELB}.", "20 A 203.0.113.2"]
    assert [str(group.share) for group in answer.groups] == ["3/4", "1/4"]
    assert [str(group.share) for group in ask(API, "AAAA", state, where=OUTSIDE).groups] == ["1"]


def test_srv_points_at_the_name_itself() -> None:
    """RFC 2782: a target is no alias."""
    state = federation([named("eu1", ELB)])
    assert shown(ask(f"_https._tcp.{API}", "SRV", state, where=OUTSIDE)) == [f"20 SRV 0 100 443 {ELB}."]
    assert shown(ask(f"_https._tcp.{API}", "A", state, where=OUTSIDE)) == ["NODATA"]


def test_the_clusterset_zone_has_addresses_only() -> None:
    """M4, M5: never an alias; a farther cluster with an address answers instead."""
    assert shown(ask(f"api.shop.{STRICT}", "A", both(ELB), where=IN_US)) == ["5 A 203.0.113.2"]
    assert shown(ask(f"api.shop.{STRICT}", "A", federation([named("eu1", ELB)]), where=OUTSIDE)) == ["NODATA"]


def test_no_alias_leads_back() -> None:
    """A name in a zone of ours could be a loop: it is never told."""
    assert shown(ask(API, "A", federation([named("eu1", API)]), where=OUTSIDE)) == ["NODATA"]


def test_it_is_told_to_people() -> None:
    """Explanations and differences show the name where others show the address."""
    state = federation([named("eu1", ELB)])
    assert f"address={ELB} kind=LoadBalancer" in "\n".join(explained(state, API, OUTSIDE, NOW).lines())
    (line,) = [str(each) for each in changes(state, federation([named("eu1", "b.example.net")]))]
    assert ELB in line
