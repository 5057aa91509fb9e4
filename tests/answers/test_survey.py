"""All services from all places: who depends on drains, what a loss costs, who lives in one cluster alone."""

from msgspec import structs

from fedns.answers.answer import State
from fedns.answers.survey import Dependent, Loss, dependents, locations, losses, name, single
from fedns.federation.drains import drain
from fedns.federation.locality import ClientRule, Location
from fedns.federation.placement import Policy
from tests.answers.federations import API, CLUSTERS, DB, balanced, federation, headless, packed, pod

ONE = headless("eu1", pod("10.1.0.20", "eu-a"), name="one")
CLIENTS = (
    ClientRule(cidrs=("10.2.0.0/16", "10.3.0.0/16"), cluster="us1", zone="us-a"),
    ClientRule(cidrs=("192.0.2.0/24",), network="office"),
)
HERE = Location(cluster="eu1", zone="eu-a", rule="local")


def made(*exports: object, policies: tuple[Policy, ...] = ()) -> State:
    """A federation of these exports, with two places beside the local one."""
    state = federation(exports or (*DB, ONE), policies=policies)  # type: ignore[arg-type]
    return structs.replace(state, rules=structs.replace(state.rules, clients=CLIENTS, local=HERE))


def test_places() -> None:
    """One for each place, however many prefixes it has; the local one comes first, by the narrowest known name."""
    assert list(locations(made())) == ["eu1/eu-a", "us1/us-a", "anywhere (office)"]
    assert name(Location(region="eu", network="default")) == "eu"
    nodes = structs.replace(made(), zones=frozenset({"eu-b", "eu-a"}))
    assert list(locations(nodes)) == ["eu1/eu-a", "us1/us-a", "anywhere (office)", "eu1/eu-b"]
    assert locations(nodes)["eu1/eu-b"].region == "eu"


def test_dependents() -> None:
    """Whom nobody else can answer keeps the drained ones, unless by force or where the policy is closed."""
    assert dependents(made(), [drain("us1")]) == []
    inside = ("eu1/eu-a", "us1/us-a")
    assert dependents(made(), [drain("eu1")]) == [Dependent("shop/one", True, inside)]
    assert dependents(made(), [drain("eu1", force=True)]) == [Dependent("shop/one", False, inside)]
    closed = made(policies=(Policy(when_all_unhealthy="closed"),))
    assert dependents(closed, [drain("eu1/eu-a")]) == [Dependent("shop/one", False, inside)]
    everything = [drain(each.name) for each in CLUSTERS]
    assert [each.service for each in dependents(made(), everything)] == ["shop/db", "shop/one"]


def test_losses() -> None:
    """No answer, or one from another region than before: told once for all places where it is the same."""
    assert losses(made(), [drain("c1.fleet")]) == []
    assert losses(made(), [drain("eu1")]) == [
        Loss("shop/db", "region", ("eu1/eu-a",), "answered from us instead of eu"),
        Loss("shop/one", "no answer", ("eu1/eu-a", "us1/us-a")),
    ]
    assert losses(made(), [drain("eu1/eu-a")]) == [Loss("shop/one", "no answer", ("eu1/eu-a", "us1/us-a"))]
    unready = balanced("eu1", pod("10.1.0.5", ready=False), lb=packed("203.0.113.1"))
    assert losses(made(unready), [drain("eu1")]) == []
    other = balanced("us1", pod("10.2.0.5", ready=False), lb=packed("203.0.113.2"))
    assert {each.effect for each in losses(made(API[0], other), [drain("eu1")])} == {"no answer"}


def test_broken_constraints() -> None:
    """Others are ready, but are forbidden: that is told apart from there being none."""
    eu_only = made(*DB, policies=(Policy(jurisdictions=("eu",)),))
    assert {each.effect for each in losses(eu_only, [drain("eu1")])} == {"constraint"}
    closed = made(*DB, policies=(Policy(when_all_unhealthy="closed"),))
    drained = structs.replace(closed, rules=structs.replace(closed.rules, drains=(drain("us1"), drain("c1.fleet"))))
    assert [each.detail for each in losses(drained, [drain("eu1")])] == ["its policy is closed to what is left"]


def test_single_clusters() -> None:
    """Exports that nobody is ready behind do not count."""
    asleep = headless("us1", pod("10.2.0.20", ready=False), name="one")
    assert single(made(*DB, ONE, asleep)) == [("shop/one", "eu1")]
