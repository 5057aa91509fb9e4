"""A real member that is broken in every way, a fedns that follows it closely, and who asked the API server for what.

The member has a second API server on the same data, which fedns does not know: through it the world goes on while the
first is down. What fedns reads is taken from the API server's own audit log, not from what fedns says of itself.
"""

import asyncio
import json
import shutil
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

import aiohttp
from msgspec import Struct

from fedns.lab import kubeconfig
from fedns.lab.real import ControlPlanes, Server
from fedns.lab.simulator import Deployment
from fedns.lab.world import World
from tests.real.asking import NXDOMAIN, Asker, Seen, addresses

MEMBER: Final = "eu1"
ZONE: Final = "eu-west-a"
ACCOUNT: Final = "fedns"
ACCOUNTS: Final = "/api/v1/namespaces/default/serviceaccounts"
BINDINGS: Final = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "users": ["admin", "system:apiserver"]}, {"level": "Metadata"}],
}
FRESHNESS: Final = {
    "probeInterval": "500ms",
    "probeTimeout": "500ms",
    "suspectAfter": "1s",
    "staleAfter": "2s",
    "recoverAfter": "1s",
    "watchPeriod": "3s",
}
"""Streams of 2.5 to 4 s: what is found by their end is found soon."""
STATE_SECONDS: Final = 60.0
ONCE: Final = {"services": 1, "endpointslices": 1, "serviceexports": 1, "namespaces": 1}
"""One whole reading of everything that fedns follows."""


class Services:
    """Three services of one test: `steady` never changes, the others do when the test says so."""

    def __init__(self, test: str) -> None:
        self.steady, self.scaled, self.doomed, self.later = (
            Deployment(namespace=f"siege-{test}", name=name, zones={ZONE: 2}, pod_range=pods, headless=True)
            for name, pods in (
                ("steady", "10.160.0.0/16"),
                ("scaled", "10.161.0.0/16"),
                ("doomed", "10.162.0.0/16"),
                ("later", "10.163.0.0/16"),
            )
        )

    def change(self) -> dict[str, Seen]:
        """Scale one, and add one; returns what is right once they are put and the doomed one is deleted."""
        self.scaled.scale(ZONE, 4)
        self.scaled.scale(ZONE, 3)
        return told(self.steady, self.scaled, self.later) | {name_of(self.doomed): NXDOMAIN}


def name_of(deployment: Deployment) -> str:
    """The federation's name of a service."""
    return f"{deployment.name}.{deployment.namespace}.myfed.svc.example.com"


def told(*deployments: Deployment) -> dict[str, Seen]:
    """What is right as they are now: name -> all ready addresses."""
    return {name_of(each): addresses(each.addresses()) for each in deployments}


class Asked(Struct, frozen=True):
    """One request of fedns as the API server's audit log has it."""

    verb: str
    resource: str
    query: str
    code: int
    uid: str

    @property
    def whole(self) -> bool:
        """Whether it read all objects: a list (the first page of it), or a watch that begins with them."""
        if self.code != 200:
            return False
        if self.verb == "watch":
            return "sendInitialEvents=true" in self.query
        return self.verb == "list" and "fieldSelector" not in self.query and "continue=" not in self.query


