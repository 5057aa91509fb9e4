"""A simulated member as a whole: faults on the wire, and the process of its own."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from fedns.lab.cluster import FakeCluster
from tests.lab.conftest import ApiServer

SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "a"},
    "addressType": "IPv4",
}


async def outcome(url: str, session: aiohttp.ClientSession | None = None) -> str:
    """What a client with a patience of 0.3 s sees: a status, or the name of the failure."""
    timeout = aiohttp.ClientTimeout(total=0.5, sock_connect=0.3)
    own = session or aiohttp.ClientSession()
    try:
        async with own.get(url + "/readyz", timeout=timeout) as response:
            return str(response.status)
    except aiohttp.ConnectionTimeoutError:
        return "no connection"
    except TimeoutError:
        return "no answer"
    except aiohttp.ClientConnectorError:
        return "refused"
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        return "reset"
    finally:
        if session is None:
            await own.close()


@pytest.mark.parametrize(
    ("fault", "new", "open_one"),
    [
        ("hang", "no answer", "no answer"),
        ("partition", "no connection", "no answer"),
        ("stop", "refused", "refused"),
        ("reset", "reset", "reset"),
        ("status=503", "503", "503"),
        ("latency=100ms", "200", "200"),
        ("hang@endpointslices", "200", "200"),
    ],
)
async def test_faults(cluster: FakeCluster, fault: str, new: str, open_one: str) -> None:
    """Each fault looks like what it is named after, on new and on open connections, until it is healed."""
    async with aiohttp.ClientSession() as session:
        assert await outcome(cluster.url, session) == "200"
        port = cluster.port
        await cluster.fault(fault)
        assert await outcome(cluster.url, session) == open_one
        assert await outcome(cluster.url) == new
        await cluster.fault("heal")
        assert await outcome(cluster.url) == "200"
        assert cluster.port == port


@asynccontextmanager
async def watching(server: ApiServer, cluster: FakeCluster) -> AsyncIterator[aiohttp.StreamReader]:
    """An open watch from now on."""
    params = {"watch": "1", "resourceVersion": str(cluster.store.version)}
    async with server.session.get(server.url + SLICES, params=params) as response:
        yield response.content


async def test_latency_delays(cluster: FakeCluster) -> None:
    """Latency is what a request takes longer."""
    await cluster.fault("latency=100ms")
    start = time.monotonic()
    assert await outcome(cluster.url) == "200"
    assert time.monotonic() - start >= 0.1


async def test_silent_stream(cluster: FakeCluster, server: ApiServer) -> None:
    """A hanging stream says nothing, and after the heal what it had to say."""
    async with watching(server, cluster) as stream:
        await cluster.fault("hang")
        cluster.store.apply(SLICE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.readline(), 0.2)
        await cluster.fault("heal")
        assert json.loads(await asyncio.wait_for(stream.readline(), 2))["type"] == "ADDED"


@pytest.mark.parametrize("fault", ["stop", "reset"])
async def test_broken_stream(cluster: FakeCluster, server: ApiServer, fault: str) -> None:
    """A stream that is cut raises at its reader."""
    async with watching(server, cluster) as stream:
        await cluster.fault(fault)
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(stream.readline(), 2)


async def test_gone_as_an_event(cluster: FakeCluster, server: ApiServer) -> None:
    """After a compaction open watches and late ones end with an ERROR event of code 410."""
    old = str(cluster.store.version)
    async with watching(server, cluster) as stream:
        await cluster.fault("gone")
        assert json.loads(await asyncio.wait_for(stream.readline(), 2))["object"]["code"] == 410
        assert await stream.readline() == b""
    events = await server.events(SLICES, resourceVersion=old)
    assert [(event["type"], event["object"]["reason"]) for event in events] == [("ERROR", "Expired")]


async def test_gone_as_a_status(cluster: FakeCluster, server: ApiServer) -> None:
    """With gone=http open watches just end, and late ones are an HTTP 410."""
    old = str(cluster.store.version)
    async with watching(server, cluster) as stream:
        await cluster.fault("gone=http")
        assert await asyncio.wait_for(stream.readline(), 2) == b""
    status, body = await server.call("GET", SLICES, watch="1", resourceVersion=old)
    assert (status, body["reason"]) == (410, "Expired")


async def start(*words: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    """The process of a member, and what it announces."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fedns.lab.cluster",
        "--announce",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, json.loads(await asyncio.wait_for(process.stdout.readline(), 20))


async def finish(process: asyncio.subprocess.Process) -> int:
    """The exit status, within a bound."""
    assert process.stdin is not None
    try:
        return await asyncio.wait_for(process.wait(), 10)
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_process_ends_on_sigterm(tmp_path: Path) -> None:
    """The announced process serves, writes its kubeconfig, and ends with 0 on SIGTERM."""
    process, told = await start("--name", "eu1", "--kubeconfig", str(tmp_path / "eu1.yaml"))
    assert told["name"] == "eu1"
    assert await outcome(told["url"]) == "200"
    assert json.loads((tmp_path / "eu1.yaml").read_text())["clusters"][0]["cluster"]["server"] == told["url"]
    process.send_signal(signal.SIGTERM)
    assert await finish(process) == 0


async def test_process_ends_with_its_input() -> None:
    """When whoever started it goes away, its standard input closes and it ends."""
    process, _ = await start()
    assert process.stdin is not None
    process.stdin.close()
    assert await finish(process) == 0
