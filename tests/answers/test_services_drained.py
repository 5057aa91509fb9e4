"""Answers about what is drained: while others can answer it is silent, then it says so, and by force it is nothing."""

import pytest
from msgspec import structs

from fedns.answers.answer import State
from fedns.federation.drains import Drain, drain
from tests.answers.federations import DB, FEDERAL, STRICT, ask, errors, federation, shown

NAME = f"db.shop.{FEDERAL}"


def drained(*drains: Drain) -> State:
    """The usual federation with these drains."""
    state = federation(DB)
    return structs.replace(state, rules=structs.replace(state.rules, drains=drains))


def test_others_answer_in_silence() -> None:
    """A drain is nothing unusual as long as others can answer."""
    answer = ask(NAME, state=drained(drain("eu1"), drain("us1")))
    assert shown(answer) == ["20 A 10.3.0.1"]
    assert not answer.ede


def test_only_drained_ones_are_left() -> None:
    """They answer, for a short time, and the answer says why it is unusual."""
    answer = ask(NAME, state=drained(drain("eu1"), drain("us1"), drain("c1.fleet")))
    assert shown(answer) == ["5 A 10.1.0.1"]
    assert answer.ede == ((0, "only drained endpoints are left"),)


@pytest.mark.parametrize("name", [NAME, f"db.shop.{STRICT}", f"eu1.db.shop.{FEDERAL}", f"pet-0.eu1.db.shop.{FEDERAL}"])
def test_all_by_force(name: str) -> None:
    """By force nobody is left, not even under the names of the cluster and of its hosts."""
    by_force = [drain(each, force=True) for each in ("shop/db@eu1", "us1", "c1.fleet")]
    answer = ask(name, state=drained(*by_force))
    assert shown(answer) == ["NODATA"]
    assert errors(answer) == [22]


def test_names_of_a_drained_cluster() -> None:
    """Who asks for the cluster itself is answered, as long as it is not drained by force."""
    assert shown(ask(f"pet-0.eu1.db.shop.{FEDERAL}", state=drained(drain("eu1")))) == ["20 A 10.1.0.1"]


def test_names_of_regions_lead_elsewhere() -> None:
    """A region whose clusters are drained has nobody, and its name leads to the one above."""
    assert shown(ask("db.shop.myfed.svc.us.example.com", state=drained(drain("us1"), drain("c1.fleet"))))[0].endswith(
        f"CNAME {NAME}."
    )
