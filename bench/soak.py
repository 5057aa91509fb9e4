"""`./dev soak [--minutes N] [--seed N] [--rate N] [--out FOLDER]`: chaos under load, and nothing may grow or be wrong.

Five members, 20 changes of services a second, random faults (lab/chaos.py), queries over UDP and TCP by dnsperf, the
checker with the truth model all the while. Every few seconds memory and file descriptors are looked at. Processes are
killed in the first part of the run only, so that those of the rest live long enough to show what grows. The report is
written as text, JSON and a plot (SVG). Exit code 1 when an answer was wrong, or something grew.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from statistics import linear_regression, median
from time import monotonic
from typing import Any, Final

from bench.plot import plot
from fedns.lab import chaos
from fedns.lab.chaos import Chaos, Outcome
from fedns.lab.mischief import CONTROL, WORKER
from fedns.lab.processes import free_port, serving
from fedns.lab.world import World

MEMBERS: Final = 5
WORKERS: Final = 2
CHURN_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 2.0
LOAD_SECONDS: Final = 20
KILLING_PART: Final = 0.3
"""In this part of the run processes are killed, too."""
WARM_PART: Final = 0.45
"""This part of the run is warm-up: the last processes begin, caches fill, allocators settle."""
GROWTH_PER_HOUR: Final = 20.0
"""MiB or descriptors: a slope counts as growth from here on, and only when the run has gained more than NOISE by it."""
NOISE: Final = 8.0


class Looks:
    """What was seen, look by look: seconds, MiB and file descriptors by process kind, and each load's latency."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.memory: dict[str, list[float]] = {"supervisor": [], "control": [], "worker": []}
        self.files: dict[str, list[float]] = {"supervisor": [], "control": [], "worker": []}
        self.loads: list[dict[str, float]] = []

    def look(self, world: World, seconds: float) -> None:
        """Look at the processes as they are now; of several workers the largest counts."""
        pids = {
            "supervisor": [world.server_pid],
            "control": serving(world.server_pid, CONTROL),
            "worker": serving(world.server_pid, WORKER),
        }
        found = {kind: [(_memory(pid), _files(pid)) for pid in of] for kind, of in pids.items()}
        if not all(found.values()):
            return  # one is being replaced just now
        self.at.append(seconds)
        for kind, seen in found.items():
            self.memory[kind].append(max(memory for memory, _ in seen))
            self.files[kind].append(max(files for _, files in seen))


