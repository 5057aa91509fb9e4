"""Migrations in force: steps by the clock, pauses that do not count, and what outlives a restart."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fedns.control.keeping import RefusedOrderError
from fedns.federation.health import Freshness, Synced
from fedns.federation.migrations import Migration
from fedns.settings.schema import Settings
from tests.control.stage import Control, export, until

MOVE = Migration(
    namespace="shop", service="web", source="us1", target="eu1", schedule="10% now, 50% +30m, 100% +2h", start=0.0
)


class Desk:
    """Orders as the daemon drives them, with a wall clock that stands still."""

    def __init__(self, control: Control, state: Path | None, *configured: Migration) -> None:
        self.now = 0.0
        self.control = control
        self.orders = control.orders(self.changed, lambda: self.now)
        self.orders.configure(Settings(clusters=(), migrations=configured, state=str(state or "")))
        self.changed()

    def changed(self) -> None:
        """The rules are made again."""
        self.control.pipeline.reload(self.orders.added(structs.replace(self.control.truth.rules, shifts=())))

    def at(self, now: float) -> int:
        """What the workers are told to move at a time."""
        self.now = now
        self.orders.tick()
        return self.control.truth.rules.shifts[0].percent

    def told(self) -> dict[str, Any]:
        """The page of the one migration."""
        (found,) = self.orders.migrations.page()
        return found


@pytest.fixture
def heard(control: Control) -> Control:
    """With eu1 read, where web has one ready endpoint."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.observed("eu1", Synced())
    return control


def test_steps_are_taken_by_the_clock(heard: Control, tmp_path: Path) -> None:
    """Each at its time, also by a successor; the last one stays."""
    desk = Desk(heard, tmp_path / "state")
    desk.orders.migrations.migrate(MOVE)
    assert [desk.at(each) for each in (0.0, 1799.0, 1800.0)] == [10, 10, 50]
    told = desk.told()
    assert (told["step"], told["steps"], told["percentIs"]) == (2, 3, "decided")
    assert (told["nextPercent"], told["nextInSeconds"], told["by"], told["paused"]) == (100, 5400.0, "order", None)
    later = Desk(heard, tmp_path / "state")
    assert [later.at(each) for each in (1900.0, 7200.0, 1e9)] == [50, 100, 100]
    assert later.told()["nextPercent"] is None
    later.orders.migrations.abort("shop/web")
    assert heard.truth.rules.shifts == ()
    assert Desk(heard, tmp_path / "state").orders.migrations.page() == []


def test_steps_go_into_the_history(heard: Control, tmp_path: Path) -> None:
    """What was ordered by whom, each step, each wait, and the end."""
    desk = Desk(heard, tmp_path / "state")
    desk.orders.migrations.migrate(structs.replace(MOVE, pause_if="ready(eu1) < 1"), "alice")
    assert [desk.at(each) for each in (0.0, 1.0)] == [10, 10]
    heard.pipeline.changed("eu1", ("shop", "web"), None)
    desk.at(2.0)
    heard.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web"))
    assert [desk.at(each) for each in (3.0, 1801.0)] == [10, 50]
    desk.orders.migrations.abort("shop/web", "bob")
    assert [each.text for each in heard.pipeline.history.find("shop/web", 0.0) if each.kind == "order"] == [
        "moves from us1 to eu1: 10% now, 50% +30m, 100% +2h, ordered by alice",
        "10 % of what us1 would get go to eu1 now",
        "waits: eu1 has 0 ready, and 1 are wanted",
        "goes on to move to eu1",
        "50 % of what us1 would get go to eu1 now",
        "moves no more, ordered by bob",
    ]


def test_it_waits_for_enough_endpoints(heard: Control, tmp_path: Path) -> None:
    """While fewer are ready than wanted the clock stands still, across a restart, too."""
    desk = Desk(heard, tmp_path / "state")
    desk.orders.migrations.migrate(structs.replace(MOVE, pause_if="ready(eu1) < 1"))
    assert desk.at(1000.0) == 10
    heard.pipeline.changed("eu1", ("shop", "web"), None)
    assert [desk.at(each) for each in (1200.0, 9000.0)] == [10, 10]
    assert desk.told()["paused"] == "eu1 has 0 ready, and 1 are wanted"
    desk = Desk(heard, tmp_path / "state")
    assert desk.at(10_000.0) == 10
    heard.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web"))
    assert [desk.at(each) for each in (10_200.0, 10_799.0, 10_800.0)] == [10, 10, 50]
    assert desk.told()["readyTarget"] == 1
    assert desk.told()["nextInSeconds"] == 5400.0


def test_it_waits_for_a_target_that_is_not_heard(heard: Control) -> None:
    """Whatever is said of endpoints then is old; after the last step nothing waits any more."""
    desk = Desk(heard, None, MOVE)
    status = heard.truth.statuses["eu1"]
    assert desk.at(100.0) == 10
    heard.truth.statuses["eu1"] = structs.replace(status, state=Freshness.STALE)
    assert [desk.at(each) for each in (200.0, 4000.0)] == [10, 10]
    assert (desk.told()["paused"], desk.told()["by"]) == ("eu1 is not heard", "configuration")
    heard.truth.statuses["eu1"] = status
    assert [desk.at(each) for each in (4200.0, 5800.0, 12_000.0)] == [10, 50, 100]
    heard.truth.statuses["eu1"] = structs.replace(status, state=Freshness.STALE)
    assert desk.at(12_100.0) == 100
    assert desk.told()["paused"] is None


def test_nothing_waits_before_the_start(control: Control) -> None:
    """A migration that starts later moves nothing, and says so."""
    desk = Desk(control, None, structs.replace(MOVE, start=5000.0))
    assert desk.at(100.0) == 0
    assert (desk.told()["step"], desk.told()["paused"], desk.told()["nextInSeconds"]) == (0, None, 4900.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "soon"}, "'soon' is no step"),
        ({"pause_if": "never"}, r"write ready\(eu1\) < 3"),
        ({"namespace": ""}, "write NAMESPACE/SERVICE"),
        ({"target": "us1"}, "cannot move from us1 to itself"),
        ({"source": "ap1"}, "no cluster is called ap1"),
        ({"service": "api"}, "is on its way already"),
    ],
)
def test_wrong_orders(changes: dict[str, str], words: str, control: Control, tmp_path: Path) -> None:
    """Each is told, and nothing is ordered."""
    desk = Desk(control, tmp_path / "state", structs.replace(MOVE, service="api"))
    with pytest.raises(RefusedOrderError, match=words):
        desk.orders.migrations.migrate(structs.replace(MOVE, **changes))
    assert len(desk.orders.migrations.page()) == 1
    with pytest.raises(RefusedOrderError, match="remove it from migrations there"):
        desk.orders.migrations.abort("shop/api")
    with pytest.raises(RefusedOrderError, match="is not on its way"):
        desk.orders.migrations.abort("shop/web")


async def test_safe_to_stop(heard: Control) -> None:
    """Once every worker moves all, the longest TTL later nobody holds an older answer."""
    desk = Desk(heard, None, structs.replace(MOVE, schedule="100% now"))
    assert desk.told()["safeToStopAt"] is None
    async with heard.serving(), heard.worker() as replica:
        await heard.told(replica)
        desk.now = 50.0

        def known() -> bool:
            desk.orders.tick()
            return bool(desk.told()["safeToStopAt"] == 55.0)

        await until(known, "every worker has it")
        assert replica.rules.shifts[0].percent == 100
