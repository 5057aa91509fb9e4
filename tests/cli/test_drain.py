"""`fedns drain` and `undrain`, against the real pages over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from time import time
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from fedns.answers import counters
from fedns.cli.main import fedns
from fedns.federation.health import Synced
from fedns.federation.locality import Location
from tests.control.stage import Control, export, rules, until
from tests.control.test_admin import Site, at, settings


class Desk:
    """A control process with its pages, and the command line."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.site = Site(control)
        self.url = ""

    def tick(self) -> dict[str, Any]:
        """Let time pass, and see what came of it."""
        orders = self.site.orders
        orders.tick()
        return {"drains": orders.drains.page(), "migrations": orders.migrations.page()}

    async def run(self, *words: str) -> Result:
        """A command, in a thread of its own: the pages are served by this one."""
        return await asyncio.to_thread(CliRunner().invoke, fedns, [*words, "--server", self.url])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Two members of which eu1 has the service web, and us1 nothing."""
    given = structs.replace(rules("eu1", "us1"), local=Location(cluster="eu1"))
    control = Control(given, tmp_path / "control")
    for name, exports in (("eu1", [export("eu1", "web")]), ("us1", [])):
        control.pipeline.replaced(name, exports)
        control.pipeline.observed(name, Synced())
    made = Desk(control)
    configured = structs.replace(settings(admin=at()), state=str(tmp_path / "state"))
    made.site.orders.configure(configured)
    await made.site.servers.open(configured)
    host, port = made.site.servers.bound()["/api/v1/drains"]
    made.url = f"http://{host}:{port}"
    yield made
    await made.site.servers.close()


async def test_drain_and_undrain(desk: Desk) -> None:
    """A drain tells whom nobody else can answer; alone it lists; undrain puts back."""
    assert (await desk.run("drain")).stdout == "nothing is drained\n"
    told = (await desk.run("drain", "eu1")).stdout.splitlines()
    assert told[0].startswith("eu1: drained by order since 20")
    assert told[0].endswith("not known to every worker yet")
    assert told[1:] == ["  nobody else can answer shop/web: it keeps its drained answers for clients of eu1"]
    again = (await desk.run("drain", "eu1", "--force")).stdout.splitlines()
    assert again[0].startswith("eu1 by force: drained by order")
    assert again[1].endswith("it has no answer for clients of eu1")
    found = json.loads((await desk.run("drain", "-o", "json")).stdout)
    assert [each["target"] for each in found["drains"]] == ["eu1"]
    assert found["dependent"] == [{"service": "shop/web", "answered": False, "from": ["eu1"]}]
    assert (await desk.run("undrain", "eu1")).stdout == "eu1 is drained no more\n"
    assert (await desk.run("drain")).stdout == "nothing is drained\n"


async def test_safe_to_stop(desk: Desk) -> None:
    """Once every worker knows, the moment is told, before it and after it."""
    async with desk.control.serving(), desk.control.worker() as replica:
        await desk.control.told(replica)
        assert (await desk.run("drain", "us1")).exit_code == 0
        await until(lambda: desk.tick()["drains"][0]["served"], "the worker counts")
        desk.site.blocks[0][counters.tally_word(replica.rules.tallies[0].row, 0)] += 1
        desk.site.blocks[0][counters.tally_word(replica.rules.tallies[0].row, 2)] += 99
        await until(lambda: desk.tick()["drains"][0]["safeToStopAt"], "every worker knows")
        told = (await desk.run("drain")).stdout
    assert "safe to stop at 20" in told
    assert told.endswith("; it gave 1 % of 100 answers of the last 0 s\n")
    ledger = desk.site.orders._ledger
    ledger.note(drains=tuple(structs.replace(each, stopped=time() - 60) for each in ledger.kept.drains))
    assert "safe to stop since 20" in (await desk.run("drain")).stdout


async def test_wrong_words(desk: Desk) -> None:
    """What cannot be is told by exit code and sentence."""
    wrong = await desk.run("drain", "eu9")
    assert (wrong.exit_code, "no cluster is called eu9" in wrong.output) == (1, True)
    assert (await desk.run("undrain", "eu1")).exit_code == 1
    assert (await desk.run("drain", "--force")).exit_code == 2
