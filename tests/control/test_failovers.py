"""The failover budget as the control process keeps it: held, weighed, confirmed, heard again, begun anew."""

import asyncio
import logging
from pathlib import Path

import pytest
from msgspec import structs

from fedns.answers.replica import HOLD_SECONDS
from fedns.control.failovers import AGAIN_SECONDS, Failovers
from fedns.control.keeping import RefusedOrderError
from fedns.federation.failover import Failover
from fedns.federation.health import Alive, Synced
from fedns.federation.locality import Location
from fedns.federation.objects import Cluster
from fedns.settings.schema import Settings
from tests.control.stage import Control, export, rules, until

REMOTE = ("us1", "us2", "ap1")
EXPORTS = {
    "us1": ("a", "b", "c"),
    "us2": ("d",),
    "ap1": ("a", "b", "c", "d"),
    "eu1": ("e", "f", "g", "h"),
}


class Desk:
    """A control process whose wall clock is its steady one; one of its members is local."""

    def __init__(self, tmp_path: Path, failover: Failover) -> None:
        made = structs.replace(
            rules(),
            clusters=tuple(Cluster(name=name, region=name[:2]) for name in ("eu1", *REMOTE)),
            local=Location(cluster="eu1", region="eu", network="default"),
            failover=failover,
        )
        self.control = Control(made, tmp_path / "control")
        self.orders = self.control.orders(lambda: None, lambda: self.control.now)
        self.orders.configure(Settings(clusters=(), state=str(tmp_path / "state")))

    @property
    def failovers(self) -> Failovers:
        """The part that is tested."""
        return self.orders.failovers

    def read(self, services: dict[str, tuple[str, ...]]) -> None:
        """What each member exports."""
        for name in ("eu1", *REMOTE):
            self.control.pipeline.replaced(name, [export(name, each) for each in services.get(name, ())])
            self.control.pipeline.observed(name, Synced())

    def silence(self, seconds: float, *silent: str) -> None:
        """Time passes, and these are not heard."""
        end = self.control.now + seconds
        while self.control.now < end:
            self.control.now += 0.5
            for name in {"eu1", *REMOTE} - set(silent):
                self.control.pipeline.observed(name, Alive())
            self.control.pipeline.tick()
            self.orders.tick()

    async def lose(self, *silent: str) -> None:
        """These fall silent, are weighed, and are silent for too long."""
        self.silence(7, *silent)
        for name in silent:
            await self.failovers.weigh(name)
        self.silence(5, *silent)

    def states(self) -> dict[str, str]:
        """Of the remote members."""
        return {name: str(self.control.truth.statuses[name].state) for name in REMOTE}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Three services are in us1, and one in us2, all of them in ap1, too; a quarter of eight may move."""
    made = Desk(tmp_path, Failover(budget=0.25, window=60.0))
    made.read(EXPORTS)
    return made


async def test_within_the_budget(desk: Desk) -> None:
    """A member whose loss moves little gives way when it always did."""
    await desk.lose("us2")
    assert desk.states() == {"us1": "fresh", "us2": "stale", "ap1": "fresh"}
    assert desk.failovers.page()["moved"] == 1


async def test_over_the_budget(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """It is held, loudly, for as long as it takes, and then confirmed; heard again, it is as any other."""
    await desk.lose("us1")
    await desk.failovers.weigh("us1")
    desk.silence(400, "us1")
    assert desk.states()["us1"] == "held"
    page = desk.failovers.page()
    assert page["held"] == [{"cluster": "us1", "state": "held", "moves": 3}]
    assert (page["moved"], page["services"], page["confirmed"]) == (0, 8, [])
    loud = [each.message for each in caplog.records if each.levelno == logging.ERROR and "giving it up" in each.message]
    assert loud == [
        "us1: held: giving it up would move 3 of 8 services, over the failover budget; fedns failover confirm us1"
    ]
    desk.failovers.confirm("us1", "alice")
    desk.silence(1, "us1")
    assert desk.states()["us1"] == "expired"
    told = [each.text for each in desk.control.pipeline.history.find("us1", 0.0)]
    assert "its failover is confirmed, ordered by alice" in told
    assert desk.failovers.page()["confirmed"] == ["us1"]
    desk.silence(10)
    assert desk.states()["us1"] == "fresh"
    assert desk.failovers.page()["confirmed"] == []


async def test_what_has_moved_counts_for_the_window(desk: Desk) -> None:
    """One after the other, too, and also when the first is back meanwhile; then there is room again."""
    desk.read({**EXPORTS, "us1": ("a", "b")})
    await desk.lose("us1")
    assert desk.states()["us1"] == "stale"
    await desk.lose("us2")
    assert desk.states() == {"us1": "fresh", "us2": "held", "ap1": "fresh"}
    assert desk.failovers.page()["moved"] == 2
    desk.silence(60, "us2")
    await desk.failovers.weigh("us2")
    desk.silence(1, "us2")
    assert desk.states()["us2"] == "stale"


async def test_leave_that_was_not_used(desk: Desk) -> None:
    """A member that was heard in time has moved nothing; nor one that left the federation."""
    desk.silence(7, "us2")
    await desk.failovers.weigh("us2")
    assert desk.failovers.page()["moved"] == 1
    desk.silence(10)
    assert desk.failovers.page()["moved"] == 0
    desk.silence(7, "us2")
    await desk.failovers.weigh("us2")
    kept = tuple(each for each in desk.control.truth.rules.clusters if each.name != "us2")
    desk.control.pipeline.reload(structs.replace(desk.control.truth.rules, clusters=kept))
    desk.orders.tick()
    assert desk.failovers.page()["moved"] == 0
    await desk.failovers.weigh("us1")
    assert desk.failovers.page()["held"] == []


async def test_all_at_once(desk: Desk) -> None:
    """As many as there is room for give way, the others are held."""
    await desk.lose("us2", "us1", "ap1")
    assert desk.states() == {"us1": "held", "us2": "stale", "ap1": "held"}


def test_no_budget(tmp_path: Path) -> None:
    """Without one nobody is held."""
    made = Desk(tmp_path, Failover())
    made.read(EXPORTS)
    made.silence(11, "us1")
    assert made.states()["us1"] == "stale"
    with pytest.raises(RefusedOrderError, match="us1 is not held by the failover budget: nobody is"):
        made.failovers.confirm("us1")
    with pytest.raises(RefusedOrderError, match="us9 is not held"):
        made.failovers.confirm("us9")


def test_a_successor(desk: Desk, tmp_path: Path) -> None:
    """What was confirmed stays so; what is not read yet is not given up for want of knowledge."""
    desk.silence(11, "us1")
    desk.failovers.confirm("us1")
    later = Desk(tmp_path, Failover(budget=0.25))
    later.orders.tick()
    held = {name: later.control.truth.statuses[name].held for name in REMOTE}
    assert held == {"us1": False, "us2": True, "ap1": True}


async def test_weighed_again_and_again(desk: Desk) -> None:
    """Whoever is held is looked at every few seconds, until there is room."""
    desk.silence(12, "us1")
    task = asyncio.create_task(desk.failovers.run())
    try:
        await until(lambda: desk.failovers.page()["held"][0]["moves"] == 3, "it is weighed")
        desk.control.pipeline.replaced("us1", [export("us1", "a")])
        desk.control.now += AGAIN_SECONDS
        await until(lambda: desk.failovers.page()["moved"] == 1, "it is weighed again")
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_workers_hear_who_is_held(desk: Desk) -> None:
    """Before the time has come; and they let go by themselves when nobody is there who could confirm."""
    control = desk.control
    async with control.serving(), control.worker() as replica:
        await control.told(replica)
        desk.silence(7, "us1")
        await until(lambda: replica.statuses["us1"].held, "the worker is told")
        heard = replica.statuses["us1"].alive
        replica._heard = heard + 11
        replica.tick(heard + 11)
        assert str(replica.statuses["us1"].state) == "held"
        replica.tick(heard + 11 + HOLD_SECONDS)
        assert str(replica.statuses["us1"].state) == "stale"
