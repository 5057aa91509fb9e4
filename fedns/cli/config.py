"""`fedns config`: tells what is wrong with a configuration file, and prints the JSON schema of all of them."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fedns.settings.schema import Settings


@click.group()
def config() -> None:
    """Check configuration files."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--access", is_flag=True, help="Ask each cluster's API server whether fedns may list and watch there.")
def validate(file: Path, *, access: bool) -> None:
    """Report everything that is wrong with FILE, as FILE:LINE: KEY: sentence.

    It is read as `fedns serve` reads it: with the environment, and with the kubeconfig files that it names. Exit code 2
    when something is wrong; 1 when the file is good, and a cluster cannot be asked or does not allow enough.
    """
    from fedns.settings.load import ConfigError, load

    try:
        settings = load(file, environ=os.environ)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"{file}:{problem.line}: {problem.path}: {problem.sentence}", err=True)
        count = len(error.problems)
        click.echo(f"{count} problem{'s' if count > 1 else ''}", err=True)
        sys.exit(2)
    click.echo(f"{file} is good: {_summary(settings)}")
    if access and not _allowed(settings):
        sys.exit(1)


def _allowed(settings: "Settings") -> bool:
    """Say for each cluster whether its credentials may do what following it needs; whether all may."""
    import asyncio

    from fedns.clusters.access import missing
    from fedns.clusters.connect import LostError

    good = True
    for member in settings.clusters:
        try:
            wrong = asyncio.run(missing(member))
        except LostError as loss:
            wrong = [f"cannot be asked: {loss}"]
        for sentence in wrong:
            click.echo(f"{member.name}: {sentence}", err=True)
        if not wrong:
            click.echo(f"{member.name}: may list and watch all that is needed")
        good = good and not wrong
    return good


def _summary(settings: "Settings") -> str:
    """What the settings are about, in one line."""
    clusters = ", ".join(member.name for member in settings.clusters)
    zones = ", ".join(zone.name for zone in settings.zones)
    listen = ", ".join(str(address) for address in settings.dns.listen)
    return f"clusters {clusters}; zones {zones}; DNS on {listen}"


@config.command()
def schema() -> None:
    """Print the JSON schema (draft-07) of a configuration file, for editors and checks."""
    from fedns.settings.grammar import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
