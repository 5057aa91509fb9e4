"""Mischief: the plan follows from the seed, every deed is told, and all of it can be undone."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fedns.lab.clock import Clock
from fedns.lab.kinds import Json
from fedns.lab.mischief import CLOCKS, FAULTS, OUTSIDE, Mischief
from fedns.lab.simulator import Deployment
from fedns.lab.store import Store
from fedns.lab.world import World


class Member:
    """Takes note of its faults."""

    def __init__(self, store: Store | None = None) -> None:
        self.faults: list[str] = []
        self.store = store or Store()

    async def fault(self, text: str) -> None:
        """Break it, or heal."""
        self.faults.append(text)

    async def put(self, objects: list[Json]) -> None:
        """Hold these."""
        for each in objects:
            self.store.apply(each)

    async def remove(self, objects: list[Json]) -> None:
        """Hold these no more."""
        for each in objects:
            self.store.remove(each)


def world(**more: Any) -> World:
    """As much of a world as mischief needs."""
    made = {"clusters": {name: Member() for name in ("eu1", "us1")}, "real": (), "apart": (), **more}
    return cast("World", SimpleNamespace(**made))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pause is over at once, so that a plan is made in no time."""
    sleep = asyncio.sleep
    monkeypatch.setattr("fedns.lab.mischief.asyncio.sleep", lambda _seconds: sleep(0))


@pytest.fixture(autouse=True)
def nft(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever this runs, what is planned is the same."""

    async def possible() -> bool:
        return True

    monkeypatch.setattr("fedns.lab.network.possible", possible)


async def deeds(seed: int, count: int, **more: Any) -> tuple[list[str], World]:
    """The first deeds against members."""
    told: list[str] = []
    place = world(**more)
    doing = asyncio.create_task(Mischief(place, seed, told.append).members())
    while len(told) < count:
        await asyncio.sleep(0)
    doing.cancel()
    await asyncio.wait((doing,))
    return told[:count], place


@pytest.mark.usefixtures("no_waiting")
async def test_a_seed_makes_the_plan() -> None:
    """The same one the same, another one another; every fault comes, and all are healed."""
    one, place = await deeds(7, 400)
    assert one == (await deeds(7, 400))[0]
    assert one != (await deeds(8, 400))[0]
    assert {line.partition(": ")[2] for line in one} == {*FAULTS, "heal"}
    for name, member in place.clusters.items():
        faults = cast("Member", member).faults
        assert [f"{name}: {text}" for text in faults][:50] == [line for line in one if line.startswith(name)][:50]


@pytest.mark.usefixtures("no_waiting")
async def test_members_outside_suffer_from_outside() -> None:
    """A real one that only, one in a process of its own that, too."""
    told, _ = await deeds(7, 600, real=("us1",))
    assert {line for line in told if line.startswith("us1")} == {f"us1: {verb}" for verb in (*OUTSIDE, "heal")}
    told, _ = await deeds(7, 2000, apart=("us1",))
    assert {line.partition(": ")[2] for line in told if line.startswith("us1")} == {*FAULTS, *OUTSIDE, "heal"}


@pytest.mark.usefixtures("no_waiting")
async def test_what_has_begun_to_heal_heals() -> None:
    """Also when the mischief is told to stop meanwhile."""
    place = world()
    mischief = Mischief(place, 7, lambda _text: None)
    doing = asyncio.create_task(mischief.members())
    while mischief._healing is None:
        await asyncio.sleep(0)
    doing.cancel()
    await asyncio.wait((doing,))
    await mischief._healing
    assert not mischief._broken
    suffered = [faults for each in place.clusters.values() if (faults := cast("Member", each).faults)]
    assert suffered
    assert all(faults[-1] == "heal" for faults in suffered)


@pytest.mark.usefixtures("no_waiting")
async def test_the_clock_is_right_in_the_end(tmp_path: Path) -> None:
    """Set forward and back, each time told."""
    told: list[str] = []
    clock = Clock(tmp_path / "clock", tmp_path)
    doing = asyncio.create_task(Mischief(world(), 1, told.append).clock(clock))
    while len(set(told)) < len(CLOCKS):
        await asyncio.sleep(0)
    doing.cancel()
    await asyncio.wait((doing,))
    assert set(told) == {f"clock: {seconds:+d} s" for seconds in CLOCKS}
    assert (tmp_path / "clock").read_text() == "+0\n"


@pytest.mark.usefixtures("no_waiting")
async def test_the_disk_goes_and_comes_back(tmp_path: Path) -> None:
    """The snapshot is cut, changed, or away for a while; in the end the folder is where it was."""
    told: list[str] = []
    snapshot = tmp_path / "state" / "snapshot"
    snapshot.parent.mkdir()
    doing = asyncio.create_task(Mischief(world(), 1, told.append).disk(snapshot))
    while len({line.split()[1] for line in told}) < 4:
        if snapshot.parent.exists():
            snapshot.write_bytes(bytes(100))
        await asyncio.sleep(0)
    doing.cancel()
    await asyncio.wait((doing,))
    assert snapshot.parent.exists()
    assert {line.split()[1] for line in told} == {"cut", "flip", "gone", "back"}


@pytest.mark.usefixtures("no_waiting")
async def test_services_change_all_the_while() -> None:
    """Pods come and go, never all of them; what one member has alone goes and comes back as a whole."""
    store = Store()
    made = [
        Deployment(namespace="shop", name=name, zones={"z": 1}, pod_range=pods, headless=True)
        for name, pods in (("eu1-a", "10.0.0.0/16"), ("common", "10.1.0.0/16"))
    ]
    for each in made:
        for item in each.objects():
            store.apply(item)
    writes: list[int] = []
    mischief = Mischief(world(clusters={"eu1": Member(store)}), 1, lambda _text: None)
    doing = asyncio.create_task(mischief.churn({"eu1": made}, 0.1, lambda: writes.append(store.writes)))
    seen: set[tuple[bool, bool]] = set()
    sizes: set[int] = set()
    for _ in range(2000):
        await asyncio.sleep(0)
        names = {item["metadata"]["name"] for kind in store.served() for item in store.items(kind)}
        seen.add(("eu1-a" in names, "common" in names))
        sizes.add(len(made[1].pods))
    doing.cancel()
    await asyncio.wait((doing,))
    assert seen == {(True, True), (False, True)}
    assert sizes == {1, 2, 3, 4}
    assert writes[-1] == store.writes
    assert len(set(writes)) > 100
