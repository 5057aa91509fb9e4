"""`fedns snapshot`: what is in a snapshot, and whether it is whole."""

import json
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fedns.answers.snapshot import Snapshot


@click.group()
def snapshot() -> None:
    """Look into snapshots of what fedns knew."""


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Form.")
def inspect(file: Path, output: str) -> None:
    """Show what FILE holds: where and when it was written, and each cluster's state, age and services."""
    told = _told(_read(file))
    if output == "json":
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"written by fedns {told['version']}, {told['age']:.0f} s ago, format {told['format']}")
    click.echo(f"{'CLUSTER':<24} {'STATE':<10} {'AGE':>10} {'SERVICES':>9} {'ENDPOINTS':>10}")
    for each in told["clusters"]:
        age = "never" if each["age"] is None else f"{each['age']:.0f}s"
        line = f"{each['name']:<24} {each['state']:<10} {age:>10} {each['services']:>9} {each['endpoints']:>10}"
        click.echo(line)


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Form.")
def verify(file: Path, output: str) -> None:
    """Say whether FILE is whole and can be read by this version; exit code 1 when it is not."""
    told = _told(_read(file))
    services = sum(each["services"] for each in told["clusters"])
    if output == "json":
        click.echo(json.dumps({"good": True, "clusters": len(told["clusters"]), "exports": services}))
        return
    click.echo(f"{file} is good: {len(told['clusters'])} clusters, {services} exports of services")


def _read(file: Path) -> "Snapshot":
    """A whole snapshot; raises click.ClickException with a sentence."""
    from fedns.answers.snapshot import BrokenSnapshotError, unpack
    from fedns.control.generations import content

    try:
        read = content(file)
        if read is None:
            raise click.ClickException(f"{file}: there is no such file")
        return unpack(read)
    except OSError as fault:
        raise click.ClickException(f"{file}: {fault.strerror or fault}") from fault
    except BrokenSnapshotError as fault:
        raise click.ClickException(f"{file}: {fault}") from fault


def _told(found: "Snapshot") -> dict[str, Any]:
    """What people want to know of it; ages in seconds, of now."""
    from fedns.answers.wire import Members
    from fedns.control.saving import boot
    from fedns.federation.health import NEVER

    heading, now = found.heading, monotonic()
    age = heading.age(time(), now, boot())
    exports = found.exports()
    statuses = next(each.statuses for each in found.moved(now - age) if isinstance(each, Members))
    clusters = [
        {
            "name": status.cluster,
            "state": status.state,
            "age": None if status.alive == NEVER else round(max(0.0, now - status.alive), 1),
            "services": len(exports.get(status.cluster, ())),
            "endpoints": sum(piece.count for each in exports.get(status.cluster, ()) for piece in each.slices),
        }
        for status in sorted(statuses, key=lambda each: each.cluster)
    ]
    return {
        "version": heading.version,
        "format": heading.format,
        "writtenAt": heading.at,
        "age": round(age, 1),
        "clusters": clusters,
    }
