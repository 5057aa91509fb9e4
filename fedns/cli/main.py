"""The `fedns` command: finds the file of a verb when the verb is used, and starts the server."""

import importlib
import sys
from pathlib import Path
from typing import Any, Final

import click

VERBS: Final = {
    "compare": ("fedns.cli.compare", "compare", "Tell where two running fedns serve something else."),
    "config": ("fedns.cli.config", "config", "Check configuration files, and tell what a change would do."),
    "drain": ("fedns.cli.drain", "drain", "Take a cluster, a zone or a service in a cluster out of the answers."),
    "get": ("fedns.cli.get", "get", "Show clusters, services, endpoints, conflicts and replicas of a running fedns."),
    "failover": ("fedns.cli.failover", "failover", "Tell what the failover budget holds, and let it go."),
    "history": ("fedns.cli.history", "history", "Show what a running fedns has seen change."),
    "explain": ("fedns.cli.explain", "explain", "Tell why a name is answered as it is."),
    "lab": ("fedns.cli.lab", "lab", "Simulated clusters with a real fedns, for trying and breaking."),
    "migrate": ("fedns.cli.migrate", "migrate", "Move a service from one cluster to another, step by step."),
    "query": ("fedns.cli.query", "query", "Ask a DNS server, like dig."),
    "serve": ("fedns.cli.main", "serve", "Answer DNS questions for the clusters of a configuration."),
    "snapshot": ("fedns.cli.snapshot", "snapshot", "Look into snapshots of what fedns knew."),
    "undrain": ("fedns.cli.drain", "undrain", "Put back what was drained."),
    "version": ("fedns.cli.version", "version", "Say which version this is."),
    "zone": ("fedns.cli.zone", "zone", "Print a zone as a master file, for other servers."),
    "whatif": ("fedns.cli.whatif", "whatif", "Tell what would happen without some clusters or zones."),
}
"""Verb, its module, its name there, and its line in the help, which must not need the module."""


class Verbs(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """All verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- the same
        """The command of a verb, imported now."""
        if cmd_name not in VERBS:
            return None
        module, name, _line = VERBS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- the same
        """The verbs with their lines, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_module, _name, line) in VERBS.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def fedns() -> None:
    """DNS for a federation of Kubernetes clusters."""


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--listen", multiple=True, metavar="ADDRESS:PORT", help="Where to answer DNS; may be repeated.")
@click.option("--workers", metavar="N", help="DNS worker processes, or auto.")
@click.option("--takeover", is_flag=True, help="Take the sockets from the fedns that serves them now, which then ends.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Any key, like dns.lameduck=0s; repeatable.")
def serve(path: Path, listen: tuple[str, ...], workers: str | None, pairs: tuple[str, ...], *, takeover: bool) -> None:
    """Answer DNS questions for the clusters of a configuration, until SIGTERM.

    Flags win over environment variables (FEDNS_DNS_WORKERS=2), and these win over the file. SIGHUP reads the
    configuration again. Exit code 2 when the configuration is wrong.
    """
    overrides = chosen(pairs)
    if listen:
        overrides["dns.listen"] = list(listen)
    if workers is not None:
        overrides["dns.workers"] = workers
    from fedns.settings.starting import start

    # It imports for longest: what this process needs for its part is imported beside it.
    with start("fedns.control.daemon") as newcomer:
        from fedns.supervisor import run

        sys.exit(run(path, overrides, newcomer, takeover=takeover))


def chosen(pairs: tuple[str, ...]) -> dict[str, Any]:
    """`KEY=VALUE` words as overrides; raises click.UsageError for words without `=`."""
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--set {pair}: write KEY=VALUE, like --set dns.workers=2")
        overrides[key] = value
    return overrides


def main() -> None:
    """Run the command line; exit codes: 0 good, 1 failure, 2 usage or configuration."""
    fedns(prog_name="fedns")
