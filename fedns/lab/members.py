"""Members of the lab: where each one is, and the process of its simulated API server."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp
from msgspec import Struct

from fedns.lab.cluster import FakeCluster
from fedns.lab.kinds import Json
from fedns.lab.processes import START_SECONDS, end
from fedns.lab.store import Store


class Member(Struct, frozen=True, kw_only=True):
    """One member of the plan: its place, and the loopback networks of clients that count as being in its zones."""

    name: str
    region: str
    zones: tuple[str, ...]
    number: int

    def clients(self, zone: str) -> str:
        """The network of this zone's clients: 127.<member>.<zone>.0/24."""
        return f"127.{self.number}.{self.zones.index(zone) + 1}.0/24"

    @property
    def service_range(self) -> str:
        """Where its cluster IPs come from."""
        return f"10.{self.number * 10}.0.0/16"

    def nodes(self) -> list[Json]:
        """A node in each zone, whose pods are this zone's clients."""
        return [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": f"node-{zone}", "labels": {"topology.kubernetes.io/zone": zone}},
                "spec": {"podCIDR": self.clients(zone), "podCIDRs": [self.clients(zone)]},
            }
            for zone in self.zones
        ]

    def source(self, zone: str) -> str:
        """One client address in this zone, for `dig -b`."""
        return f"127.{self.number}.{self.zones.index(zone) + 1}.1"


def plan(count: int = 3) -> tuple[Member, ...]:
    """`count` members, two in eu-west, two in us-east and so on, two zones each: eu1, eu2, us1, us2, eu3 ..."""
    members: list[Member] = []
    for at in range(count):
        region = "eu-west" if at % 4 < 2 else "us-east"
        number = 1 + sum(member.region == region for member in members)
        zones = tuple(f"{region}-{letter}" for letter in (("a", "b") if number % 2 else ("c", "d")))
        members.append(Member(name=f"{region[:2]}{number}", region=region, zones=zones, number=at + 1))
    return tuple(members)


class Cluster(Protocol):
    """What the lab does with a member, simulated or real."""

    @property
    def pid(self) -> int:
        """The API server's process."""
        ...

    @property
    def url(self) -> str:
        """The API server's address."""
        ...

    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig with one context, named like the member."""
        ...

    async def put(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create or change objects."""
        ...

    async def remove(self, objects: Sequence[dict[str, Any]]) -> None:
        """Delete objects, those that exist."""
        ...

    async def fault(self, text: str) -> None:
        """Break it, or `heal`."""
        ...

    async def stop(self) -> None:
        """End it for good."""
        ...


class Security(Struct, frozen=True, kw_only=True):
    """How a simulated member is reached: over TLS, with a token; the files lie in `directory`, beside kubeconfigs."""

    directory: Path
    tls: bool = False
    tokens: bool = False

    @property
    def words(self) -> list[str]:
        """What the member's process is told."""
        chosen = ["--tls"] * self.tls + ["--token"] * self.tokens
        return [*chosen, "--credentials", str(self.directory)] if chosen else []


class Embedded:
    """A simulated member in this process: its store can be read directly, its process cannot be frozen."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster

    @classmethod
    async def start(cls, member: Member, security: Security) -> Self:
        """Start one."""
        credentials = None
        if security.tls or security.tokens:
            from fedns.lab.credentials import Credentials  # noqa: PLC0415 -- cryptography comes with the tests only

            credentials = Credentials(security.directory, member.name, tls=security.tls, tokens=security.tokens)
        store = Store(service_range=member.service_range)
        return cls(await FakeCluster(member.name, store=store, credentials=credentials).__aenter__())

    @property
    def pid(self) -> int:
        """This process."""
        return os.getpid()

    @property
    def url(self) -> str:
        """The API server's address."""
        return self.cluster.url

    @property
    def store(self) -> Store:
        """What it really holds."""
        return self.cluster.store

    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig with one context, named like the member."""
        return self.cluster.access()

    async def put(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create or change objects."""
        for each in objects:
            self.store.apply(each)

    async def remove(self, objects: Sequence[dict[str, Any]]) -> None:
        """Delete objects, those that exist."""
        for each in objects:
            self.store.remove(each)

    async def fault(self, text: str) -> None:
        """Break it, or `heal`."""
        await self.cluster.fault(text)

    async def stop(self) -> None:
        """End it for good."""
        await self.cluster.__aexit__(None, None, None)


class Simulated:
    """A simulated member: an API server in a process of its own, with a side door for objects and faults."""

    def __init__(self, process: asyncio.subprocess.Process, told: dict[str, Any]) -> None:
        self.url: str = told["url"]
        self.admin: str = told["admin"]
        self._access: dict[str, Any] = told["kubeconfig"]
        self._process = process

    @classmethod
    async def start(cls, member: Member, security: Security | None = None) -> Self:
        """Start one and wait for its address."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fedns.lab.cluster",
            "--name",
            member.name,
            "--service-range",
            member.service_range,
            *(security.words if security else ()),
            "--announce",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # A session of its own: Ctrl-C in the terminal goes to the lab, which ends the members in order.
            start_new_session=True,
        )
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if not line:
            raise RuntimeError(f"the simulated API server of {member.name} did not start")
        return cls(process, json.loads(line))

    @property
    def pid(self) -> int:
        """The API server's process."""
        return self._process.pid

    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig with one context, named like the member."""
        return self._access

    async def put(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create or change objects."""
        await send(self.admin + "/objects", json.dumps(list(objects)), method="PUT")

    async def remove(self, objects: Sequence[dict[str, Any]]) -> None:
        """Delete objects, those that exist."""
        await send(self.admin + "/objects", json.dumps(list(objects)), method="DELETE")

    async def fault(self, text: str) -> None:
        """Break it, or `heal`."""
        await break_process(self.pid, self.admin, text)

    async def stop(self) -> None:
        """End it for good."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
        await end(self._process)


async def break_process(pid: int, admin: str, text: str) -> None:
    """Break a simulated API server: `freeze` stops its process as it stands, the rest goes through its side door."""
    if text == "freeze":
        os.kill(pid, signal.SIGSTOP)
        return
    if text == "heal":
        os.kill(pid, signal.SIGCONT)
    await send(admin + "/faults", text)


async def send(url: str, body: str, method: str = "POST") -> str:
    """Send to a side door; raises RuntimeError with its sentence when it refuses."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.request(method, url, data=body) as response,
        ):
            text = await response.text()
    except TimeoutError as error:
        raise RuntimeError(f"{url} does not answer: is it frozen? heal it first") from error
    except aiohttp.ClientError as error:
        raise RuntimeError(f"{url} cannot be reached: {error}") from error
    if response.status != 200:
        raise RuntimeError(f"{url} refused: {text.strip()}")
    return text
