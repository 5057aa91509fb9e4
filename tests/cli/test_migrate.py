"""`fedns migrate`, against the real pages over a real socket."""

import json
from time import time

import pytest

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
