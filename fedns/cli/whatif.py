"""`fedns whatif`: what would become of the services without some clusters or zones."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedns.cli import held

if TYPE_CHECKING:
    from fedns.answers.survey import Loss

EFFECTS = {
    "no answer": "nobody answers",
    "constraint": "nobody may answer",
    "region": "is answered from another region",
}


@click.command()
@click.option("--lose", multiple=True, metavar="CLUSTER[/ZONE]", help="What would be gone; repeatable.")
@click.option("--from", "places", multiple=True, metavar="PLACE", help="Only clients there, like eu1/eu-west1-b.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@held.options
def whatif(lose: tuple[str, ...], places: tuple[str, ...], output: str, server: str, snapshot: Path | None) -> None:
    """Tell which services would lose their answers, get them from another region, or break a constraint.

    Without --lose, tell which services live in one cluster alone. Exit code 1 when any would lose all its answers.
    """
    from fedns.answers.survey import locations, losses, single
    from fedns.federation.drains import drain

    state = held.replica(server, snapshot).state
    known = sorted(state.world.clusters)
    try:
        lost = [drain(each) for each in lose]
    except ValueError as fault:
        raise click.UsageError(f"--lose: {fault}") from None
    for each in lost:
        if each.service or each.cluster not in known:
            raise click.UsageError(f"--lose {each.target}: write CLUSTER or CLUSTER/ZONE; clusters {', '.join(known)}")
    there = locations(state)
    for place in places:
        if place not in there:
            raise click.UsageError(f"--from {place}: there is {', '.join(there)}")
    found = losses(state, lost, places or tuple(there))
    alone = single(state)
    if output == "json":
        told = [{"service": e.service, "effect": e.effect, "from": e.places, "detail": e.detail} for e in found]
        click.echo(json.dumps({"losses": told, "single": [{"service": s, "cluster": c} for s, c in alone]}))
    else:
        for line in _lines(found, alone, bool(lost)):
            click.echo(line)
    sys.exit(1 if any(each.effect != "region" for each in found) else 0)


def _lines(found: "list[Loss]", alone: list[tuple[str, str]], lost: bool) -> list[str]:
    """What people read."""
    told = []
    for each in found:
        detail = f" ({each.detail})" if each.detail else ""
        told.append(f"{each.service}: {EFFECTS[each.effect]} for clients of {', '.join(each.places)}{detail}")
    if lost and not found:
        told.append("every service is answered, from the same regions")
    return told + [f"{service} lives in {cluster} alone" for service, cluster in alone]
