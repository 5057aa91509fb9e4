"""Queries per second of server CPU: one worker of fedns next to CoreDNS (`file`), Knot and BIND with the same records.

Each server has one core, dnsperf has the other; all are asked the same questions in the same run, so that ratios hold
on any machine, though the absolute figures do not.
"""

import random
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.perf import length, needed, per_cpu, perf, two_cores
from bench.rivals import NAMES, ZONE, rivals
from bench.servers import Running

COOKIE: Final = "10:0123456789abcdef"
TURNS: Final = 2


class Mode(NamedTuple):
    """What dnsperf is told besides, and by which door it comes in; the questions are in a file for each mode."""

    words: tuple[str, ...] = ()
    door: str = "port"


MODES: Final[dict[str, Mode]] = {
    "plain": Mode(),
    "cookie": Mode(("-E", COOKIE)),
    "random case, EDNS": Mode(("-e",)),
    "NXDOMAIN flood": Mode(),
    "TCP": Mode(("-m", "tcp")),
    "DoT": Mode(("-m", "dot"), "tls"),
}


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Every mode with every server in turns; the better run of each: queries per CPU second, and ratios to fedns."""
    needed()
    runs: dict[str, dict[str, list[dict[str, float]]]] = {}
    async with rivals(directory) as servers:
        questions = _questions(directory)
        for name, mode in MODES.items():
            able = {each: server for each, server in servers.items() if getattr(server, mode.door)}
            for _ in range(TURNS):
                for each, server in able.items():
                    run = await load(server, questions[name], length(seconds), mode)
                    runs.setdefault(name, {}).setdefault(each, []).append(run)
    figures: dict[str, Any] = {}
    for name, of in runs.items():
        figures |= compared(
            name, {each: max(turns, key=lambda run: run["per_cpu_second"]) for each, turns in of.items()}
        )
    return figures


def compared(title: str, best: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The figures of each server, and how many times theirs fedns answered; none where one answered nothing."""
    own = best["fedns"]["per_cpu_second"]
    ratios = {name: own / run["per_cpu_second"] for name, run in best.items() if name != "fedns" and run["queries"]}
    return {**{f"{title}: {name}": run for name, run in best.items()}, f"{title}: fedns to": ratios}


def _questions(directory: Path) -> dict[str, Path]:
    """A file of questions for each mode, in an order that is the same on every run."""
    chance = random.Random(1)
    plain = [f"s{at}.bench.{ZONE}" for at in range(NAMES)]
    cased = ["".join(chance.choice((c.upper(), c.lower())) for c in name) for name in plain * 50]
    none = [f"x{chance.randrange(10**12)}.bench.{ZONE}" for _ in range(500_000)]
    asked = {"random case, EDNS": cased, "NXDOMAIN flood": none}
    paths = {}
    for at, mode in enumerate(MODES):
        paths[mode] = directory / f"queries-{at}"
        paths[mode].write_text("".join(f"{name} A\n" for name in asked.get(mode, plain)))
    return paths


async def load(server: Running, queries: Path, seconds: int, mode: Mode) -> dict[str, float]:
    """As much as the server can answer on one core."""
    mine, others = two_cores()
    server.bind(mine)
    before = server.cpu()
    port: int = getattr(server, mode.door)
    told = await perf(port, queries, seconds, "-c", "16", "-q", "256", *mode.words, core=others)
    used = server.cpu() - before
    return {
        "per_cpu_second": per_cpu(told.completed, used),
        "queries": told.completed,
        "lost": told.lost,
        "cpu_seconds": used,
        "average_latency_ms": told.average_ms,
    }
