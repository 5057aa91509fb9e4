"""Where a command gets what fedns holds: from a running one over its admin address, or from a snapshot in a file.

Either way it becomes a replica, so a command answers by the same code as a worker.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from fedns.answers.replica import Replica
    from fedns.answers.snapshot import Snapshot

Command = Callable[..., Any]
SERVER: Final = "http://127.0.0.1:8053"
VARIABLE: Final = "FEDNS_SERVER"
TIMEOUT_SECONDS: Final = 10.0
MAX_BYTES: Final = 1 << 30


def options(command: Command) -> Command:
    """The options `--server` and `--snapshot` of a command, which arrive as `server` and `snapshot`."""
    read = click.option(
        "--snapshot",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Read this snapshot instead of asking a running fedns.",
    )
    return server_option(read(command))


def server_option(command: Command) -> Command:
    """The option `--server` of a command."""
    return click.option(
        "--server",
        default=lambda: os.environ.get(VARIABLE, SERVER),
        metavar="URL",
        help=f"Admin address of a running fedns; default ${VARIABLE} or {SERVER}.",
    )(command)


def replica(server: str, snapshot: Path | None) -> "Replica":
    """What is held, on this machine's clock; raises click.ClickException with a sentence."""
    return filled(read(server, snapshot))


def read(server: str, snapshot: Path | None) -> "Snapshot":
    """What is held, as it travels; raises click.ClickException with a sentence."""
    from fedns.answers.snapshot import BrokenSnapshotError, unpack

    content = fetch(server, "/api/v1/snapshot") if snapshot is None else _read(snapshot)
    try:
        return unpack(content)
    except BrokenSnapshotError as fault:
        raise click.ClickException(f"{snapshot or server}: no snapshot that can be used: {fault}") from fault


def filled(found: "Snapshot") -> "Replica":
    """A replica that holds what a snapshot holds."""
    from fedns.answers import counters
    from fedns.answers.replica import Replica

    held = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    now = monotonic()
    for message in found.moved(now):
        held.apply(message, now)
    return held


def fetch(server: str, path: str, method: str = "GET", order: Any = None) -> bytes:
    """The body of a running fedns's page, or of its reply to an order; raises click.ClickException with a sentence."""
    import json
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlsplit
    from urllib.request import ProxyHandler, Request, build_opener

    if urlsplit(server).scheme not in {"http", "https"}:
        raise click.UsageError(f"--server {server}: write a URL like {SERVER}")
    content = None if order is None else json.dumps(order).encode()
    headers = {"Content-Type": "application/json"}
    try:
        request = Request(server.rstrip("/") + path, content, headers, method=method)  # noqa: S310 -- the scheme was looked at
        # No proxies of the environment: the address is this machine's own, or was given on purpose.
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_SECONDS) as reply:
            body: bytes = reply.read(MAX_BYTES)
            return body
    except HTTPError as fault:
        text = fault.read(1000).decode(errors="replace").strip()
        raise click.ClickException(f"{server}{path}: HTTP {fault.code}{f': {text}' if text else ''}") from fault
    except (URLError, OSError, ValueError) as fault:
        reason = getattr(fault, "reason", fault)
        hint = "is fedns running, and is this its `admin` address (--server)?"
        raise click.ClickException(f"{server}: {reason}; {hint}") from fault


def order(server: str, path: str, method: str, wanted: dict[str, Any]) -> bytes:
    """The reply of a running fedns to an order, which names who gives it; raises as `fetch` does."""
    import getpass

    try:
        by = getpass.getuser()
    except (KeyError, OSError):  # a container has no account for its user
        by = f"user {os.getuid()}"
    return fetch(server, path, method, {**wanted, "by": by})


def _read(snapshot: Path) -> bytes:
    try:
        return snapshot.read_bytes()
    except OSError as fault:
        raise click.ClickException(f"{snapshot}: cannot be read: {fault.strerror}") from fault
