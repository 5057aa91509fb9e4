"""The values that the answering modules share."""

from fractions import Fraction

from fedns.answers import records
from fedns.answers.answer import AnswerGroup, one
from fedns.federation.health import Freshness
from tests.answers.federations import CLUSTERS, federation


def test_world_of_a_state() -> None:
    """Every configured member is in the world; one without a status is syncing; it is made once per state."""
    state = federation(states={"us1": Freshness.STALE})
    del state.statuses["c1.fleet"]
    assert set(state.world.clusters) == {each.name for each in CLUSTERS}
    assert state.world.states == {
        "eu1": Freshness.FRESH,
        "us1": Freshness.STALE,
        "c1.fleet": Freshness.SYNCING,
    }
    assert state.world is state.world
    assert state.grammar is state.grammar


def test_one_group() -> None:
    """The same records in every response are one group with the whole share."""
    record = records.a(records.name("a.example"), 5, bytes(4))
    assert one(record) == (AnswerGroup(Fraction(1), (record,)),)
