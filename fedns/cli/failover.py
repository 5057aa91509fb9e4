"""`fedns failover`: what the failover budget holds back, and letting it go."""

import json
from typing import Any

import click

from fedns.cli import held

PATH = "/api/v1/failover"


@click.group(invoke_without_command=True)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@held.server_option
@click.pass_context
def failover(context: click.Context, server: str, output: str) -> None:
    """Tell which silent clusters the failover budget holds, and how much of it is used."""
    if context.invoked_subcommand is None:
        page = json.loads(held.fetch(server, PATH))
        click.echo(json.dumps(page) if output == "json" else "\n".join(_lines(page)))


@failover.command()
@click.argument("cluster")
@held.server_option
def confirm(cluster: str, server: str) -> None:
    """Give CLUSTER up now, however many services that moves; it holds until the cluster is heard again."""
    held.order(server, PATH, "POST", {"cluster": cluster})
    click.echo(f"{cluster} gives way to others")


def _lines(page: dict[str, Any]) -> list[str]:
    """What people read."""
    if page["budget"] >= 1:
        return ["no failover budget is set: silent clusters give way at once"]
    moved = f"{page['moved']} of {page['services']} services changed cluster in the last {page['window']:.0f} s"
    told = [f"{moved}; the budget is {100 * page['budget']:.3g} %"]
    for each in page["held"]:
        moves = "not weighed yet" if each["moves"] is None else f"giving it up would move {each['moves']} services"
        told.append(f"  {each['cluster']} is {each['state']}: {moves}; fedns failover confirm {each['cluster']}")
    told += [f"  {each}: confirmed, until it is heard again" for each in page["confirmed"]]
    return told
