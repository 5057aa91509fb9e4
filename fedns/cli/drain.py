"""`fedns drain` and `fedns undrain`: take something out of the answers of a running fedns, and put it back."""

import json
import sys
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any

import click

from fedns.cli import held

if TYPE_CHECKING:
    from fedns.answers.survey import Dependent

PATH = "/api/v1/drains"


@click.command()
@click.argument("target", required=False)
@click.option("--force", is_flag=True, help="Also where nobody else can answer: the answer is empty then.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@held.server_option
def drain(target: str | None, server: str, output: str, *, force: bool) -> None:
    """Give TARGET no clients any more: CLUSTER, CLUSTER/ZONE or NAMESPACE/SERVICE@CLUSTER.

    Without TARGET, tell what is drained. Either way, services that nobody else can answer are listed: they keep their
    answers, unless the drain is by force.
    """
    if force and target is None:
        raise click.UsageError("--force needs to know what to drain")
    _tell(server, output, order={"target": target, "force": force} if target is not None else None)


@click.command()
@click.argument("target")
@held.server_option
def undrain(target: str, server: str) -> None:
    """Give TARGET clients again, as it was written when it was drained."""
    held.order(server, PATH, "DELETE", {"target": target})
    click.echo(f"{target} is drained no more")


def _tell(server: str, output: str, order: dict[str, Any] | None) -> None:
    from fedns.answers.survey import dependents
    from fedns.federation.drains import drain

    reply = held.order(server, PATH, "POST", order) if order is not None else held.fetch(server, PATH)
    drains = json.loads(reply)["drains"]
    state = held.replica(server, None).state
    # The snapshot is what workers hold; the order may be on its way to them.
    found = dependents(state, [drain(each["target"], force=each["force"]) for each in drains])
    if output == "json":
        dependent = [{"service": each.service, "answered": each.answered, "from": each.places} for each in found]
        click.echo(json.dumps({"drains": drains, "dependent": dependent}))
        return
    for line in _lines(drains, found):
        click.echo(line)
    sys.stdout.flush()


def _lines(drains: list[dict[str, Any]], found: "list[Dependent]") -> list[str]:
    """What people read."""
    if not drains:
        return ["nothing is drained"]
    told = [
        f"{each['target']}{' by force' if each['force'] else ''}: drained by {each['by']}"
        f" since {_clock(each['since'])}, {_safe(each['safeToStopAt'])}{_served(each['served'])}"
        for each in drains
    ]
    for each in found:
        end = "keeps its drained answers" if each.answered else "has no answer"
        told.append(f"  nobody else can answer {each.service}: it {end} for clients of {', '.join(each.places)}")
    return told


def _safe(at: float | None) -> str:
    if at is None:
        return "not known to every worker yet"
    return f"safe to stop at {_clock(at)}" if at > time() else f"safe to stop since {_clock(at)}"


def _served(counted: dict[str, Any] | None) -> str:
    """How much it still gives, of the answers that concern it."""
    if counted is None or not counted["answers"]:
        return ""
    of = f"{counted['answers']} answers of the last {counted['seconds']:.0f} s"
    return f"; it gave {100 * counted['from']:.3g} % of {of}"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
