"""The ClusterProfiles of a real API server lead to another one, with a token that a program gives."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from fedns.clusters.backoff import Pace
from fedns.clusters.connect import Timeouts, connect
from fedns.control.by_profile import source
from fedns.control.discovery import Discovery
from fedns.federation.objects import Cluster
from fedns.lab import crds
from fedns.lab.real import ADMIN_TOKEN, READER_TOKEN, Server
from fedns.lab.world import World
from fedns.settings.schema import ClusterProfiles, Exec, Kubeconfig, Member, Provider

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

SECONDS = 45.0
DEFINITION = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/clusterprofiles.{crds.GROUP}"
PROFILES = f"/apis/{crds.GROUP}/v1alpha1/namespaces/default/clusterprofiles"


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, within a bound."""
    started = monotonic()
    while not condition():
        assert monotonic() - started < SECONDS, what
        await asyncio.sleep(0.05)


async def publish(server: Server, name: str, leads_to: Server) -> None:
    """A profile as a cluster manager makes it: the object, then its status."""
    head = {"apiVersion": f"{crds.GROUP}/v1alpha1", "kind": "ClusterProfile", "metadata": {"name": name}}
    authority = base64.b64encode(leads_to.ca.read_bytes()).decode()
    way: dict[str, Any] = {"server": leads_to.url, "certificate-authority-data": authority}
    status = {
        "accessProviders": [{"name": "script", "cluster": way}],
        "properties": [{"name": "topology.kubernetes.io/region", "value": "us-east1"}],
    }
    async with server.session() as session:
        spec = {"clusterManager": {"name": "test"}, "displayName": name}
        async with session.post(server.url + PROFILES, json=head | {"spec": spec}) as made:
            assert made.status == 201, await made.text()
        kind = {"Content-Type": "application/merge-patch+json"}
        path = f"{server.url}{PROFILES}/{name}/status"
        async with session.patch(path, data=json.dumps({"status": status}), headers=kind) as changed:
            assert changed.status == 200, await changed.text()


@pytest_asyncio.fixture(loop_scope="session")
async def local(ground: World) -> AsyncIterator[Server]:
    """The first member, without the definition before and after."""
    server = ground.clusters["eu1"]
    assert isinstance(server, Server)
    yield server
    await server.delete(DEFINITION)


async def test_profiles_lead_to_members(
    local: Server, ground: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The definition comes late; then a member joins, its API server is reached, and it leaves with its profile."""
    far = ground.clusters["eu2"]
    assert isinstance(far, Server)
    monkeypatch.setattr("fedns.control.discovery.Pace", lambda: structs.replace(Pace(), absent=0.5))
    granted = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    script = f"#!/bin/sh\necho '{json.dumps(granted | {'status': {'token': READER_TOKEN}})}'\n"
    (tmp_path / "script").write_text(script)
    (tmp_path / "script").chmod(0o700)
    (tmp_path / "local").write_text(json.dumps(local.kubeconfig(ADMIN_TOKEN)))
    me = Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(tmp_path / "local")))
    provider = Provider(name="script", exec=Exec(command=str(tmp_path / "script")))
    said: list[tuple[Member, ...]] = []
    where = source(ClusterProfiles(namespace="default", providers=(provider,)))
    discovery = Discovery(me, where, said.append, {})
    task = asyncio.create_task(discovery.run())
    try:
        await until(lambda: said == [()], "nobody, where there is no definition")
        await local.put([crds.profiles()])
        await _served(local)
        await publish(local, "us1", far)
        await until(lambda: [each.cluster.region for each in said[-1]] == ["us-east1"], f"no member: {said}")
        connection = await connect(said[-1][0])
        try:
            async with connection.get("/api/v1/services", [("limit", "1")], Timeouts(total=5.0)) as reply:
                assert b"ServiceList" in await reply.body(1 << 20)
        finally:
            await connection.close()
        await local.delete(f"{PROFILES}/us1")
        await until(lambda: said[-1] == (), "still a member")
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _served(server: Server) -> None:
    """Wait until a resource that has just been defined can be used."""
    started = monotonic()
    async with server.session() as session:
        while True:
            async with session.get(server.url + PROFILES) as response:
                if response.status == 200:
                    return
            assert monotonic() - started < SECONDS
            await asyncio.sleep(0.1)
