"""`./dev bench [wire|change|cold|loss|all] [--seconds N] [--json FILE]`: measure, and print figures as a table."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import change, cold, loss, wire
from tests.real.build import cache

MEASURES = {"wire": wire.measure, "change": change.measure, "cold": cold.measure, "loss": loss.measure}


def show(title: str, figures: dict[str, Any]) -> None:
    """Print one result: a line for each server or figure."""
    print(f"\n{title}")
    for name, figure in figures.items():
        if isinstance(figure, dict):
            text = ", ".join(f"{key} {value:,.6g}" for key, value in figure.items())
        else:
            text = f"{figure:,.4g}"
        print(f"  {name:<24} {text}")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=[*MEASURES, "all"])
    parser.add_argument("--seconds", type=int, default=5, help="length of each load")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    words = parser.parse_args()
    os.environ.setdefault("KUBEBUILDER_ASSETS", str(cache()))
    results = {}
    for name in MEASURES if words.what == "all" else [words.what]:
        with tempfile.TemporaryDirectory(prefix="fedns-bench-") as directory:
            results[name] = asyncio.run(MEASURES[name](Path(directory), words.seconds))
        show(name, results[name])
        sys.stdout.flush()
    if words.json:
        words.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
