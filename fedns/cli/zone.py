"""`fedns zone`: a zone as the text of a master file, for servers that are fed by hand and for people who compare."""

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import chain, islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

import click

from fedns.cli import held
from fedns.cli.query import address

if TYPE_CHECKING:
    from fedns.answers.answer import Client
    from fedns.answers.listing import Listing, Server
    from fedns.answers.replica import Replica
    from fedns.answers.rules import Zone
    from fedns.federation.locality import Location

PLACE: Final = ("cluster", "zone", "region", "jurisdiction", "network")
BLOCK_LINES: Final = 1000
"""Lines written at once: a call for each would cost more than the lines."""


@click.group()
def zone() -> None:
    """Zones as text."""


@zone.command("print")
@click.option("--zone", "wanted", metavar="NAME", help="Which zone; needed where fedns has several.")
@click.option("--location", metavar="KEY=VALUE,...", help=f"As for a client there: {', '.join(PLACE)}.")
@click.option("--from", "source", default="", callback=address, help="As for the client with this address.")
@click.option(
    "--nameserver",
    "named",
    multiple=True,
    metavar="NAME[/ADDRESS...]",
    help="A name server that serves the text, with its addresses where its name is inside the zone; repeatable.",
)
@click.option("--partial", is_flag=True, help="Print the zone even if a cluster has not been read yet.")
@held.options
def print_zone(
    *,
    wanted: str | None,
    location: str | None,
    source: str,
    named: tuple[str, ...],
    partial: bool,
    server: str,
    snapshot: Path | None,
) -> None:
    """Print a zone as a master file (RFC 1035), as a client at one place sees it; default is the place of fedns itself.

    Names that only questions can spell are left out: diagnostics, pin and prefer. Exit code 1 where the zone cannot be
    told, 2 for wrong usage.
    """
    from fedns.answers.listing import Listing
    from fedns.answers.negatives import unread

    if location and source:
        raise click.UsageError("--location and --from both say where the client is: give one of them")
    replica = held.replica(server, snapshot)
    now = monotonic()
    found = _zone(replica, wanted)
    client = _client(replica, location, source)
    listing = Listing(found, client, replica.state, now, _servers(named, found))
    if taken := listing.taken():
        raise click.UsageError(f"--nameserver {taken}: the zone has records at this name already")
    missing = unread(replica.state, now)
    if missing and not partial:
        raise click.ClickException(
            f"{', '.join(missing)}: not read yet, so a server with this text would deny names that may exist; "
            "try again later, or print what is known with --partial"
        )
    text = _lines(listing, found, client)
    while block := "".join(islice(text, BLOCK_LINES)):
        sys.stdout.write(block)
    sys.stdout.flush()


def _lines(listing: "Listing", zone: "Zone", client: "Client") -> Iterator[str]:
    """The whole text, line by line."""
    from fedns.answers import presentation

    origin = listing.origin
    place = ", ".join(f"{key} {value}" for key in PLACE if (value := getattr(client.location, key)))
    heading = f"; as a client in {place or 'no known place'} sees it\n" + presentation.heading(origin, zone.ttl)
    return chain((heading,), (presentation.line(record, origin) for record in listing.records()))


def _zone(replica: "Replica", wanted: str | None) -> "Zone":
    """The zone that is meant; raises click.UsageError."""
    zones = {zone.name.removesuffix(".").lower(): zone for zone in replica.rules.zones}
    if wanted is None and len(zones) == 1:
        return next(iter(zones.values()))
    found = zones.get((wanted or "").removesuffix(".").lower())
    if found is None:
        said = f"--zone {wanted}: no zone of this fedns" if wanted else "say which zone with --zone"
        raise click.UsageError(f"{said}; it has {', '.join(zones)}")
    return found


def _client(replica: "Replica", location: str | None, source: str) -> "Client":
    """Who the text is for; raises click.UsageError, or click.ClickException for one who may not ask."""
    from fedns.answers.answer import Client
    from fedns.federation.locality import Locator

    if source:
        client = replica.view(source, stream=True).client
        if not client.allowed:
            raise click.ClickException(f"{source} may not ask here: dns.allow leaves it out")
        return client
    rules = replica.rules
    clusters = {cluster.name: cluster for cluster in rules.clusters}
    place = rules.local if location is None else _location(location, list(clusters))
    return Client(address=b"", location=Locator((), place, clusters).locate(b""), allowed=True, diagnostics=False)


def _location(text: str, clusters: list[str]) -> "Location":
    """A place from `cluster=eu1,zone=eu-a`; raises click.UsageError."""
    from fedns.federation.locality import Location

    pairs = dict[str, str]()
    for pair in text.split(","):
        key, equals, value = pair.strip().partition("=")
        if not equals or key not in PLACE or key in pairs:
            raise click.UsageError(
                f"--location {text}: write KEY=VALUE,... with each of {', '.join(PLACE)} once at most"
            )
        pairs[key] = value
    if pairs.get("cluster", "") not in {"", *clusters}:
        raise click.UsageError(f"--location {text}: no such cluster; there are {', '.join(clusters)}")
    return Location(**pairs)


def _servers(named: tuple[str, ...], zone: "Zone") -> list["Server"]:
    """The name servers that were given; raises click.UsageError."""
    from fedns.answers import records
    from fedns.answers.listing import Server

    servers = []
    for text in named:
        name, *addresses = text.split("/")
        try:
            server = Server(records.name(name.lower()), tuple(ip_address(each).packed for each in addresses))
        except ValueError as fault:
            raise click.UsageError(f"--nameserver {text}: {fault}; write NAME or NAME/ADDRESS") from None
        inside = f".{name.removesuffix('.').lower()}".endswith(f".{zone.name.removesuffix('.').lower()}")
        if inside != bool(addresses):
            told = "is inside the zone: give its addresses, like" if inside else "is outside the zone: leave out"
            raise click.UsageError(f"--nameserver {text}: {name} {told} /192.0.2.1")
        servers.append(server)
    return servers
