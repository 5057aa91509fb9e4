"""`fedns history`: what a running fedns has seen change."""

import json
from datetime import datetime
from urllib.parse import urlencode

import click

from fedns.cli.held import fetch, server_option


@click.command()
@click.argument("subject", required=False)
@click.option("--since", default="1h", show_default=True, metavar="DURATION", help="How far back: 10m, 1h.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Form.")
@server_option
def history(server: str, subject: str | None, since: str, output: str) -> None:
    """Show what has changed, oldest first.

    SUBJECT is a service (namespace/name) or a cluster; without it, everything is shown. fedns keeps the newest hundred
    events of each, twenty thousand in all, since its control process began.
    """
    from fedns.settings.values import duration

    try:
        seconds = duration("").check(since)
    except ValueError as fault:
        raise click.UsageError(f"--since: {fault}") from fault
    words = {"since": seconds} | ({"subject": subject} if subject else {})
    events = json.loads(fetch(server, f"/api/v1/history?{urlencode(words)}"))["events"]
    if output == "json":
        click.echo(json.dumps(events, indent=2))
        return
    for each in events:
        moment = datetime.fromtimestamp(each["at"]).astimezone().isoformat(timespec="milliseconds")
        click.echo(f"{moment}  {each['subject'] or 'fedns':<30}  {each['text']}")
    if not events:
        click.echo("nothing has changed", err=True)
