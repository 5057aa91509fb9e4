"""`fedns version`: which fedns this is, and on what it runs."""

import json
import platform

import click

from fedns import __version__


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def version(output: str) -> None:
    """Say which version this is."""
    known = {"version": __version__, "python": platform.python_version(), "platform": platform.machine()}
    if output == "json":
        click.echo(json.dumps(known))
    else:
        click.echo(f"fedns {known['version']} (Python {known['python']}, {known['platform']})")
