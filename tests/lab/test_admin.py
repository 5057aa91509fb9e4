"""The side door: objects and faults over HTTP."""

import aiohttp
import pytest

from fedns.lab.cluster import FakeCluster
from fedns.lab.kinds import SERVICES
from tests.lab.conftest import ApiServer

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}


async def test_objects_while_the_front_door_hangs(cluster: FakeCluster, server: ApiServer) -> None:
    """Objects come and go through the side door whatever fault is on."""
    await cluster.fault("partition")
    async with server.session.put(cluster.admin_url + "/objects", json=[SERVICE]) as response:
        assert (await response.json())["applied"] == 1
    assert cluster.store.find(SERVICES, "default", "a") is not None
    async with server.session.delete(cluster.admin_url + "/objects", json=[SERVICE]) as response:
        assert (await response.json())["removed"] == 1
    assert cluster.store.find(SERVICES, "default", "a") is None


async def test_faults_are_listed(cluster: FakeCluster, server: ApiServer) -> None:
    """A fault that is switched on shows until it is healed."""
    for text, shown in (("status=503@services", ["status=503@services"]), ("heal", [])):
        async with server.session.post(cluster.admin_url + "/faults", data=text) as response:
            assert (await response.json())["faults"] == shown


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/faults", "explode"), ("PUT", "/objects", "no json"), ("PUT", "/objects", '[{"kind":"Nope"}]')],
)
async def test_nonsense_is_refused(cluster: FakeCluster, method: str, path: str, body: str) -> None:
    """What cannot be done is a 400 with a sentence."""
    url = cluster.admin_url + path
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]
