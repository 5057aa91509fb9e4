"""dnsperf as the wire parts use it: what it asked, what came back, and how long each answer took."""

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Final, NamedTuple

TIMEOUT_SECONDS: Final = 2.0
"""A query that has no answer until then is lost, and counts as an answer that took so long."""
SHARE: Final = 4
"""A load of a wire part is a quarter of `--seconds`: there are many of them."""


class Told(NamedTuple):
    """What one load came to; `times` are the seconds of each answer, sorted, where they were asked for."""

    completed: float
    lost: float
    average_ms: float
    seconds: float
    times: list[float]


def needed() -> None:
    """Ends the run where dnsperf is missing."""
    if shutil.which("dnsperf") is None:
        raise SystemExit("dnsperf is missing: apt-get install dnsperf")


def length(seconds: int) -> int:
    """Seconds of one load, of `--seconds`."""
    return max(1, seconds // SHARE)


async def perf(
    port: int, queries: Path, seconds: int, *words: str, core: int | None = None, each: bool = False
) -> Told:
    """Ask the questions of a file again and again, on one core if that is named; `each`: tell the time of each answer.

    The words go into a file, since a pipe that nobody empties would hold the load up.
    """
    output = queries.with_suffix(".out")
    bound = ("taskset", "-c", str(core)) if core is not None else ()
    with output.open("wb") as told:
        process = await asyncio.create_subprocess_exec(
            *(*bound, "dnsperf", *(("-v",) if each else ()), "-s", "127.0.0.1", "-p", str(port), "-d", str(queries)),
            *("-l", str(seconds), "-t", f"{TIMEOUT_SECONDS:g}", *words),
            stdout=told,
            stderr=told,
        )
        await process.wait()
    return read(output.read_text())


def read(output: str) -> Told:
    """What dnsperf printed; ends the run where that is no report."""

    def number(pattern: str) -> float:
        found = re.search(rf"{pattern}:?\s+([\d.]+)", output)
        if found is None:
            raise SystemExit(f"dnsperf failed: {output[-400:]}")
        return float(found[1])

    lost = number("Queries lost")
    times = sorted(map(float, re.findall(r"^> [A-Z]+ .* ([\d.]+)$", output, re.MULTILINE)))
    return Told(
        completed=number("Queries completed"),
        lost=lost,
        average_ms=number(r"Average Latency \(s\)") * 1000,
        seconds=number(r"Run time \(s\)"),
        times=[*times, *[TIMEOUT_SECONDS] * int(lost)] if times else [],
    )


def tail(times: list[float]) -> dict[str, float]:
    """p50, p99, p99.9 and the longest of sorted times, in milliseconds."""
    places = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    return {
        **{name: times[min(len(times) - 1, int(len(times) * part))] * 1000 for name, part in places.items()},
        "max_ms": times[-1] * 1000,
    }


def per_cpu(completed: float, used: float) -> float:
    """Queries per second of CPU; that is counted in ticks, so a server that hardly ran has used one of them."""
    return completed / max(used, 1 / os.sysconf("SC_CLK_TCK"))


def two_cores() -> tuple[int, int]:
    """One for the server and one for dnsperf: the first and the last that this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]
