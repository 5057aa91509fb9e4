"""`./dev bench [PART|wire|intake|all] [--seconds N] [--json FILE]`: measure, and print figures as a table.

`wire` is all about packets next to other servers: queries, workers, tail, tens and pace. `intake` is all that lies
between API servers and answers: cold, scale, change and storm.
"""

import argparse
import asyncio
import compileall
import json
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import fedns
from bench import (
    change,
    cold,
    crowd,
    hostile,
    loss,
    overload,
    pace,
    partition,
    place,
    queries,
    restart,
    scale,
    storm,
    tail,
    tens,
    workers,
)
from tests.real.build import cache

Measure = Callable[[Path, int], Coroutine[Any, Any, dict[str, Any]]]
WIRE: dict[str, Measure] = {
    "queries": queries.measure,
    "workers": workers.measure,
    "tail": tail.measure,
    "tens": tens.measure,
    "pace": pace.measure,
}
INTAKE: dict[str, Measure] = {
    "cold": cold.measure,
    "scale": scale.measure,
    "change": change.measure,
    "storm": storm.measure,
}
MEASURES: dict[str, Measure] = {
    "place": place.measure,
    **WIRE,
    "hostile": hostile.measure,
    "loss": loss.measure,
    "partition": partition.measure,
    "crowd": crowd.measure,
    "overload": overload.measure,
    "restart": restart.measure,
    **INTAKE,
}
GROUPS: dict[str, dict[str, Measure]] = {"wire": WIRE, "intake": INTAKE, "all": MEASURES}


def show(title: str, figures: dict[str, Any]) -> None:
    """Print one result: a line for each server or figure."""
    print(f"\n{title}")
    for name, figure in figures.items():
        if isinstance(figure, dict):
            text = ", ".join(f"{key} {value:,.4g}" for key, value in figure.items())
        else:
            text = f"{figure:,.4g}"
        print(f"  {name:<24} {text}")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=[*MEASURES, *GROUPS])
    parser.add_argument("--seconds", type=int, default=10, help="length of each load")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    words = parser.parse_args()
    os.environ.setdefault("KUBEBUILDER_ASSETS", str(cache()))
    compileall.compile_dir(Path(fedns.__file__).parent, quiet=1)  # as the image has it: a start compiles nothing
    results: dict[str, dict[str, Any]] = {}
    for name in GROUPS.get(words.what, [words.what]):
        with tempfile.TemporaryDirectory(prefix="fedns-bench-") as directory:
            results[name] = asyncio.run(MEASURES[name](Path(directory), words.seconds))
        show(name, results[name])
        sys.stdout.flush()
    if words.json:
        words.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
