"""One simulated member: an API server on a loopback port, with faults; in this process or as a process of its own.

`python -m fedns.lab.cluster --name eu1 --announce` prints one JSON line with the real ports and runs until its parent
or its standard input goes away.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from fedns.lab import kubeconfig
from fedns.lab.admin import Admin
from fedns.lab.api import Api, Timing
from fedns.lab.faults import ONCE, Fault, Faults, abort, parse
from fedns.lab.store import Snapshot, Store

if TYPE_CHECKING:
    from fedns.lab.credentials import Credentials

_BACKLOG = 128
_FILLERS = 8
"""Connections that fill the kernel's accept queue of a partitioned server: later ones get no answer to their SYN."""


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((host, port))
    sock.listen(_BACKLOG)
    return sock


class FakeCluster:
    """An API server with its store, as an asynchronous context manager; `url` is known once entered.

    With `credentials` it speaks TLS, or asks for a token, or both.
    """

    def __init__(
        self,
        name: str = "lab",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        admin_port: int | None = None,
        store: Store | None = None,
        timing: Timing | None = None,
        credentials: "Credentials | None" = None,
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self.admin_port = admin_port
        self.store = store or Store()
        self.faults = Faults()
        self.credentials = credentials
        self._snapshot: Snapshot | None = None
        self._runner = web.AppRunner(
            Api(self.store, self.faults, timing or Timing(), credentials).app(),
            handle_signals=False,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.2,
        )
        self._admin = web.AppRunner(Admin(self).app(), handle_signals=False, access_log=None, shutdown_timeout=0.2)
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []

    @property
    def url(self) -> str:
        """The API server's address, http://127.0.0.1:PORT, or https."""
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}"

    @property
    def _tls(self) -> ssl.SSLContext | None:
        return self.credentials.context if self.credentials else None

    @property
    def admin_url(self) -> str:
        """The address that takes faults and objects."""
        return f"http://{self.host}:{self.admin_port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await self._open()
        if self.admin_port is not None:
            await self._admin.setup()
            sock = _listen(self.host, self.admin_port)
            self.admin_port = sock.getsockname()[1]
            await web.SockSite(self._admin, sock).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.set(parse("heal"))
        self._close()
        self.abort_connections()
        await self._runner.cleanup()
        await self._admin.cleanup()

    async def fault(self, text: str) -> None:
        """Switch a fault on, or with "heal" all of them off: see `faults`."""
        fault = parse(text)
        if fault.verb in ONCE:
            self._once(fault)
            return
        if fault.verb == "gone" and fault.value != "continue":
            self.store.compact()
        if fault.text == "gone":
            return
        self.faults.set(fault)
        if fault.verb == "heal":
            await self._open()
        elif fault.verb == "reset":
            self.abort_connections(fault.scope)
        elif fault.verb == "stop":
            self._close()
            self.abort_connections()
        elif fault.verb == "partition":
            await self._stop_accepting()

    def _once(self, fault: Fault) -> None:
        """What is done and over; ValueError with a sentence where this server cannot."""
        if fault.verb == "snapshot":
            self._snapshot = self.store.snapshot()
        elif fault.verb == "restore":
            if self._snapshot is None:
                raise ValueError("there is nothing to restore: take a snapshot first")
            self.store.restore(self._snapshot)
        elif self.credentials is None:
            raise ValueError("this server has no credentials to rotate")
        elif fault.verb == "rotate-token":
            self.credentials.rotate_token(fault.seconds)
        else:
            self.credentials.rotate_certificate()

    def abort_connections(self, scope: str = "") -> None:
        """Reset the connections that exist; with a scope, only those in the middle of such a request."""
        server = self._runner.server
        for connection in list(server.connections if server else ()):
            request = getattr(connection, "_current_request", None)
            if not scope or (request is not None and scope in request.path):
                abort(connection.transport)

    def access(self) -> dict[str, Any]:
        """A kubeconfig for this cluster."""
        if self.credentials is not None:
            return self.credentials.kubeconfig(self.name, self.url)
        return kubeconfig.contents({self.name: self.url})

    def kubeconfig(self, path: Path) -> Path:
        """Write the kubeconfig."""
        return kubeconfig.save(path, self.access())

    async def _open(self) -> None:
        self._drop_fillers()
        if self._listener is None:
            self._listener = _listen(self.host, self.port)
            self.port = self._listener.getsockname()[1]
        self._listener.listen(_BACKLOG)
        if self._server is None:
            # A duplicate: closing the server stops accepting, and the port stays ours for a partition.
            loop = asyncio.get_running_loop()
            server = self._runner.server
            assert server is not None
            self._server = await loop.create_server(server, sock=self._listener.dup(), ssl=self._tls)

    async def _stop_accepting(self) -> None:
        """Nobody accepts any more and the kernel's queue is full: new connections hang as if packets were lost."""
        if self._listener is None:
            await self._open()
        assert self._listener is not None
        if self._server is not None:
            self._server.close()
            self._server = None
        self._listener.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket(self._listener.family, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)

    def _drop_fillers(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    def _close(self) -> None:
        self._drop_fillers()
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def _die_with_parent(parent: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """End when the standard input closes or the parent is gone; a thread, since the input may be of any kind."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.getppid() == parent and os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


async def _watch_parent(parent: int, stop: asyncio.Event) -> None:
    while os.getppid() == parent and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    stop.set()


def _credentials(arguments: argparse.Namespace) -> "Credentials | None":
    if not (arguments.tls or arguments.token):
        return None
    from fedns.lab.credentials import Credentials  # noqa: PLC0415 -- cryptography is installed with the tests only

    directory = arguments.credentials or Path.cwd()
    return Credentials(directory, arguments.name, tls=arguments.tls, tokens=arguments.token, host=arguments.host)


async def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM, SIGINT or the end of the parent."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Connections that a fault has cut off under a reply are no errors here.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    store = Store(service_range=arguments.service_range)
    cluster = FakeCluster(
        arguments.name,
        host=arguments.host,
        port=arguments.port,
        admin_port=arguments.admin_port,
        store=store,
        credentials=_credentials(arguments),
    )
    async with cluster:
        if arguments.kubeconfig:
            cluster.kubeconfig(arguments.kubeconfig)
        if arguments.announce:
            line: dict[str, Any] = {
                "name": cluster.name,
                "url": cluster.url,
                "admin": cluster.admin_url,
                "pid": os.getpid(),
            }
            line["kubeconfig"] = cluster.access()
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        if arguments.lifeline:
            _die_with_parent(os.getppid(), stop, loop)
            await _watch_parent(os.getppid(), stop)
        await stop.wait()


def arguments_of(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m fedns.lab.cluster", description="A simulated Kubernetes cluster.")
    parser.add_argument("--name", default="lab")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--admin-port", type=int, default=0, help="takes faults and objects; 0: any free one")
    parser.add_argument("--service-range", default="10.96.0.0/16", help="cluster IPs come from here")
    parser.add_argument("--kubeconfig", type=Path, help="write a kubeconfig there")
    parser.add_argument("--tls", action="store_true", help="speak TLS with a CA and a certificate of its own")
    parser.add_argument("--token", action="store_true", help="ask for a bearer token")
    parser.add_argument("--credentials", type=Path, help="where the files of --tls and --token are written")
    parser.add_argument("--announce", action="store_true", help="print one JSON line with the addresses")
    parser.add_argument("--no-lifeline", dest="lifeline", action="store_false", help="outlive parent and input")
    return parser.parse_args(words)


if __name__ == "__main__":
    asyncio.run(run(arguments_of(sys.argv[1:])))
