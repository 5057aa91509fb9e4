"""The lab's world: simulated members, each a process of its own, and a real `fedns serve` that follows them."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from msgspec import Struct

from fedns.client import Ask, ClientError, Reply, ask
from fedns.lab import kubeconfig

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
STATE_FILE: Final = "lab.json"


class Member(Struct, frozen=True, kw_only=True):
    """One member of the plan: its place, and the loopback networks of clients that count as being in its zones."""

    name: str
    region: str
    zones: tuple[str, ...]
    number: int

    def clients(self, zone: str) -> str:
        """The network of this zone's clients: 127.<member>.<zone>.0/24."""
        return f"127.{self.number}.{self.zones.index(zone) + 1}.0/24"

    def source(self, zone: str) -> str:
        """One client address in this zone, for `dig -b`."""
        return f"127.{self.number}.{self.zones.index(zone) + 1}.1"


def plan(count: int = 3) -> tuple[Member, ...]:
    """`count` members in regions eu-west and us-east by turns of two, two zones each: eu1, eu2, us1, us2, eu3 ..."""
    members = []
    seen = {"eu-west": 0, "us-east": 0}
    for at in range(count):
        region = "eu-west" if at % 4 < 2 else "us-east"
        seen[region] += 1
        number = seen[region]
        zones = tuple(f"{region}-{letter}" for letter in (("a", "b") if number % 2 else ("c", "d")))
        members.append(Member(name=f"{region[:2]}{number}", region=region, zones=zones, number=at + 1))
    return tuple(members)


class Cluster:
    """One running member: where its API server and its side door are."""

    def __init__(self, member: Member, process: asyncio.subprocess.Process, url: str, admin: str) -> None:
        self.member = member
        self.process = process
        self.url = url
        self.admin = admin

    async def put(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create or change objects."""
        await post(self.admin + "/objects", json.dumps(list(objects)), method="PUT")

    async def fault(self, text: str) -> None:
        """Switch a fault on, or `heal`."""
        await post(self.admin + "/faults", text)

    def freeze(self) -> None:
        """Stop the process as it stands: connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)


class World:
    """Members and the server, from start to stop; an asynchronous context manager."""

    def __init__(self, directory: Path, *, members: int = 3, workers: int = 2, port: int = 5353) -> None:
        self.directory = directory
        self.port = port
        self.plan = plan(members)
        self.clusters: dict[str, Cluster] = {}
        self.ready_port = 0
        self._workers = workers
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
            for member in self.plan:
                self.clusters[member.name] = await start_cluster(member)
            kubeconfig.write(self.directory / "kubeconfig", {name: each.url for name, each in self.clusters.items()})
            self._write()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def serve(self) -> None:
        """Start the server and wait until it answers."""
        log = (self.directory / "fedns.log").open("ab")
        with log:
            self._server = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fedns", "serve", "--config", str(self.config), stdout=log, stderr=log
            )
        async with asyncio.timeout(START_SECONDS):
            while not await self.is_ready():
                if self._server.returncode is not None:
                    raise RuntimeError(f"fedns ended with {self._server.returncode}; see {self.directory}/fedns.log")
                await asyncio.sleep(0.05)

    async def is_ready(self) -> bool:
        """Whether the server says ready on /ready."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.ready_port}/ready") as response,
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

    def _write(self) -> None:
        """The server's configuration, and what `fedns lab fault` must know."""
        self.ready_port = free_port()
        local = self.plan[0]
        settings = {
            "apiVersion": "fedns.io/v1alpha1",
            "kind": "FednsConfig",
            "dns": {"listen": [f"127.0.0.1:{self.port}"], "workers": self._workers, "lameduck": "0s"},
            "metrics": {"listen": f"127.0.0.1:{self.ready_port}"},
            "health": {"listen": f"127.0.0.1:{self.ready_port}"},
            "ready": {"listen": f"127.0.0.1:{self.ready_port}"},
            "zones": {
                "clusterset": {"name": "clusterset.local"},
                "federation": {"name": "example.com", "federation": "myfed"},
            },
            "local": {"cluster": local.name, "zone": local.zones[0]},
            "clusters": [
                {
                    "name": member.name,
                    "region": member.region,
                    "jurisdiction": member.region[:2],
                    "kubeconfig": {"path": str(self.directory / "kubeconfig"), "context": member.name},
                }
                for member in self.plan
            ],
            "clients": [
                {"cidrs": [member.clients(zone)], "cluster": member.name, "zone": zone}
                for member in self.plan
                for zone in member.zones
            ],
        }
        self.config.write_text(json.dumps(settings, indent=2) + "\n")
        state = {
            "server": f"127.0.0.1:{self.port}",
            "clusters": {
                name: {"url": each.url, "admin": each.admin, "pid": each.process.pid}
                for name, each in self.clusters.items()
            },
        }
        (self.directory / STATE_FILE).write_text(json.dumps(state, indent=2) + "\n")

    async def _stop(self) -> None:
        if self._server is not None:
            await end(self._server)
        for each in self.clusters.values():
            with contextlib.suppress(ProcessLookupError):
                each.thaw()
            await end(each.process)
        (self.directory / STATE_FILE).unlink(missing_ok=True)


async def start_cluster(member: Member) -> Cluster:
    """Start one simulated API server and wait for its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fedns.lab.cluster",
        "--name",
        member.name,
        "--service-range",
        f"10.{member.number * 10}.0.0/16",
        "--announce",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # A process group of its own: Ctrl-C in the terminal goes to the lab, which ends the members in order.
        start_new_session=True,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    told = json.loads(line)
    return Cluster(member, process, told["url"], told["admin"])


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process: asked first, killed when it takes too long."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def post(url: str, body: str, method: str = "POST") -> str:
    """Send to a side door; raises RuntimeError with its sentence when it refuses."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.request(method, url, data=body) as response,
    ):
        text = await response.text()
        if response.status != 200:
            raise RuntimeError(f"{url} refused: {text.strip()}")
        return text


def free_port() -> int:
    """A TCP port that is free now."""

    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        port: int = each.getsockname()[1]
        return port
