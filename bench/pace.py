"""Latency at fixed rates, and the memory of each server then: fedns (one worker), CoreDNS (`file`), Knot and BIND.

All have the same records, and each one core of its own, as in `queries`.
"""

from itertools import product
from pathlib import Path
from typing import Any, Final

from bench.perf import length, needed, perf, tail, two_cores
from bench.rivals import NAMES, ZONE, rivals

RATES: Final = (1_000, 10_000, 20_000)
OUTSTANDING: Final = "20000"
PARTS: Final = 2
"""A load is so many of the others long: at the lowest rate there is little to take a percentile of."""


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Milliseconds of an answer at each rate, the queries a second that were answered, and MiB of resident memory."""
    needed()
    figures: dict[str, Any] = {}
    async with rivals(directory) as servers:
        questions = directory / "queries"
        questions.write_text("".join(f"s{at}.bench.{ZONE} A\n" for at in range(NAMES)))
        mine, others = two_cores()
        for server in servers.values():
            server.bind(mine)
            # Whoever makes answers when they are first asked for has made them.
            await perf(server.port, questions, 1, "-Q", str(RATES[-1]), core=others)
        for rate, (name, server) in product(RATES, servers.items()):
            words = ("-c", "16", "-q", OUTSTANDING, "-Q", str(rate))
            told = await perf(server.port, questions, PARTS * length(seconds), *words, core=others, each=True)
            figures[f"{rate:,}/s: {name}"] = {
                **tail(told.times),
                "queries_per_s": told.completed / told.seconds,
                "lost": told.lost,
            }
        return {**figures, **{f"memory: {name}": server.memory() for name, server in servers.items()}}
