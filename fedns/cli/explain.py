"""`fedns explain`: why a name is answered as it is, for a client anywhere, now or with other members lost."""

import json
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from fedns.cli import held

if TYPE_CHECKING:
    from fedns.answers.answer import State


def _address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """An IP address."""
    try:
        return str(ip_address(value))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not an IP address") from None


@click.command()
@click.argument("name")
@click.option(
    "--from", "source", default="127.0.0.1", show_default=True, callback=_address, help="Address of the client."
)
@click.option(
    "--at", "supposed", multiple=True, metavar="CLUSTER=STATE,...", help="As if members were in these states."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@held.options
def explain(name: str, source: str, supposed: tuple[str, ...], output: str, server: str, snapshot: Path | None) -> None:
    """Tell of each candidate for NAME, a name of DNS or NAMESPACE/SERVICE, why it answers or not.

    STATE is fresh, suspect, stale, expired, restored, syncing or drained.
    """
    from fedns.answers.explain import UnexplainedError, explained

    replica = held.replica(server, snapshot)
    state = _supposed(replica.state, [each for words in supposed for each in words.split(",")])
    location = replica.view(source, stream=False).client.location
    try:
        found = explained(state, name, location, monotonic())
    except UnexplainedError as fault:
        raise click.ClickException(str(fault)) from fault
    if output == "json":
        click.echo(json.dumps(found.plain()))
        return
    for line in found.lines():
        click.echo(line)


def _supposed(state: "State", words: list[str]) -> "State":
    """The state as if members were in others; raises click.UsageError for what makes no sense."""
    from msgspec import structs

    from fedns.answers.survey import with_drains
    from fedns.federation.drains import Drain
    from fedns.federation.health import Freshness

    known = sorted(state.statuses)
    statuses = dict(state.statuses)
    drained = []
    for word in words:
        cluster, _, said = word.partition("=")
        if cluster not in statuses or said not in {*Freshness, "drained"}:
            states = ", ".join([*Freshness, "drained"])
            raise click.UsageError(f"--at {word}: write CLUSTER=STATE; clusters {', '.join(known)}; states {states}")
        if said == "drained":
            drained.append(Drain(cluster=cluster))
        else:
            statuses[cluster] = structs.replace(statuses[cluster], state=Freshness(said))
    return with_drains(structs.replace(state, statuses=statuses), drained)
