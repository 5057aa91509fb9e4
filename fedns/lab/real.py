"""Real control planes for the lab and the tests: one etcd, a kube-apiserver for each member, RBAC and TLS on.

The binaries come from the folder in KUBEBUILDER_ASSETS. No controllers run: whoever uses it makes the EndpointSlices.
A member may have a second API server on the same data, as replicated control planes have.
"""

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from msgspec import Struct

from fedns.lab import crds, kubeconfig
from fedns.lab.etcd import Etcd, run
from fedns.lab.processes import free_port

NEEDED: Final = ("etcd", "kube-apiserver")
START_SECONDS: Final = 90.0
ADMIN_TOKEN: Final = "lab-admin"  # noqa: S105 -- a throwaway server on loopback
READER_TOKEN: Final = "lab-reader"  # noqa: S105 -- the same
READER_RULES: Final = [
    {"apiGroups": [""], "resources": ["services", "namespaces", "nodes"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    {
        "apiGroups": ["multicluster.x-k8s.io"],
        "resources": ["serviceexports", "serviceimports"],
        "verbs": ["list", "watch"],
    },
]


def assets() -> Path | None:
    """The folder of the real binaries, None where they are missing."""
    folder = Path(os.environ.get("KUBEBUILDER_ASSETS", ""))
    return folder if all((folder / name).is_file() for name in NEEDED) else None


class Server(Struct, frozen=True, kw_only=True):
    """One real API server: its address, its CA, and kubeconfigs for an admin and for a reader (list and watch only)."""

    name: str
    url: str
    ca: Path
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """The API server's process."""
        return self.process.pid

    async def fault(self, text: str) -> None:
        """`freeze` or `stop` the process, or `heal` a frozen one: what can be done to a real one from outside."""
        signals = {"freeze": signal.SIGSTOP, "heal": signal.SIGCONT, "stop": signal.SIGKILL}
        if text not in signals:
            raise RuntimeError(f"a real API server can be broken by {', '.join(signals)} only")
        self.process.send_signal(signals[text])

    async def stop(self) -> None:
        """End it for good."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def put(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create or change objects by server-side apply, each where its kind lives."""
        async with self.session() as session:
            for each in objects:
                path = object_path(each)
                async with session.patch(
                    f"{self.url}{path}?fieldManager=lab&force=true",
                    data=json.dumps(each),
                    headers={"Content-Type": "application/apply-patch+yaml"},
                ) as response:
                    if response.status not in {200, 201}:
                        raise RuntimeError(f"{self.name} refused {path}: {(await response.text()).strip()}")

    async def remove(self, objects: Sequence[dict[str, Any]]) -> None:
        """Delete objects, those that exist."""
        for each in objects:
            await self.delete(object_path(each))

    async def delete(self, path: str) -> None:
        """Delete by path."""
        async with self.session() as session, session.delete(self.url + path) as response:
            if response.status not in {200, 202, 404}:
                raise RuntimeError(f"{self.name} did not delete {path}: {(await response.text()).strip()}")

    def session(self) -> aiohttp.ClientSession:
        """An HTTP session as the admin, TLS verified."""
        return aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(self.ca))),
        )

    def kubeconfig(self, token: str = READER_TOKEN) -> dict[str, Any]:
        """A kubeconfig with one context, for a token: the reader's may list and watch what fedns follows.

        The CA stands in it as it is now, so that the file may lie anywhere.
        """
        authority = {"certificate-authority-data": b64encode(self.ca.read_bytes()).decode()}
        return kubeconfig.contents({self.name: self.url}, token, cluster=authority)


