"""`fedns config`: what is wrong with a configuration file, whose answers another one would change, the JSON schema."""

import json
import os
import sys
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import click

from fedns.cli import held

if TYPE_CHECKING:
    from fedns.answers.rules import Rules
    from fedns.answers.snapshot import Snapshot
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
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@held.options
def diff(old: Path, new: Path, output: str, server: str, snapshot: Path | None) -> None:
    """Tell whose answers would change if configuration OLD became NEW, with the members as they are now.

    The members come from a running fedns or a snapshot. Exit code 1 when any answer changes, 2 when a file is wrong.
    """
    from msgspec import structs

    from fedns.answers.difference import changes, zones

    found = held.read(server, snapshot)
    before, after = _rules(old, new, found)
    states = [held.filled(found.under(each)).state for each in (before, after)]
    told = [structs.asdict(each) for each in changes(*states)]
    moved = zones(before, after)
    if output == "json":
        click.echo(json.dumps({"zones": moved, "services": told}))
    else:
        for line in moved:
            click.echo(line)
        for each in told:
            click.echo(f"{each['service']} for {', '.join(each['places'])}: {each['before']} -> {each['after']}")
        if not (moved or told):
            click.echo("no answer changes")
    sys.exit(1 if moved or told else 0)


def _rules(old: Path, new: Path, found: "Snapshot") -> "tuple[Rules, Rules]":
    """The rules of both files, each with what runs beside the old one: members that were found, drains by order."""
    from msgspec import structs

    from fedns.settings.load import ConfigError, load
    from fedns.settings.told import rules

    given = []
    for file in (old, new):
        try:
            settings = load(file, environ=os.environ, check_files=False)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(f"{file}:{problem.line}: {problem.path}: {problem.sentence}", err=True)
            sys.exit(2)
        shifts = tuple(each.at(time() - each.start) for each in settings.migrations)
        given.append(structs.replace(rules(settings), shifts=shifts))
    names, drains = {each.name for each in given[0].clusters}, set(given[0].drains)
    clusters = [each for each in found.rules.clusters if each.name not in names]
    ordered = [each for each in found.rules.drains if each not in drains]

    def beside(own: "Rules") -> "Rules":
        taken = {each.name for each in own.clusters}
        more = tuple(each for each in clusters if each.name not in taken)
        return structs.replace(own, clusters=own.clusters + more, drains=tuple(dict.fromkeys((*own.drains, *ordered))))

    return beside(given[0]), beside(given[1])


@config.command()
def schema() -> None:
    """Print the JSON schema (draft-07) of a configuration file, for editors and checks."""
    from fedns.settings.grammar import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
