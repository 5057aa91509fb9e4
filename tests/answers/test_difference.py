"""Two configurations over the same members: whose answers differ, for whom, and how."""

from msgspec import structs

from fedns.answers.answer import State
from fedns.answers.difference import Change, changes, zones
from fedns.answers.rules import Rules, Zone
from fedns.federation.locality import ClientRule, Location
from fedns.federation.placement import Policy
from tests.answers.federations import CLUSTERS, DB, ZONES, federation, headless, pod

US = ClientRule(cidrs=("10.2.0.0/16", "10.3.0.0/16"), cluster="us1", zone="us-a")
HERE = Location(cluster="eu1", zone="eu-a", rule="local")


def made(*more: object, clients: tuple[ClientRule, ...] = (US,), **rules: object) -> State:
    """The usual federation with these rules."""
    state = federation((*DB, *more))  # type: ignore[arg-type]
    return structs.replace(state, rules=structs.replace(state.rules, **{"clients": clients, "local": HERE, **rules}))


def test_nothing_changes() -> None:
    """The same rules give the same answers, wherever else their clients come from."""
    again = made(clients=(structs.replace(US, cidrs=US.cidrs[:1]), structs.replace(US, cidrs=US.cidrs[1:])))
    assert changes(made(), again) == []


def test_changes_are_told_by_place() -> None:
    """Shares and addresses before and after, for all prefixes of one place together."""
    weighted = made(policies=(Policy(weights={"eu1": 1, "us1": 1}, ladder=("any",)),))  # type: ignore[arg-type]
    half = "1/2 10.1.0.1, 10.1.0.2 (eu1) + 1/2 10.2.0.1 (us1)"
    assert changes(made(), weighted) == [
        Change("shop/db", ("everybody else",), "1/1 10.1.0.1 (eu1)", half),
        Change("shop/db", ("10.2.0.0/16", "10.3.0.0/16"), "1/1 10.2.0.1 (us1)", half),
    ]


def test_clients_move() -> None:
    """A prefix that is elsewhere is compared with itself, not with its old place."""
    moved = made(clients=(structs.replace(US, cidrs=("10.2.0.0/16",)),))
    assert changes(made(), moved) == [Change("shop/db", ("10.3.0.0/16",), "1/1 10.2.0.1 (us1)", "1/1 10.1.0.1 (eu1)")]


def test_clients_on_nodes() -> None:
    """The zones of nodes are places, too."""
    old = made(clients=())
    moved = made(clients=(), local=Location(cluster="us1", zone="eu-a", rule="local"))
    told = changes(structs.replace(old, zones=frozenset({"eu-b"})), moved)
    assert [each.places for each in told] == [("everybody else",), ("nodes in eu-b",)]


def test_members_and_settings() -> None:
    """Services that go with a member, and settings of responses, are changes of answers."""
    many = headless("eu1", *(pod(f"10.1.1.{at}", "eu-a") for at in range(1, 6)), name="many")
    policy = Policy(ttl=60, max_answers=2, large_answers="truncate")
    told = changes(made(many, clients=()), made(clients=(), policies=(policy,)))
    assert told == [
        Change(
            "shop/db",
            ("everybody else",),
            "1/1 10.1.0.1 (eu1)",
            "1/1 10.1.0.1 (eu1) [ttl 60, at most 2, truncate]",
        ),
        Change(
            "shop/many", ("everybody else",), "1/1 10.1.1.1, 10.1.1.2, 10.1.1.3 and 2 more (eu1)", "no such service"
        ),
    ]
    alone = made(clients=(), clusters=CLUSTERS[1:2], policies=(Policy(jurisdictions=("eu",)),))
    assert [each.after for each in changes(made(clients=()), alone)] == ["nobody"]


def test_zones() -> None:
    """Zones that come, go, or answer otherwise."""
    other = structs.replace(ZONES[0], ttl=9, negative_ttl=3)
    old = Rules(zones=ZONES)
    assert zones(old, old) == []
    assert zones(old, Rules(zones=(other, Zone(name="b.c", kind="federation", federation="f")))) == [
        "zone Example.com goes: none of its names is answered any more",
        "zone b.c comes",
        "zone clusterset.local: ttl 5 -> 9, negative_ttl 5 -> 3",
    ]
