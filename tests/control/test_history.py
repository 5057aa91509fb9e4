"""The history: what has changed, in order, for each subject, and never too much of it."""

import socket
import sys
from itertools import pairwise

import pytest
from msgspec import structs

from fedns.control import history as module
from fedns.control.history import History
from fedns.federation.health import Synced
from fedns.federation.objects import READY, SERVING, Endpoint, Export, pack
from tests.control.stage import Control, export


class Clock:
    """A second for each event."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The next second."""
        self.now += 1
        return self.now


def test_of_one_or_of_all_since_a_moment() -> None:
    """Oldest first."""
    kept = History(Clock())
    for subject in ("us1", "shop/web", "us1"):
        kept.add(subject, "state", "x")
    assert [(each.at, each.subject) for each in kept.find(None, 2)] == [(2, "shop/web"), (3, "us1")]
    assert [each.at for each in kept.find("us1", 0)] == [1, 3]
    assert kept.find("nobody", 0) == []


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One subject that never rests keeps its newest, and pushes out no other; in all, the oldest goes first."""
    monkeypatch.setattr(module, "EVENTS", 10)
    monkeypatch.setattr(module, "EACH", 4)
    kept = History(Clock())
    kept.add("quiet", "state", "x")
    for _ in range(9):
        kept.add("busy", "state", "x")
    assert [each.at for each in kept.find("busy", 0)] == [7, 8, 9, 10]
    assert [each.at for each in kept.find("quiet", 0)] == [1]
    for at in range(100):
        kept.add(f"s{at}", "state", "x")
    assert len(kept) == 10
    assert kept.find("quiet", 0) == []


def test_what_left_its_ring_is_not_held() -> None:
    """A few services that change for hours take the room of the newest events of each, and no more."""
    kept = History(Clock())
    kept.add("busy", "state", "x")
    first = kept.find("busy", 0)[0]
    for _ in range(module.EACH):
        kept.add("busy", "state", "x")
    nobodys = module.Event(0.0, "busy", "state", "x")
    assert sys.getrefcount(first) == sys.getrefcount(nobodys)


def test_a_service_is_told_by_its_ready_endpoints() -> None:
    """It appears, shrinks, becomes unready, changes otherwise, and goes."""
    kept = History(Clock())
    places = [socket.inet_aton(f"10.0.0.{at}") for at in range(3)]

    def of(*conditions: int) -> Export:
        made = (Endpoint(place, each) for place, each in zip(places, conditions, strict=False))
        return structs.replace(export("eu1", "web"), slices=pack((), made))

    states = [None, of(READY, READY, READY), of(READY, READY), of(READY, SERVING), of(SERVING, READY), None]
    for before, after in pairwise(states):
        kept.changed("eu1", ("shop", "web"), before, after)
    assert [each.text for each in kept.find("shop/web", 0)] == [
        "eu1: appears, 3 of 3 ready",
        "eu1: 3 of 3 -> 2 of 2 ready",
        "eu1: 2 of 2 -> 1 of 2 ready",
        "eu1: other addresses or attributes, 1 of 2 ready",
        "eu1: gone",
    ]


def test_the_pipeline_tells_it(control: Control) -> None:
    """States, first and further readings, changes of services, and who leaves; what changes nothing is no event."""
    pipeline = control.pipeline
    pipeline.replaced("eu1", [export("eu1", "web")])
    pipeline.observed("eu1", Synced())
    pipeline.changed("eu1", ("shop", "web"), export("eu1", "web"))
    pipeline.changed("eu1", ("shop", "web"), export("eu1", "web", endpoints=2))
    pipeline.replaced("eu1", [export("eu1", "web", endpoints=2)])
    pipeline.replaced("eu1", [])
    assert [each.text for each in pipeline.history.find("eu1", 0)] == [
        "joined the federation",
        "read for the first time, 1 services",
        "syncing -> fresh (alive and readable)",
        "read again as a whole, 1 services changed",
    ]
    assert [each.text for each in pipeline.history.find("shop/web", 0)] == [
        "eu1: 1 of 1 -> 2 of 2 ready",
        "eu1: gone",
    ]
    pipeline.reload(structs.replace(control.truth.rules, clusters=control.truth.rules.clusters[1:]))
    assert pipeline.history.find("eu1", 0)[-1].kind == "left"
