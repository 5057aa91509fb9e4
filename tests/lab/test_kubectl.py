"""The real kubectl on a simulated API server."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from fedns.lab.cluster import FakeCluster
from fedns.lab.simulator import Deployment

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl on this machine")


class Kubectl:
    """Runs kubectl against one cluster."""

    def __init__(self, cluster: FakeCluster, home: Path) -> None:
        self._environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig(home / "config")), "HOME": str(home)}

    async def __call__(self, *words: str, stdin: object = None) -> str:
        """The output of a run that must succeed."""
        process = await asyncio.create_subprocess_exec(
            *(KUBECTL or "", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        out, errors = await asyncio.wait_for(process.communicate(json.dumps(stdin).encode()), 30)
        assert process.returncode == 0, errors.decode()
        return out.decode()


@pytest.fixture
def kubectl(cluster: FakeCluster, tmp_path: Path) -> Kubectl:
    """Kubectl, with web in namespace shop there."""
    for item in Deployment(namespace="shop", name="web", zones={"a": 2}, pod_range="10.1.0.0/16").objects():
        cluster.store.apply(item)
    return Kubectl(cluster, tmp_path)


async def test_get(kubectl: Kubectl) -> None:
    """Get prints tables, YAML, JSON and selections."""
    assert "shop        web    ClusterIP" in await kubectl("get", "services", "-A")
    assert "10.1.0.1,10.1.0.2" in await kubectl("get", "endpointslices", "-n", "shop", "-l", "app=web")
    assert "ipFamilyPolicy: SingleStack" in await kubectl("get", "svc", "web", "-n", "shop", "-o", "yaml")
    exports = json.loads(await kubectl("get", "svcex", "-A", "-o", "json"))
    assert [item["metadata"]["name"] for item in exports["items"]] == ["web"]
    assert "serviceexports" in await kubectl("api-resources")


async def test_changes(kubectl: Kubectl) -> None:
    """Label, patch and delete change what is there."""
    where = ("svc", "web", "-n", "shop")
    assert "labeled" in await kubectl("label", *where, "tier=front")
    assert "patched" in await kubectl("patch", *where, "-p", '{"spec":{"ports":[{"port":443,"name":"tls"}]}}')
    steps = '[{"op":"add","path":"/metadata/labels/x","value":"y"}]'
    assert "patched" in await kubectl("patch", *where, "--type=json", "-p", steps)
    assert "80/TCP,443/TCP" in await kubectl("get", "svc", "-n", "shop", "-l", "tier=front,x=y")
    assert "deleted" in await kubectl("delete", *where)


@pytest.mark.parametrize(
    "extra", [(), ("--server-side",), ("--validate=false",)], ids=["client", "server", "unchecked"]
)
async def test_apply(kubectl: Kubectl, extra: tuple[str, ...]) -> None:
    """Apply creates, then changes, on the client's or the server's side."""
    port = {"name": "http", "port": 80}
    item = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [port]}}
    await kubectl("apply", "-f", "-", *extra, stdin=item)
    item["spec"] = {"ports": [port | {"targetPort": 8080}]}
    await kubectl("apply", "-f", "-", *extra, stdin=item)
    shown = json.loads(await kubectl("get", "svc", "a", "-o", "json"))
    assert [each["targetPort"] for each in shown["spec"]["ports"]] == [8080]


async def test_typed_requests(kubectl: Kubectl) -> None:
    """What kubectl sends as protobuf is understood."""
    assert "created" in await kubectl("create", "namespace", "prod")
    assert "created" in await kubectl("create", "service", "clusterip", "api", "--tcp=80:http", "-n", "prod")
    assert (await kubectl("auth", "can-i", "list", "endpointslices")).strip() == "yes"


async def test_watch(kubectl: Kubectl, cluster: FakeCluster) -> None:
    """A watch prints a row per change, and ends with what it waited for."""
    status = {"status": {"conditions": [{"type": "Valid", "status": "True"}]}}
    waiting = asyncio.create_task(
        kubectl("wait", "serviceexport/web", "-n", "shop", "--for=condition=Valid", "--timeout=20s")
    )
    export = {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceExport"}
    cluster.store.apply(export | {"metadata": {"name": "web", "namespace": "shop"}} | status)
    assert "condition met" in await waiting
    rows = await kubectl("get", "svc", "-n", "shop", "-w", "--request-timeout=1s", "--output-watch-events")
    assert rows.splitlines()[1].startswith("ADDED")