class Siege(World):
    """One member that is not the local cluster, and the fedns that follows it with a service account's token."""

    def __init__(self, directory: Path, folder: Path, port: int) -> None:
        super().__init__(directory, members=1, port=port, real=(MEMBER,))
        self.spare: Server
        self._folder = folder
        self._account: dict[str, Any] = {}

    @property
    def planes(self) -> ControlPlanes:
        """The control plane of the member."""
        assert self._planes is not None
        return self._planes

    @property
    def server(self) -> Server:
        """The API server that fedns follows."""
        return self.planes.servers[MEMBER]

    @property
    def token_file(self) -> Path:
        """What the kubeconfig names as `tokenFile`."""
        return self.directory / "token"

    @property
    def ca_file(self) -> Path:
        """What the kubeconfig names as CA."""
        return self.directory / "ca.crt"

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        try:
            self.spare = await self.planes.spare(MEMBER)
            shutil.copy(self.server.ca, self.ca_file)
            await self.bind()
            replace(self.token_file, await self.new_token())
            config = kubeconfig.contents({MEMBER: self.server.url}, ca=self.ca_file)
            config["users"][0]["user"] = {"tokenFile": str(self.token_file)}
            kubeconfig.save(self.directory / f"{MEMBER}.kubeconfig", config)
            await self.deploy()
            await self.serve()
        except BaseException:
            await self._stop()
            raise
        return self

    async def put(self, *deployments: Deployment) -> None:
        """Let the API server hold these, by way of the spare one."""
        for each in deployments:
            await self.spare.put(each.objects())

    async def change(self, services: Services, asker: Asker) -> dict[str, Seen]:
        """Scale one service, add one and delete one, by way of the spare; returns what is right from then on.

        From before the first of it, both what was and what will be may be told.
        """
        after = services.change()
        asker.allow(after)
        await self.put(services.scaled, services.later)
        await self.spare.delete(f"/api/v1/namespaces/{services.doomed.namespace}/services/{services.doomed.name}")
        return after

    async def write(self, revisions: int) -> None:
        """Let etcd count so many revisions more, of what nobody follows."""
        path = f"{self.spare.url}/api/v1/namespaces/default/configmaps"
        async with self.spare.session() as session:
            for at in range(revisions):
                async with session.post(
                    path, json={"metadata": {"generateName": "revision-"}, "data": {"at": str(at)}}
                ) as made:
                    assert made.status == 201, await made.text()

    async def bind(self) -> None:
        """Give fedns its rights."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "fedns-reader"}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ACCOUNT},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": ACCOUNT}],
        }
        await self.spare.put([binding])

    async def new_token(self) -> str:
        """A token of a service account made anew: its uid is another, so every older token is refused."""
        await self.spare.delete(f"{ACCOUNTS}/{ACCOUNT}")
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        async with self.spare.session() as session:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
            async with session.post(self.spare.url + ACCOUNTS, json=account) as made:
                assert made.status == 201, await made.text()
                self._account = await made.json()
            async with session.post(f"{self.spare.url}{ACCOUNTS}/{ACCOUNT}/token", json=asked) as told:
                assert told.status == 201, await told.text()
                token: str = (await told.json())["status"]["token"]
        return token

    @property
    def account_uid(self) -> str:
        """The uid of the service account as it is now."""
        uid: str = self._account["metadata"]["uid"]
        return uid

    async def member(self) -> dict[str, Any]:
        """What fedns says of the member."""
        url = f"http://127.0.0.1:{self.http_port}/api/v1/clusters"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            told = await response.json()
        found: dict[str, Any] = next(each for each in told["clusters"] if each["name"] == MEMBER)
        return found

    async def turns(self, state: str, reason: str = "") -> None:
        """Wait until the member is in this state, for a reason that has these words."""
        started = monotonic()
        while not ((found := await self.member())["state"] == state and reason in found["reason"]):
            assert monotonic() - started < STATE_SECONDS, f"not {state} with {reason!r}: {found}"
            await asyncio.sleep(0.05)

    def asked(self, since: int = 0) -> list[Asked]:
        """What fedns has asked the API server, one item for each request, those before `since` left out."""
        log = self.directory / "real" / f"{MEMBER}.audit"
        requests: dict[str, Asked] = {}
        for line in log.read_text().splitlines():
            event = json.loads(line)
            requests[event["auditID"]] = Asked(
                event["verb"],
                event.get("objectRef", {}).get("resource", ""),
                event["requestURI"].partition("?")[2],
                event.get("responseStatus", {}).get("code", 0),
                event.get("user", {}).get("uid", ""),
            )
        return list(requests.values())[since:]

    async def reads(self, since: int, expected: dict[str, int]) -> None:
        """Wait until each resource has been read whole so often, no more and no less."""
        started = monotonic()
        while (found := self.readings(since)) != expected:
            assert monotonic() - started < STATE_SECONDS, f"not {expected} whole readings, but {found}"
            await asyncio.sleep(0.1)

    def readings(self, since: int) -> Counter[str]:
        """How often each resource has been read whole."""
        return Counter(each.resource for each in self.asked(since) if each.whole)

    async def _start_members(self) -> None:
        policy = self.directory / "audit.json"
        policy.write_text(json.dumps(POLICY))
        directory = self.directory / "real"
        flags = [f"--audit-policy-file={policy}", f"--audit-log-path={directory}/{{name}}.audit"]
        self._planes = ControlPlanes(self._folder, directory, [MEMBER], flags)
        await self._planes.__aenter__()
        self.clusters.update(self._planes.servers)

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        # The local cluster's own answers survive more: here it must be a remote one.
        del settings["local"], settings["clientsFrom"]
        return settings | {"freshness": FRESHNESS}


def replace(path: Path, text: str) -> None:
    """Replace a file as kubelet does: at once and whole."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
