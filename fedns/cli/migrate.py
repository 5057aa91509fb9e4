"""`fedns migrate`: move a service from one cluster to another, step by step, and tell how far it is."""

import json
from datetime import UTC, datetime
from time import time
from typing import Any

import click

from fedns.cli import held

PATH = "/api/v1/migrations"


@click.command()
@click.argument("service", required=False)
@click.option("--from", "source", metavar="CLUSTER", help="The cluster that it leaves.")
@click.option("--to", "target", metavar="CLUSTER", help="The cluster that it goes to.")
@click.option("--schedule", metavar="TEXT", help='Percent and times from now: "10% now, 50% +30m, 100% +2h".')
@click.option("--pause-if", "pause_if", metavar="TEXT", default="", help='When it waits: "ready(CLUSTER) < 3".')
@click.option("--abort", is_flag=True, help="End its migration: all goes back at once.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@held.server_option
def migrate(
    *,
    service: str | None,
    source: str | None,
    target: str | None,
    schedule: str | None,
    pause_if: str,
    abort: bool,
    output: str,
    server: str,
) -> None:
    """Move SERVICE, written as NAMESPACE/SERVICE; without it, tell of all migrations.

    While too few endpoints are ready in the cluster that it goes to, or that one is not heard, it waits where it is.
    """
    given = (source, target, schedule)
    if service is None or abort:
        if any(given) or pause_if or (abort and service is None):
            raise click.UsageError("write SERVICE --from A --to B --schedule TEXT, or SERVICE --abort, or nothing")
        reply = held.order(server, PATH, "DELETE", {"service": service}) if abort else held.fetch(server, PATH)
    else:
        if not all(given):
            raise click.UsageError("--from, --to and --schedule are needed to move a service")
        order = {"service": service, "from": source, "to": target, "schedule": schedule, "pauseIf": pause_if}
        reply = held.order(server, PATH, "POST", order)
    migrations = json.loads(reply)["migrations"]
    if output == "json":
        click.echo(json.dumps({"migrations": migrations}))
        return
    for line in _lines(migrations):
        click.echo(line)


def _lines(migrations: list[dict[str, Any]]) -> list[str]:
    """What people read."""
    told = []
    for each in migrations:
        told.append(
            f"{each['service']}: {each['percent']} % (decided) of what {each['from']} would get go to {each['to']},"
            f" step {each['step']} of {each['steps']}, by {each['by']}"
        )
        told += _served(each)
        if each["paused"] is not None:
            told.append(f"  waits: {each['paused']}")
        elif each["nextPercent"] is not None:
            told.append(f"  {each['nextPercent']} % in {_span(each['nextInSeconds'])}")
        if each["safeToStopAt"] is not None:
            moment = datetime.fromtimestamp(each["safeToStopAt"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            told.append(
                f"  {each['from']} is safe to stop {'at' if each['safeToStopAt'] > time() else 'since'} {moment}"
            )
    return told or ["nothing moves"]


def _served(each: dict[str, Any]) -> list[str]:
    """Where answers really led, as soon as there are any."""
    counted = each["served"]
    if counted is None or not counted["answers"]:
        return []
    shares = ((each["from"], "from"), (each["to"], "to"), ("others", "elsewhere"))
    told = ", ".join(f"{100 * counted[part]:.3g} % {name}" for name, part in shares if counted[part])
    return [f"  served: {told}, of {counted['answers']} answers in the last {counted['seconds']:.0f} s"]


def _span(seconds: float) -> str:
    """A length of time for people."""
    whole = max(0, round(seconds))
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return " ".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
