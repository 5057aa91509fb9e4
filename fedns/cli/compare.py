"""`fedns compare`: where two running fedns serve something else, down to services and answers."""

import json
import sys
from time import sleep
from typing import TYPE_CHECKING, Any, Final

import click

from fedns.cli import held

if TYPE_CHECKING:
    from fedns.answers.answer import State
    from fedns.federation.objects import Export

SETTLE: Final = 2.0
"""Seconds between two looks: what differs only once is a change on its way."""
MAX_SHOWN: Final = 50


@click.command()
@click.argument("one", metavar="URL")
@click.argument("other", metavar="URL")
@click.option("--settle", default=SETTLE, show_default=True, type=click.FloatRange(0, 3600), help="Look again after.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def compare(one: str, other: str, settle: float, output: str) -> None:
    """Compare what two running fedns serve, by their admin addresses; "here" is the first.

    Told is what differs in two looks, SETTLE seconds apart. Exit code 0 when they serve the same, 1 when not.
    """
    found = _look(one, other)
    if any(found.values()):
        sleep(settle)
        again = {key: set(map(json.dumps, told)) for key, told in _look(one, other).items()}
        found = {key: [each for each in told if json.dumps(each) in again[key]] for key, told in found.items()}
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        for line in _lines(found):
            click.echo(line)
    sys.exit(1 if any(found.values()) else 0)


def _look(one: str, other: str) -> dict[str, list[Any]]:
    """The differences now."""
    from msgspec import structs

    from fedns.answers.difference import changes
    from fedns.answers.digests import differences, digests

    states = [held.replica(each, None).state for each in (one, other)]
    mine, theirs = (digests(each.rules, each.catalog, each.statuses) for each in states)
    apart = differences(mine, theirs)
    return {
        "differences": apart,
        "services": [f"{'/'.join(key)}: other exports in {', '.join(names)}" for key, names in _services(*states)],
        "answers": [structs.asdict(each) for each in changes(*states)] if apart else [],
    }


def _services(one: "State", other: "State") -> "list[tuple[tuple[str, str], list[str]]]":
    """Every service whose exports differ, with the clusters concerned."""
    mine, theirs = _exports(one), _exports(other)
    found: dict[tuple[str, str], list[str]] = {}
    for cluster, key in sorted(mine.keys() | theirs.keys()):
        if mine.get((cluster, key)) != theirs.get((cluster, key)):
            found.setdefault(key, []).append(cluster)
    return sorted(found.items())


def _exports(state: "State") -> "dict[tuple[str, tuple[str, str]], Export]":
    return {(each.cluster, each.key): each for name in state.statuses for each in state.catalog.exports_of(name)}


def _lines(found: dict[str, list[Any]]) -> list[str]:
    """What people read."""
    told = [*found["differences"], *found["services"][:MAX_SHOWN]]
    more = len(found["services"]) - MAX_SHOWN
    told += [f"... and {more} services more (-o json has them all)"] if more > 0 else []
    for each in found["answers"][:MAX_SHOWN]:
        told.append(f"{each['service']} for {', '.join(each['places'])}: {each['before']} here, {each['after']} there")
    more = len(found["answers"]) - MAX_SHOWN
    told += [f"... and {more} answers more (-o json has them all)"] if more > 0 else []
    return told or ["both serve the same"]
