"""Which clusters a hub may add, and what is in force then."""

import pytest

from fedns.answers.rules import Rules
from fedns.control import sources
from fedns.control.sources import Sources
from fedns.federation.objects import AddressKind, Cluster
from tests.control.stage import ZONES

HUB = Cluster(name="hub", network="n1", addresses=(AddressKind.POD_IP,), region="eu", trust_rank=2)
RULES = Rules(
    zones=ZONES,
    clusters=(HUB, Cluster(name="named.hub", via="hub", region="us"), Cluster(name="hub2"), Cluster(name="eu1")),
)


def test_what_is_found_stands_behind_what_is_named() -> None:
    """It has its hub's network, addresses and rank, and no location; to be told of it again is no news."""
    known = Sources(RULES)
    assert known.find("hub", "c2.example")
    assert known.find("hub", "c2.example") is False
    found = Cluster(name="c2.example", via="hub", network="n1", addresses=(AddressKind.POD_IP,), trust_rank=2)
    assert known.rules.clusters == (*RULES.clusters, found)
    assert known.is_found("c2.example")
    assert not known.is_found("named.hub")


@pytest.mark.parametrize(
    ("cluster", "verdict"),
    [
        pytest.param("named.hub", False, id="its own, as configured"),
        pytest.param("hub", False, id="itself"),
        pytest.param("eu1", None, id="a member"),
        pytest.param("hub2", None, id="another hub"),
        pytest.param("c2", None, id="found through another hub"),
    ],
)
def test_nobody_takes_over_another_cluster(cluster: str, verdict: bool | None) -> None:
    """What belongs to somebody else is refused."""
    known = Sources(RULES)
    assert known.find("hub2", "c2")
    assert known.find("hub", cluster) is verdict


def test_a_refusal_is_said_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    """A hub that goes on telling of a foreign cluster says nothing new."""
    known = Sources(RULES)
    for _ in range(3):
        assert known.find("hub", "eu1") is None
    assert [record.getMessage() for record in caplog.records] == ["hub: cluster eu1 belongs to eu1: refused"]
    assert known.refused == {"hub": {"foreign_cluster": 1}}
    known.configure(Rules(zones=ZONES, clusters=(Cluster(name="eu1"),)))
    assert known.refused == {}
    assert known.find("hub", "eu1") is None


def test_a_hub_cannot_add_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cluster costs a status, a series and a log line: there is a bound for each hub."""
    monkeypatch.setattr(sources, "FOUND", 2)
    known = Sources(RULES)
    assert [known.find("hub", f"c{at}") for at in range(4)] == [True, True, None, None]
    assert known.find("hub2", "other")
    assert known.refused == {"hub": {"too_many_clusters": 2}}


def test_what_was_found_lives_as_long_as_its_hub() -> None:
    """It survives another configuration, unless that names it or leaves its hub out."""
    known = Sources(RULES)
    known.find("hub", "c2")
    known.find("hub2", "c3")
    named = Cluster(name="c2", via="hub", region="eu")
    rules = known.configure(Rules(zones=ZONES, clusters=(HUB, named)))
    assert rules.clusters == (HUB, named)
    assert known.configure(RULES).clusters == RULES.clusters


def test_memories_add_up() -> None:
    """One worker may know of what another never heard of; a name that is taken stays whose it is."""
    known = Sources(RULES)
    known.remember((Cluster(name="past", region="eu"),))
    rules = known.remember((Cluster(name="past", region="us"), Cluster(name="older")))
    assert rules.clusters == (*RULES.clusters, Cluster(name="past", region="eu"), Cluster(name="older"))
    assert known.configure(RULES, complete=False).clusters == rules.clusters
    assert known.configure(RULES).clusters == RULES.clusters


def test_what_is_remembered_counts_until_all_are_named() -> None:
    """A member that only a snapshot knows stands beside the configured ones until the configuration is complete."""
    known = Sources(RULES)
    past = Cluster(name="past", network="n2")
    assert known.remember((past, Cluster(name="eu1", region="elsewhere"))).clusters == (*RULES.clusters, past)
    assert known.find("past", "c3")
    assert known.configure(RULES, complete=False).clusters[-2:] == (past, Cluster(name="c3", via="past", network="n2"))
    assert known.configure(RULES).clusters == RULES.clusters
