"""`fedns failover`, against the real pages over a real socket."""

import json

from msgspec import structs

from fedns.federation.failover import Failover
from fedns.federation.health import Freshness
from tests.cli.test_drain import Desk, desk

__all__ = ["desk"]


async def test_held_and_confirmed(desk: Desk) -> None:
    """Who is held is told, with what giving it up would move; then it is let go."""
    assert (await desk.run("failover")).stdout == "no failover budget is set: silent clusters give way at once\n"
    truth = desk.control.truth
    truth.rules = structs.replace(truth.rules, failover=Failover(budget=0.25))
    for name in ("eu1", "us1"):
        truth.statuses[name] = structs.replace(truth.statuses[name], state=Freshness.HELD)
    desk.tick()
    desk.site.orders.failovers._weighed["us1"] = (0.0, 1)
    assert (await desk.run("failover")).stdout.splitlines() == [
        "0 of 1 services changed cluster in the last 300 s; the budget is 25 %",
        "  eu1 is held: not weighed yet; fedns failover confirm eu1",
        "  us1 is held: giving it up would move 1 services; fedns failover confirm us1",
    ]
    assert 'fedns_failover_held_services{cluster="us1"} 1.0' in desk.site.metrics.text().decode()
    assert (await desk.run("failover", "confirm", "us1")).stdout == "us1 gives way to others\n"
    assert not truth.statuses["us1"].held
    page = json.loads((await desk.run("failover", "-o", "json")).stdout)
    assert ([each["cluster"] for each in page["held"]], page["confirmed"]) == (["eu1"], ["us1"])
    assert "  us1: confirmed, until it is heard again" in (await desk.run("failover")).stdout
    wrong = await desk.run("failover", "confirm", "us1")
    assert (wrong.exit_code, "us1 is not held" in wrong.output) == (1, True)
