"""`./dev soak [--minutes N] [--seed N] [--rate half|N] [--out FOLDER]`: chaos under load; nothing may grow or be wrong.

Five members, two of them real API servers where those are built, 20 changes of services a second, random faults
(lab/chaos.py), queries over UDP and TCP by dnsperf at half of what the machine can answer, the checker with the truth
model all the while. Every few seconds memory, file descriptors and tasks are looked at. Processes are killed in the
first part of the run only, so that those of the rest live long enough to show what grows. The report is written as
text, JSON and a picture. Exit code 1 when an answer was wrong, when not all came back, or when something grew.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any, Final

from msgspec import Struct, to_builtins

from bench import load
from bench.load import Loads
from bench.looks import Looks, slope
from bench.plot import Curve, Curves, Marks, picture
from fedns.lab import chaos
from fedns.lab.chaos import Chaos, Outcome
from fedns.lab.processes import free_port
from fedns.lab.real import assets
from fedns.lab.world import World
from tests.real.build import cache

MEMBERS: Final = 5
WORKERS: Final = 2
CHURN_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 2.0
KILLING_PART: Final = 0.3
"""In this part of the run processes are killed, too."""
LONG_SECONDS: Final = 3600.0
DRIFT: Final = 0.1
"""By which part the latency may rise in a long run on a quiet machine."""
UNITS: Final = {"memory": "MiB", "files": "file descriptors", "tasks": "tasks of the event loop"}


class Run(Struct, kw_only=True):
    """One run, as it was."""

    outcome: Outcome
    looks: Looks
    loads: Loads
    real: int
    capacity: float
    """Queries a second that were answered before the faults, 0 where that was not measured."""
    rate: int
    busy: tuple[float, float]
    """Which part of the processors others used before and after."""

    @property
    def quiet(self) -> bool:
        """Whether nothing else ran."""
        return max(self.busy) <= load.QUIET

    def faults(self) -> list[str]:
        """Why the run is a failure; empty when it is none."""
        found, drift = [], self.loads.drift()
        if self.outcome.wrong:
            found.append(f"{len(self.outcome.wrong)} answers were wrong")
        if self.outcome.back is None:
            found.append("not all was right again in the end")
        found += [f"{what} grew" for what in self.looks.grown()]
        if self.outcome.seconds >= LONG_SECONDS and self.quiet and drift is not None and drift > DRIFT:
            found.append(f"the latency rose by {drift:.0%}")
        return found

    def figures(self) -> dict[str, Any]:
        """Everything that the report says."""
        outcome, done = self.outcome, self.loads.done
        return {
            "seed": outcome.seed,
            "seconds": outcome.seconds,
            "members": {"simulated": MEMBERS - self.real, "real": self.real},
            "deeds": dict(Counter(map(_whose, (text for _, text in outcome.deeds)))),
            "checked": outcome.counts,
            "checked_without_reply": outcome.lost,
            "false_nxdomain": outcome.denied,
            "jurisdiction_breaks": outcome.strayed,
            "oldest_answer_s": outcome.oldest,
            "back_after_s": outcome.back,
            "capacity_qps": self.capacity,
            "rate_qps": self.rate,
            "load_queries": sum(each.queries for each in done),
            "load_lost": sum(each.lost for each in done),
            "latency_drift": self.loads.drift(),
            "machine_busy_before": self.busy[0],
            "machine_busy_after": self.busy[1],
            **{
                what: {kind: _growth(self.looks.at, seen) for kind, seen in by_kind.items() if seen}
                for what, by_kind in self.looks.seen.items()
            },
            "faults": self.faults(),
        }

    def whole(self) -> list[str]:
        """What came of it, in a few lines, and where something was wrong, what was done before it."""
        found = self.figures()
        answered, lost, drift = found["load_queries"], found["load_lost"], found["latency_drift"]
        shown = "not measured" if drift is None else f"{drift:+.0%}, {self._judged()}"
        lines = [
            *self.outcome.lines(),
            f"{self.real} of {MEMBERS} members real; load {self.rate} queries/s: {answered} answered, {lost} lost",
            f"latency of the last third to the first: {shown}",
        ]
        for kind in found["memory"]:
            growths = [_growing(found[what][kind], unit) for what, unit in UNITS.items() if kind in found[what]]
            lines.append(f"{kind}: {', '.join(growths)}")
        return lines

    def _judged(self) -> str:
        if self.outcome.seconds < LONG_SECONDS:
            return "not judged: only in runs of an hour or more"
        return "judged" if self.quiet else f"not judged: others use {max(self.busy):.0%} of this machine"

    def panels(self) -> list[Curves | Marks]:
        """The picture, from top to bottom."""
        looks, done = self.looks, self.loads.done
        curves = [
            Curves(title, {kind: Curve(looks.at, seen) for kind, seen in looks.seen[what].items()})
            for what, title in (("memory", "Resident memory, MiB"), ("files", "File descriptors"), ("tasks", "Tasks"))
        ]
        latency = {mode: [each for each in done if each.mode == mode] for mode in ("udp", "tcp")}
        means = {mode: Curve([each.at for each in of], [each.mean_ms for each in of]) for mode, of in latency.items()}
        rows: dict[str, list[float]] = {}
        for at, text in self.outcome.deeds:
            rows.setdefault(_whose(text), []).append(at)
        return [
            *curves,
            Curves("Mean latency of the load, ms", means),
            Marks("Faults, and their ends", dict(sorted(rows.items()))),
        ]


def _whose(deed: str) -> str:
    """What a deed was done to: `worker 77: SIGKILL` to a worker."""
    return deed.partition(":")[0].partition(" ")[0]


def _growth(at: list[float], seen: list[float]) -> dict[str, float]:
    return {"least": min(seen), "most": max(seen), "last": seen[-1], "slope_per_hour": slope(at, seen)}


def _growing(figure: dict[str, float], unit: str) -> str:
    return f"{figure['last']:.0f} {unit} ({figure['slope_per_hour']:+.1f} an hour)"


def text(run: Run) -> str:
    """The whole report for people."""
    lines = [*run.whole(), ""]
    for name, value in run.figures().items():
        lines.append(f"{name:<22} {_plain(value)}")
    return "\n".join(lines) + "\n"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


async def soak(directory: Path, *, seconds: float, seed: int, rate: int | None) -> Run:
    """The whole run; without a rate it is half of the capacity."""
    real = chaos.REAL if assets() is not None else 0
    before = await load.busy()
    world, snapshot = chaos.made(directory, members=MEMBERS, workers=WORKERS, port=free_port(), real=real)
    looks, loads, capacity = Looks(), Loads(world.port, directory / "queries"), 0.0
    async with world:
        run = Chaos(world, seed=seed, every=CHURN_SECONDS, snapshot=snapshot, killing=KILLING_PART)
        await world.deploy()
        await run.prepare()
        await world.serve()
        names = [f"{key[1]}.{key[0]}.myfed.svc.example.com" for key in run.services()]
        loads.queries.write_text("".join(f"{name} {qtype}\n" for name in names for qtype in ("A", "AAAA", "SRV")))
        beside = [asyncio.create_task(_look(world, looks))]
        if load.possible():
            if rate is None:
                capacity = await loads.capacity()
                rate = load.half(capacity)
            beside.append(asyncio.create_task(loads.run(rate)))
        else:
            rate = 0
            print("dnsperf is not installed: nothing is asked beside the checker")
        try:
            outcome = await run.run(seconds)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    busy = before, await load.busy()
    return Run(outcome=outcome, looks=looks, loads=loads, real=real, capacity=capacity, rate=rate, busy=busy)


async def _look(world: World, looks: Looks) -> None:
    began = monotonic()
    while True:
        await looks.look(world, monotonic() - began)
        await asyncio.sleep(LOOK_SECONDS)


def write(run: Run, out: Path, log: str) -> None:
    """All of the report, into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.txt").write_text(text(run))
    raw = {"at": run.looks.at, **run.looks.seen, "loads": to_builtins(run.loads.done), "deeds": run.outcome.deeds}
    (out / "report.json").write_text(json.dumps(run.figures() | {"raw": raw}, indent=1) + "\n")
    (out / "soak.svg").write_text(picture(run.panels()))
    (out / "fedns.log").write_text(log)


def _rate(word: str) -> int | None:
    return None if word == "half" else int(word)


def main() -> None:
    """Run, write the report, and say whether all was well."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=_rate, default="half", help="queries a second beside the checker's, or half")
    parser.add_argument("--out", type=Path, default=Path("soak-report"), help="folder for the report")
    words = parser.parse_args()
    os.environ.setdefault("KUBEBUILDER_ASSETS", str(cache()))
    with tempfile.TemporaryDirectory(prefix="fedns-soak-") as directory:
        run = asyncio.run(soak(Path(directory), seconds=words.minutes * 60, seed=words.seed, rate=words.rate))
        log = (Path(directory) / "fedns.log").read_text(errors="replace")
    write(run, words.out, log)
    print("\n".join([*run.whole(), f"report: {words.out}/report.txt, report.json, soak.svg, fedns.log"]))
    for fault in run.faults():
        print(f"FAILED: {fault}")
    sys.exit(1 if run.faults() else 0)


if __name__ == "__main__":
    main()
