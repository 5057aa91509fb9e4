"""The parts of the federation that a name means, and the aliases that lead out of them."""

import pytest

from fedns.answers.answer import Client, Question
from fedns.answers.parts import aliases, parts
from fedns.federation.placement import Part
from tests.answers.federations import FEDERAL, IN_EU, NOW, STRICT, federation, packed, query, text

HTTPS = Part(port="https", protocol="tcp")


def question(name: str) -> Question:
    """A question that is read, and not answered."""
    state, asked_query = federation(), query(name)
    asked = state.grammar.read(asked_query.labels)
    assert asked is not None
    client = Client(address=packed("10.0.0.1")[0], location=IN_EU, allowed=True, diagnostics=False)
    return Question(query=asked_query, asked=asked, client=client, state=state, now=NOW)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"db.shop.{STRICT}", [Part(addressed=True)]),
        (f"_https._tcp.db.shop.{STRICT}", [Part(port="https", protocol="tcp", addressed=True)]),
        (f"_https._tcp.db.shop.{FEDERAL}", [HTTPS]),
        (f"_tcp.db.shop.{STRICT}", [Part(addressed=True)]),
        (f"pet.eu1.db.shop.{STRICT}", [Part(cluster="eu1", addressed=True)]),
        ("db.shop.myfed.svc.eu.example.com", [Part(region="eu"), Part()]),
        ("db.shop.myfed.svc.a.eu.example.com", [Part(region="eu", zone="a"), Part(region="eu"), Part()]),
        (f"a.pin._zone.db.shop.{FEDERAL}", [Part(zone="a")]),
        (f"a.prefer._cluster.db.shop.{FEDERAL}", [Part(cluster="a"), Part()]),
    ],
)
def test_parts(name: str, expected: list[Part]) -> None:
    """The narrowest part comes first; the names above follow where they may answer instead."""
    assert parts(question(name)) == expected


@pytest.mark.parametrize(
    ("name", "steps", "chain"),
    [
        ("db.shop.myfed.svc.a.eu.example.com", 0, []),
        ("db.shop.myfed.svc.a.eu.example.com", 1, ["db.shop.myfed.svc.eu.example.com."]),
        ("db.shop.myfed.svc.a.eu.example.com", 2, ["db.shop.myfed.svc.eu.example.com.", f"db.shop.{FEDERAL}."]),
        ("db.shop.myfed.svc.eu.example.com", 1, [f"db.shop.{FEDERAL}."]),
        (f"a.prefer._zone.db.shop.{FEDERAL}", 1, []),
    ],
)
def test_aliases(name: str, steps: int, chain: list[str]) -> None:
    """Each alias takes one level away; `prefer` answers under its own name."""
    records, owner = aliases(question(name), steps)
    assert [line.split()[-1] for line in text(records)] == chain
    assert owner == (records[-1].rdata if records else query(name).name)
