"""The lab's world: members, simulated or real, and a real `fedns serve` that follows them."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from fedns.client import Ask, ClientError, Reply, ask
from fedns.lab import kubeconfig
from fedns.lab.checker import Checker
from fedns.lab.clock import Clock
from fedns.lab.hub import Hub
from fedns.lab.members import Cluster, Embedded, Member, Security, Simulated, plan
from fedns.lab.mirror import Mirror
from fedns.lab.network import Cuts
from fedns.lab.oracle import Oracle, Permits, ServiceKey, everything
from fedns.lab.processes import START_SECONDS, die_with_parent, end, free_port
from fedns.lab.real import ControlPlanes, assets
from fedns.lab.simulator import Deployment
from fedns.lab.store import Store

STATE_FILE: Final = "lab.json"
ORDERS_FILE: Final = "orders.json"
"""What was drained or moved: of this run only."""
COMMAND: Final = "FEDNS_COMMAND"
"""The variable that says what the reader types for `fedns`: `./dev` sets it."""
SERVICE: Final = "web.shop.myfed.svc.example.com"
"""The service that every member has when the lab starts."""


class World:
    """Members and the server, from start to stop; an asynchronous context manager.

    `real` names the members that are real. `embedded`: simulated members, but for those `apart`, run in this process,
    and `stores` has what all members really hold. `tls`, `tokens`: how simulated members are reached. `hubs`: what
    those members hold that import; each needs a name of the plan. `entries` are further keys of members' entries in the
    configuration, by name; `settings` of the whole file. `clock` is the server's, None for this machine's.
    """

    def __init__(
        self,
        directory: Path,
        *,
        members: int = 3,
        workers: int = 2,
        port: int = 5353,
        real: Collection[str] = (),
        freshness: str | None = None,
        embedded: bool = False,
        apart: Collection[str] = (),
        tls: bool = False,
        tokens: bool = False,
        hubs: Mapping[str, Hub] | None = None,
        entries: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.directory = directory
        self.port = port
        self.plan = plan(members)
        self.clusters: dict[str, Cluster] = {}
        self.http_port = 0
        self.deployments = {
            member.name: Deployment(
                namespace="shop",
                name="web",
                zones=dict.fromkeys(member.zones, 2),
                pod_range=f"10.{100 + member.number}.0.0/16",
                headless=True,
            )
            for member in self.plan
            if member.name not in (hubs or {})
        }
        self.workers = workers
        self.real = real
        self._freshness = freshness
        self._embedded = embedded
        self.apart = apart
        self._security = Security(directory=directory, tls=tls, tokens=tokens)
        self.hubs = dict(hubs or {})
        self._entries = entries or {}
        self._further = settings or {}
        self.cuts = Cuts()
        self.clock = clock
        self._planes: ControlPlanes | None = None
        self._server: asyncio.subprocess.Process | None = None

    @property
    def config(self) -> Path:
        """The server's configuration file."""
        return self.directory / "fedns.yaml"

    @property
    def server_pid(self) -> int:
        """The supervisor's process id."""
        assert self._server is not None
        return self._server.pid

    async def __aenter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            await self._start_members()
            for member in self.plan:
                await self.clusters[member.name].put(member.nodes())
            for name, cluster in self.clusters.items():
                kubeconfig.save(self.directory / f"{name}.kubeconfig", cluster.kubeconfig())
            self._write()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def deploy(self) -> None:
        """Put the deployment of each member as it is now into its API server."""
        for name, deployment in self.deployments.items():
            await self.clusters[name].put(deployment.objects())
        for name, hub in self.hubs.items():
            await self.clusters[name].put(hub.objects())

    @property
    def stores(self) -> dict[str, Store]:
        """What the members of an embedded world really hold: for the truth model."""
        return {name: each.store for name, each in self.clusters.items() if isinstance(each, Embedded | Mirror)}

    async def serve(self) -> None:
        """Start the server and wait until it answers."""
        await self.exec()
        assert self._server is not None
        async with asyncio.timeout(START_SECONDS):
            while not (await self.is_ready() and await self.ask(SERVICE) is not None):
                if self._server.returncode is not None:
                    raise RuntimeError(f"fedns ended with {self._server.returncode}: see {self.directory}/fedns.log")
                await asyncio.sleep(0.05)

    async def succeed(self) -> float:
        """Let another server take over from the one that runs; returns how long that took, in seconds."""
        before, began = self._server, monotonic()
        assert before is not None
        await self.exec("--takeover")
        assert self._server is not None
        both = [asyncio.create_task(each.wait()) for each in (before, self._server)]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Also when this is cancelled: one of the two is to be ended with the world.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for each in both:
                each.cancel()
            if before.returncode is None:
                self._server = before
        if before.returncode is None:
            raise RuntimeError(f"nobody took over: see {self.directory}/fedns.log")
        return monotonic() - began

    async def close_server(self) -> None:
        """End the server in order, and leave the members."""
        if self._server is not None:
            await end(self._server)

    async def exec(self, *words: str) -> None:
        """Start the server, and wait for nothing."""
        with (self.directory / "fedns.log").open("ab") as log:
            self._server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fedns", "serve", "--config", str(self.config), *words),
                env={**os.environ, **(self.clock.environment if self.clock else {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def is_ready(self) -> bool:
        """Whether the server says ready on /ready."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.http_port}/ready") as response,
            ):
                return response.status == 200
        return False

    async def ask(self, name: str, qtype: str = "A", source: str = "") -> Reply | None:
        """One question to the server from a client at `source`; None when there is no reply."""
        question = Ask(name, qtype, ("127.0.0.1", self.port), source, timeout=1.0, tries=1)
        try:
            return await ask(question)
        except ClientError:
            return None

    def checker(self, *, limit: float, source: str = "", permits: Permits = everything) -> Checker:
        """Who asks for every service all the while and holds the answers to what the embedded members really hold.

        `limit`, `permits`: see `Oracle`; the client is at `source`. The local member's word is kept, marked, for ever.
        """
        oracle = Oracle(self.stores, limit=limit, permits=permits, kept=(self.plan[0].name,))

        async def question(key: ServiceKey) -> Reply | None:
            return await self.ask(f"{key[1]}.{key[0]}.myfed.svc.example.com", source=source)

        return Checker(oracle, question)

    def describe(self) -> str:
        """What runs where, and what to try, for people."""
        lines = [
            f"fedns answers on 127.0.0.1 port {self.port} (pid {self.server_pid}, log {self.directory}/fedns.log)",
            f"  configuration {self.config}; metrics http://127.0.0.1:{self.http_port}/metrics",
        ]
        for member in self.plan:
            cluster = self.clusters[member.name]
            lines.append(f"cluster {member.name} in {member.region}: {cluster.url} (pid {cluster.pid})")
            lines.append(f"  kubectl --kubeconfig {self.directory}/{member.name}.kubeconfig get services -A")
        lines += ["", "Try, as a client in each zone:"]
        for member in self.plan:
            for zone in member.zones:
                dig = f"dig @127.0.0.1 -p {self.port} -b {member.source(zone)} {SERVICE}"
                lines.append(f"  {dig}   # {member.name}, {zone}")
        me, last = os.environ.get(COMMAND, "fedns"), self.plan[-1]
        lines += [
            "Why this answer?",
            f"  dig @127.0.0.1 -p {self.port} _explain.{SERVICE} TXT",
            "Ask fedns itself, and give it orders:",
            f"  export FEDNS_SERVER=http://127.0.0.1:{self.http_port}",
            f"  {me} get clusters",
            f"  {me} explain shop/web --from {last.source(last.zones[0])}",
            f"  {me} whatif --lose {last.name}",
            f"  {me} drain {last.name}",
            f"  {me} undrain {last.name}",
            f"  {me} history",
            "Break a cluster and heal it:",
            f"  {me} lab --dir {self.directory} fault {last.name} stop",
            f"  {me} lab --dir {self.directory} fault {last.name} heal",
            f"  (other faults: hang, reset, freeze, status=503, latency=200ms and more: {me} lab fault --help)",
        ]
        return "\n".join(lines)

    async def _start_members(self) -> None:
        for member in self.plan:
            if member.name in self.real:
                continue
            if self._embedded and member.name not in self.apart:
                self.clusters[member.name] = await Embedded.start(member, self._security)
            else:
                simulated = await Simulated.start(member, self._security)
                self.clusters[member.name] = Mirror(simulated, self.cuts) if self._embedded else simulated
        if not self.real:
            return
        folder = assets()
        if folder is None:
            raise RuntimeError("--real needs etcd and kube-apiserver in the folder that KUBEBUILDER_ASSETS names")
        self._planes = ControlPlanes(folder, self.directory / "real", sorted(self.real))
        await self._planes.__aenter__()
        for name, server in self._planes.servers.items():
            revive = partial(self._planes.restart, name)
            self.clusters[name] = Mirror(server, self.cuts, revive) if self._embedded else server

    def _write(self) -> None:
        """The server's configuration, and what `fedns lab fault` must know."""
        self.http_port = free_port()
        (self.directory / ORDERS_FILE).unlink(missing_ok=True)
        self.config.write_text(json.dumps(self._settings(), indent=2) + "\n")
        state = {
            name: {"pid": each.pid, "admin": each.admin}
            for name, each in self.clusters.items()
            if isinstance(each, Simulated)
        }
        (self.directory / STATE_FILE).write_text(json.dumps({"clusters": state}, indent=2) + "\n")

    def _settings(self) -> dict[str, Any]:
        local, status = self.plan[0], {"listen": f"127.0.0.1:{self.http_port}"}
        return {
            "apiVersion": "fedns.io/v1alpha1",
            "kind": "FednsConfig",
            "dns": {"listen": [f"127.0.0.1:{self.port}"], "workers": self.workers, "lameduck": "0s"},
            "metrics": status,
            "health": status,
            "ready": status,
            "admin": status,
            "zones": {
                "clusterset": {"name": "clusterset.local"},
                "federation": {"name": "example.com", "federation": "myfed"},
            },
            "local": {"cluster": local.name, "zone": local.zones[0]},
            "state": {"path": ORDERS_FILE},
            "clusters": [self._entry(member) for member in self.plan],
            # Those of the local cluster are found by its nodes.
            "clientsFrom": {"nodes": True},
            "clients": [
                {"cidrs": [member.clients(zone)], "cluster": member.name, "zone": zone}
                for member in self.plan[1:]
                for zone in member.zones
            ],
            **({"freshness": self._freshness} if self._freshness else {}),
            **self._further,
        }

    def _entry(self, member: Member) -> dict[str, Any]:
        """A member's entry in the configuration."""
        entry: dict[str, Any] = {
            "name": member.name,
            "region": member.region,
            "jurisdiction": member.region[:2],
            "kubeconfig": {"path": str(self.directory / f"{member.name}.kubeconfig"), "context": member.name},
        }
        if hub := self.hubs.get(member.name):
            sources = [{"name": name, "region": member.region} for name in hub.sources]
            entry |= {"source": "imports", "sources": sources}
        return entry | dict(self._entries.get(member.name, {}))

    async def _stop(self) -> None:
        await self.close_server()
        await self.cuts.close()
        for each in self.clusters.values():
            await each.stop()
        if self._planes is not None:
            await self._planes.__aexit__(None, None, None)
        (self.directory / STATE_FILE).unlink(missing_ok=True)