class ControlPlanes:
    """Real members, from start to stop; an asynchronous context manager.

    `flags` are further words for every kube-apiserver; `{name}` in them is the server's name.
    """

    def __init__(self, folder: Path, directory: Path, names: Sequence[str], flags: Sequence[str] = ()) -> None:
        self.servers: dict[str, Server] = {}
        self.etcd = Etcd(folder / "etcd", directory)
        self._folder = folder
        self._directory = directory
        self._names = names
        self._flags = flags
        self._spares: dict[str, Server] = {}

    async def __aenter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def restart(self, name: str, *, fresh_certificate: bool = False) -> Server:
        """Start a member's API server again, on its old port and its old data; a fresh certificate is its own CA."""
        if fresh_certificate:
            for each in (self._directory / name).glob("apiserver.*"):
                each.unlink()
        self.servers[name] = await self._start_server(name, name, _port(self.servers[name]))
        await self._wait(self.servers[name])
        return self.servers[name]

    async def spare(self, name: str) -> Server:
        """A second API server of a member, on the same data: what goes on when the first is down or cut off."""
        port = _port(self._spares[name]) if name in self._spares else free_port()
        self._spares[name] = await self._start_server(name, f"{name}-spare", port)
        await self._wait(self._spares[name])
        return self._spares[name]

    async def restore(self, copy: Path) -> None:
        """Put etcd back to an older copy of its files, under API servers that are stopped before and started after."""
        for server in (*self.servers.values(), *self._spares.values()):
            await server.stop()
        await self.etcd.restore(copy)
        await asyncio.gather(*map(self.restart, self._names), *map(self.spare, self._spares))

    async def _start(self) -> None:
        key = self._directory / "accounts.key"
        openssl = shutil.which("openssl") or "openssl"
        subprocess.run([openssl, "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)  # noqa: ASYNC221, S603 -- once, at the start
        (self._directory / "tokens.csv").write_text(
            f'{ADMIN_TOKEN},admin,1,"system:masters"\n{READER_TOKEN},reader,2,"readers"\n'
        )
        await self.etcd.start()
        for name in self._names:
            self.servers[name] = await self._start_server(name, name, free_port())
        for server in self.servers.values():
            await self._wait(server)
            await server.put([*reader_objects(), *crds.definitions()])
        for server in self.servers.values():
            # A resource just defined is 404, then 429 ("storage is (re)initializing"), before it can be used.
            for plural in ("serviceexports", "serviceimports"):
                await self._wait(server, f"/apis/{crds.GROUP}/v1alpha1/{plural}")

    async def _start_server(self, member: str, name: str, port: int) -> Server:
        certificates = self._directory / name
        key = self._directory / "accounts.key"
        words = (
            f"--etcd-servers={self.etcd.url}",
            f"--etcd-prefix=/{member}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--cert-dir={certificates}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://lab.invalid",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._directory / 'tokens.csv'}",
            f"--service-cluster-ip-range=10.{(self._names.index(member) + 1) * 10}.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            *(flag.format(name=name) for flag in self._flags),
        )
        process = await run(self._folder / "kube-apiserver", words, self._directory / "kube-apiserver.log")
        ca = certificates / "apiserver.crt"
        return Server(name=member, url=f"https://127.0.0.1:{port}", ca=ca, process=process)

    async def _wait(self, server: Server, path: str = "/readyz") -> None:
        """Until the server is ready, or serves `path`; the certificate is there only once it has started."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                if server.process.returncode is not None:
                    raise RuntimeError(f"kube-apiserver of {server.name} ended; see {self._directory}")
                try:
                    async with server.session() as session, session.get(server.url + path) as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(0.2)

    async def _stop(self) -> None:
        # API servers first: one that has lost its etcd hangs for a minute at shutdown.
        for server in (*self.servers.values(), *self._spares.values()):
            await server.stop()
        await self.etcd.stop()


def _port(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def object_path(item: dict[str, Any]) -> str:
    """Where an object lives on an API server."""
    group = item["apiVersion"]
    root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
    kind = item["kind"].lower()
    plural = kind + ("es" if kind.endswith("s") else "s")
    metadata = item["metadata"]
    place = f"/namespaces/{metadata['namespace']}" if metadata.get("namespace") else ""
    return f"{root}{place}/{plural}/{metadata['name']}"


def reader_objects() -> list[dict[str, Any]]:
    """RBAC for the reader's token: it may list and watch what fedns follows, nothing else."""
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "fedns-reader"},
            "rules": READER_RULES,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "fedns-reader"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "fedns-reader"},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": "readers"}],
        },
    ]
