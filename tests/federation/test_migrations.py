"""Migrations as text: schedules, conditions, and the step of any moment."""

import pytest

from fedns.federation.migrations import Migration, Step, floor, next_step, ready, service_key, steps
from fedns.federation.objects import Endpoint
from tests.federation.worlds import DOWN, UP, export, pods, service

SCHEDULE = "10% now, 50% +30m, 100% +2h"
MOVE = Migration(namespace="shop", service="api", source="us1", target="eu1", schedule=SCHEDULE, start=1000.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SCHEDULE, (Step(10, 0.0), Step(50, 1800.0), Step(100, 7200.0))),
        ("100% now", (Step(100, 0.0),)),
        ("5% +10s,0% +1d", (Step(5, 10.0), Step(0, 86_400.0))),
    ],
)
def test_schedules(text: str, expected: tuple[Step, ...]) -> None:
    """Percents with the time from the start, in seconds, minutes, hours or days."""
    assert steps(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no step"),
        ("101% now", "'101% now' is no step"),
        ("10%", "is no step"),
        ("10% +30", "is no step"),
        ("10% now, 20% now", "does not come after"),
        ("10% +2h, 20% +30m", "times count from the start"),
    ],
)
def test_wrong_schedules(text: str, words: str) -> None:
    """Each with what it should be."""
    with pytest.raises(ValueError, match=words):
        steps(text)


def test_conditions() -> None:
    """One form only, and about the target."""
    assert floor("", "eu1") == 0
    assert floor("ready(eu1) < 3", "eu1") == 3
    assert floor(" ready(c1.fleet)<12 ", "c1.fleet") == 12
    for text in ("ready(us1) < 3", "ready(eu1) > 3", "ready(eu1) < 0", "never"):
        with pytest.raises(ValueError, match=r"write ready\(eu1\) < 3"):
            floor(text, "eu1")


def test_services() -> None:
    """Written with their namespace."""
    assert service_key("shop/api") == ("shop", "api")
    for text in ("api", "shop/", "/api", "a/b/c", ""):
        with pytest.raises(ValueError, match="write NAMESPACE/SERVICE"):
            service_key(text)


@pytest.mark.parametrize(
    ("elapsed", "percent", "then"),
    [(-1.0, 0, 10), (0.0, 10, 50), (1799.0, 10, 50), (1800.0, 50, 100), (7200.0, 100, None), (1e9, 100, None)],
)
def test_the_step_of_a_moment(elapsed: float, percent: int, then: int | None) -> None:
    """The last one that was reached; nothing before the first; and the one that comes next."""
    assert MOVE.at(elapsed).percent == percent
    assert (MOVE.at(elapsed).key, MOVE.name) == (("shop", "api"), "shop/api")
    following = next_step(steps(SCHEDULE), elapsed)
    assert (following and following.percent) == then


def test_ready_endpoints() -> None:
    """Those of the cluster alone, ready ones alone, and a dual-stack pod once."""
    six = Endpoint(b"\xfd" + bytes(15), UP, "a")
    given = service(export("eu1", *pods(UP, DOWN, UP), six), export("us1", *pods(UP, net=2)))
    assert [ready(given, each) for each in ("eu1", "us1", "ap1")] == [2, 1, 0]
    assert ready(None, "eu1") == 0
