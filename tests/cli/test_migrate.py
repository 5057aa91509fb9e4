"""`fedns migrate`, against the real pages over a real socket."""

import json
from getpass import getuser
from time import time

import pytest

from fedns.answers import counters
from tests.cli.test_drain import Desk, desk
from tests.control.stage import until

__all__ = ["desk"]
MOVE = ("migrate", "shop/web", "--from", "us1", "--to", "eu1", "--schedule")


async def test_a_migration(desk: Desk) -> None:
    """Begun, listed, waiting, ended."""
    assert (await desk.run("migrate")).stdout == "nothing moves\n"
    told = (await desk.run(*MOVE, "10% now, 50% +90m", "--pause-if", "ready(eu1) < 2")).stdout.splitlines()
    assert told[0] == "shop/web: 10 % (decided) of what us1 would get go to eu1, step 1 of 2, by order"
    assert told[1] in {"  50 % in 1h 30m", "  50 % in 1h 29m 59s"}
    desk.site.orders.tick()
    assert (await desk.run("migrate")).stdout.splitlines()[1] == "  waits: eu1 has 1 ready, and 2 are wanted"
    (found,) = json.loads((await desk.run("migrate", "-o", "json")).stdout)["migrations"]
    assert (found["service"], found["percent"], found["percentIs"]) == ("shop/web", 10, "decided")
    assert (await desk.run("migrate", "shop/web", "--abort")).stdout == "nothing moves\n"


async def test_the_end_of_a_migration(desk: Desk) -> None:
    """When all has moved and every worker knows, the moment is told."""
    async with desk.control.serving(), desk.control.worker() as replica:
        await desk.run(*MOVE, "100% now")
        await desk.control.told(replica)
        await until(lambda: desk.tick()["migrations"][0]["safeToStopAt"], "every worker knows")
        assert "  us1 is safe to stop at 20" in (await desk.run("migrate")).stdout
        migrations = desk.site.orders.migrations
        migrations._known = dict.fromkeys(migrations._known, time() - 60)
        assert "  us1 is safe to stop since 20" in (await desk.run("migrate")).stdout


async def test_where_answers_led(desk: Desk) -> None:
    """The shares that were served stand below the one that is decided, and in the metrics; and it is in the history."""
    async with desk.control.serving(), desk.control.worker() as replica:
        await desk.run(*MOVE, "10% now")
        await desk.control.told(replica)
        await until(lambda: desk.tick()["migrations"][0]["served"], "the worker counts")
        assert len((await desk.run("migrate")).stdout.splitlines()) == 1
        for part, count in enumerate((880, 110, 10)):
            desk.site.blocks[0][counters.tally_word(replica.rules.tallies[0].row, part)] += count
        told = (await desk.run("migrate")).stdout.splitlines()[1]
        assert told == "  served: 88 % us1, 11 % eu1, 1 % others, of 1000 answers in the last 0 s"
        (found,) = json.loads((await desk.run("migrate", "-o", "json")).stdout)["migrations"]
        assert found["served"] == {"seconds": 0.0, "answers": 1000, "from": 0.88, "to": 0.11, "elsewhere": 0.01}
        text = desk.site.metrics.text().decode()
        assert 'fedns_order_answers_total{kind="migration",order="shop/web@us1 to eu1",to="to"} 110.0' in text
    lines = (await desk.run("history", "shop/web")).stdout.splitlines()
    assert f"moves from us1 to eu1: 10% now, ordered by {getuser()}" in lines[-2]
    assert "10 % of what us1 would get go to eu1 now" in lines[-1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("migrate", "shop/web"), 2),
        (("migrate", "--abort"), 2),
        (("migrate", "shop/web", "--abort", "--to", "eu1"), 2),
        (("migrate", "shop/web", "--abort"), 1),
        ((*MOVE, "soon"), 1),
    ],
)
async def test_wrong_words(words: tuple[str, ...], code: int, desk: Desk) -> None:
    """By exit code."""
    assert (await desk.run(*words)).exit_code == code
