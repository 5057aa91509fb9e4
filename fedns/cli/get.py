"""`fedns get`: clusters, services, endpoints, conflicts and replicas of a running fedns, for people or programs."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from fedns.cli import held

Entry = dict[str, Any]
LIMIT: Final = 1000
_DESCRIBING: Final = {"secrets": "secret", "clusterProfiles": "cluster profile"}
"""Where the page of clusters tells of objects that should describe members, and what one is called."""
Columns = dict[str, Callable[[Entry], object]]


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f}s ago"


def _state(endpoint: Entry) -> str | None:
    """One word of three conditions; nothing is known of an address that stands for many."""
    if endpoint["ready"] is None:
        return None
    if endpoint["ready"]:
        return "ready"
    return "terminating" if endpoint["terminating"] else "unready"


_CLUSTERS: Final[Columns] = {
    "NAME": lambda each: each["name"],
    "STATE": lambda each: each["state"],
    "REGION": lambda each: each["region"],
    "JURISDICTION": lambda each: each["jurisdiction"],
    "VIA": lambda each: each["via"],
    "SERVICES": lambda each: each["services"],
    "HEARD": lambda each: _ago(each["lastHeard"]),
    "PROBLEMS": lambda each: len(each["problems"]) or None,
    "REASON": lambda each: each["reason"],
}
_SERVICES: Final[Columns] = {
    "NAMESPACE": lambda each: each["namespace"],
    "NAME": lambda each: each["name"],
    "TYPE": lambda each: each["type"],
    "READY": lambda each: f"{each['ready']}/{each['endpoints']}",
    "CLUSTERS": lambda each: ",".join(each["clusters"]),
    "PORTS": lambda each: ",".join(each["ports"]),
    "CONFLICTS": lambda each: ",".join(each["conflicts"]),
}
_ENDPOINTS: Final[Columns] = {
    "CLUSTER": lambda each: each["cluster"],
    "KIND": lambda each: each["kind"],
    "ADDRESS": lambda each: each["address"],
    "STATE": _state,
    "ZONE": lambda each: each["zone"],
    "HOST": lambda each: each["host"],
    "PORTS": lambda each: ",".join(each["ports"]),
}
_REPLICAS: Final[Columns] = {
    "REPLICA": lambda each: each["replica"],
    "VERDICT": lambda each: each["verdict"],
    "SINCE": lambda each: _ago(each["disagreesFor"]) if each["disagreesFor"] is not None else None,
    "HEARD": lambda each: _ago(each["lastHeard"]),
    "REASONS": lambda each: "; ".join(each["reasons"]),
}
_CONFLICTS: Final[Columns] = {
    "NAMESPACE": lambda each: each["namespace"],
    "NAME": lambda each: each["name"],
    "KIND": lambda each: each["kind"],
    "CLUSTER": lambda each: each["cluster"],
    "MESSAGE": lambda each: each["message"],
}


@click.group()
def get() -> None:
    """Show what a running fedns knows.

    Exit code 0 when it could be asked, 1 when not, 2 for wrong usage.
    """


def _output(command: held.Command) -> held.Command:
    form = click.option(
        "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True, help="Form."
    )
    most = click.option(
        "--limit", default=LIMIT, show_default=True, type=click.IntRange(1), help="How many entries at most."
    )
    return held.server_option(form(most(command)))


_PREFIX: Final = click.option("--prefix", default="", help="Only names that begin so: shop/ or shop/web.")


@get.command()
@_output
@click.option("--prefix", default="", help="Only names that begin so.")
def clusters(server: str, output: str, limit: int, prefix: str) -> None:
    """The members: state, place, how much each exports; and what is wrong with objects that should describe some."""
    page = _page(server, "clusters", {})
    found = [each for each in page["clusters"] if each["name"].startswith(prefix)]
    _show(found[:limit], output, "clusters", _CLUSTERS, more=len(found) > limit)
    for key, what in _DESCRIBING.items():
        for name, wrong in page.get(key, {}).items():
            click.echo(f"{what} {name} is wrong: {'; '.join(wrong)}", err=True)


@get.command()
@_output
@_PREFIX
def services(server: str, output: str, limit: int, prefix: str) -> None:
    """The services of all members, joined, by NAMESPACE/NAME."""
    found, more = _walk(server, "services", {"prefix": prefix}, limit)
    _show(found, output, "services", _SERVICES, more=more)


@get.command()
@_output
@click.argument("service", metavar="NAMESPACE/NAME")
def endpoints(server: str, output: str, limit: int, service: str) -> None:
    """The addresses of one service in every member, ready or not."""
    if not all(service.partition("/")):
        raise click.UsageError(f"{service}: write NAMESPACE/NAME, like shop/web")
    found, more = _walk(server, "endpoints", {"service": service}, limit)
    _show(found, output, "endpoints", _ENDPOINTS, more=more)


@get.command()
@_output
@_PREFIX
def conflicts(server: str, output: str, limit: int, prefix: str) -> None:
    """What members disagree about, and what they export in vain."""
    found, more = _walk(server, "conflicts", {"prefix": prefix}, limit)
    _show(found, output, "conflicts", _CONFLICTS, more=more)


@get.command()
@_output
def replicas(server: str, output: str, limit: int) -> None:
    """The other replicas of the configuration, and whether they serve the same; `fedns compare` tells more."""
    found = _page(server, "replicas", {})["replicas"]
    _show(found[:limit], output, "replicas", _REPLICAS, more=len(found) > limit)


def _walk(server: str, path: str, query: dict[str, str], limit: int) -> tuple[list[Entry], bool]:
    """The entries of as many pages as are needed, and whether there are more."""
    found: list[Entry] = []
    after: str | None = ""
    while after is not None and len(found) <= limit:
        page = _page(server, path, query | {"after": after})
        found += page[path]
        after = page["next"]
    return found[:limit], len(found) > limit or after is not None


def _page(server: str, path: str, query: dict[str, str]) -> Any:
    from urllib.parse import urlencode

    words = urlencode({key: value for key, value in query.items() if value})
    try:
        return json.loads(held.fetch(server, f"/api/v1/{path}{'?' if words else ''}{words}"))
    except ValueError as fault:
        raise click.ClickException(f"{server}: what it says is no JSON; is this the `admin` address?") from fault


def _show(found: list[Entry], output: str, what: str, columns: Columns, *, more: bool) -> None:
    """Print the entries; that there are more is said beside them, so that no program reads it as one."""
    if output == "json":
        click.echo(json.dumps({what: found}, indent=2))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump({what: found}, sort_keys=False, allow_unicode=True), nl=False)
    elif found:
        for line in table(list(columns), [[_text(make(each)) for make in columns.values()] for each in found]):
            click.echo(line)
    else:
        click.echo(f"no {what}", err=True)
    if more:
        click.echo(f"these are the first {len(found)} only: narrow them down, or raise --limit", err=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines in which the columns stand under their heads; the last column is as long as it is."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]


def _text(value: object) -> str:
    return "-" if value in {None, ""} else str(value)