def _memory(pid: int) -> float:
    """Resident MiB, 0 for a process that is gone."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)
    return 0.0


def _files(pid: int) -> float:
    with contextlib.suppress(OSError):
        return float(len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208 -- as many as there are, made into nothing
    return 0.0


def slope(at: list[float], values: list[float]) -> float:
    """How much a figure grows in an hour, after the warm-up."""
    first = int(len(at) * WARM_PART)
    if len(at) - first < 3:
        return 0.0
    return linear_regression(at[first:], values[first:]).slope * 3600


def grew(at: list[float], values: list[float]) -> bool:
    """Whether it grows faster than is allowed, and in this run by more than the noise."""
    hourly = slope(at, values)
    passed = (at[-1] - at[int(len(at) * WARM_PART)]) / 3600 if at else 0.0
    return hourly > GROWTH_PER_HOUR and hourly * passed > NOISE


def figures(outcome: Outcome, looks: Looks) -> dict[str, Any]:
    """Everything that the report says."""
    third = max(1, len(looks.loads) // 3)
    p50 = [each["avg_ms"] for each in looks.loads]
    return {
        "seed": outcome.seed,
        "seconds": outcome.seconds,
        "deeds": len(outcome.deeds),
        "checked": outcome.counts,
        "checked_without_reply": outcome.lost,
        "oldest_answer_s": outcome.oldest,
        "back_after_s": outcome.back,
        "load_queries": sum(each["queries"] for each in looks.loads),
        "load_lost": sum(each["lost"] for each in looks.loads),
        "latency_first_third_ms": median(p50[:third]) if p50 else None,
        "latency_last_third_ms": median(p50[-third:]) if p50 else None,
        "memory_mib": {kind: [min(seen), max(seen), seen[-1]] for kind, seen in looks.memory.items() if seen},
        "memory_slope_mib_per_hour": {kind: slope(looks.at, seen) for kind, seen in looks.memory.items()},
        "files": {kind: [min(seen), max(seen), seen[-1]] for kind, seen in looks.files.items() if seen},
        "grew": [
            f"{what} of {kind}"
            for what, by_kind in (("memory", looks.memory), ("files", looks.files))
            for kind, seen in by_kind.items()
            if grew(looks.at, seen)
        ],
    }


def text(found: dict[str, Any], outcome: Outcome) -> str:
    """The report for people."""
    lines = [*outcome.lines(), ""]
    for name, value in found.items():
        shown = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        lines.append(f"{name:<28} {shown}")
    return "\n".join(lines) + "\n"


async def soak(directory: Path, *, seconds: float, seed: int, rate: int) -> tuple[Outcome, Looks]:
    """The whole run."""
    world, snapshot = chaos.made(directory, members=MEMBERS, workers=WORKERS, port=free_port())
    looks = Looks()
    async with world:
        run = Chaos(world, seed=seed, every=CHURN_SECONDS, snapshot=snapshot, killing=KILLING_PART)
        await world.deploy()
        await run.prepare()
        await world.serve()
        queries = directory / "queries"
        names = [f"{key[1]}.{key[0]}.myfed.svc.example.com" for key in run.services()]
        queries.write_text("".join(f"{name} {qtype}\n" for name in names for qtype in ("A", "AAAA", "SRV")))
        beside = [
            asyncio.create_task(_look(world, looks)),
            asyncio.create_task(_loads(world.port, queries, rate, looks)),
        ]
        try:
            outcome = await run.run(seconds)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    return outcome, looks


async def _look(world: World, looks: Looks) -> None:
    began = monotonic()
    while True:
        looks.look(world, monotonic() - began)
        await asyncio.sleep(LOOK_SECONDS)


async def _loads(port: int, queries: Path, rate: int, looks: Looks) -> None:
    """Load after load, three over UDP and one over TCP."""
    while True:
        for mode in ("udp", "udp", "udp", "tcp"):
            looks.loads.append(await _load(port, queries, rate, mode))


async def _load(port: int, queries: Path, rate: int, mode: str) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *("dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(queries), "-m", mode),
        *("-l", str(LOAD_SECONDS), "-c", "8", "-Q", str(rate), "-t", "2"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output = (await process.communicate())[0].decode()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return {
        "queries": float(re.findall(r"Queries completed:\s+(\d+)", output)[0]),
        "lost": float(re.findall(r"Queries lost:\s+(\d+)", output)[0]),
        "avg_ms": float(re.findall(r"Average Latency \(s\):\s+([\d.]+)", output)[0]) * 1000,
    }


def main() -> None:
    """Run, write the report, and say whether all was well."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=2000, help="queries a second beside the checker's")
    parser.add_argument("--out", type=Path, default=Path("soak-report"), help="folder for the report")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fedns-soak-") as directory:
        outcome, looks = asyncio.run(
            soak(Path(directory), seconds=words.minutes * 60, seed=words.seed, rate=words.rate)
        )
        log = (Path(directory) / "fedns.log").read_text(errors="replace")
    found = figures(outcome, looks)
    words.out.mkdir(parents=True, exist_ok=True)
    (words.out / "report.txt").write_text(text(found, outcome))
    (words.out / "report.json").write_text(json.dumps(found, indent=2) + "\n")
    (words.out / "memory.svg").write_text(plot("Resident memory, MiB", "seconds", looks.at, looks.memory))
    (words.out / "fedns.log").write_text(log)
    print(text(found, outcome), end="")
    print(f"report: {words.out}/report.txt, report.json, memory.svg, fedns.log")
    sys.exit(0 if outcome.good and not found["grew"] else 1)


if __name__ == "__main__":
    main()
