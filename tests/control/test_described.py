"""Of all objects together every name goes to one member: by who comes first, then by age."""

import json

import msgspec

from fedns.clusters.decode import Item
from fedns.control.described import Read, agree, attempt, bare, names
from fedns.federation.objects import Cluster
from fedns.settings.load import ConfigError, Problem
from fedns.settings.schema import Member


def member(name: str, *sources: str) -> Member:
    """A member, and clusters that it tells of."""
    return Member(cluster=Cluster(name=name), sources=tuple(Cluster(name=each, via=name) for each in sources))


def test_every_name_has_one_owner() -> None:
    """What is taken from outside goes first, then the older object; sources count like members."""
    objects = {
        "a/young": Read(3, member("x")),
        "a/old": Read(1, member("hub", "x")),
        "a/taken": Read(0, member("eu1")),
        "a/same": Read(1, member("y")),
    }
    found, problems = agree(objects, {"eu1": "the configuration file"}, {}, "secret")
    assert set(found) == {"a/old", "a/same"}
    assert {key: each.sentence.partition(" has")[0] for key, (each,) in problems.items()} == {
        "a/young": "the older secret a/old",
        "a/taken": "the configuration file",
    }


def test_the_last_good_one_stands_in() -> None:
    """As long as nobody else has its name."""
    wrong = Read(1, None, (Problem("weight", 1, "must be"),))
    for taken, left in (({}, {"a/x"}), ({"x": "a secret"}, set())):
        found, problems = agree({"a/x": wrong}, taken, {"a/x": member("x")}, "secret")
        assert set(found) == left
        assert set(problems) == {"a/x"}


def test_attempts() -> None:
    """What is wrong with a text as a whole is wrong with `cluster`, as people know it."""

    def fail() -> Member:
        raise ConfigError([Problem("(file)", 2, "is not YAML"), Problem("weight", 1, "must be")])

    assert [each.path for each in attempt(1, fail).problems] == ["cluster", "weight"]
    assert attempt(1, lambda: member("x")) == Read(1, member("x"))
    assert names(member("x", "y")) == ["x", "y"]


def test_which_object_it_is() -> None:
    """Whatever else is wrong with it."""
    meta = {"namespace": "a", "name": "b", "resourceVersion": "7", "labels": None}
    assert bare(msgspec.Raw(json.dumps({"metadata": meta, "data": 5}).encode())) == Item("a", "b", 7)
    assert bare(msgspec.Raw(b"[]")).fault
