"""API servers for the tests of the lab: a simulated one per test, and for the contract a real one where it is there."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from fedns.lab.api import Timing
from fedns.lab.cluster import FakeCluster
from fedns.lab.real import ControlPlanes
from tests.real.binaries import binaries

Json = dict[str, Any]

_JSON = "application/json"


class ApiServer:
    """One API server as a client sees it: its address, a session with its credentials, and requests in short form."""

    def __init__(self, url: str, session: aiohttp.ClientSession, *, real: bool) -> None:
        self.url = url
        self.session = session
        self.real = real

    async def call(
        self, method: str, path: str, body: Any = None, media: str = _JSON, **params: str
    ) -> tuple[int, Any]:
        """One request: the status, and the body as JSON or text."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": media, "Accept": _JSON} if content is not None else {"Accept": _JSON}
        async with self.session.request(
            method, self.url + path, data=content, params=params, headers=headers
        ) as response:
            text = await response.text()
            return response.status, msgspec.json.decode(text) if response.content_type == _JSON else text

    async def get(self, path: str, **params: str) -> Json:
        """The JSON of a GET that must succeed."""
        status, body = await self.call("GET", path, **params)
        assert status == 200, body
        assert isinstance(body, dict)
        return body

    async def make(self, path: str, body: Json) -> Json:
        """The JSON of a POST that must succeed."""
        status, made = await self.call("POST", path, body)
        assert status == 201, made
        assert isinstance(made, dict)
        return made

    async def namespace(self, name: str) -> str:
        """A namespace, made if need be."""
        await self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    async def events(self, path: str, opened: asyncio.Event | None = None, **params: str) -> list[Json]:
        """All events of a watch until it ends by itself; `opened` is set once the server follows changes for it."""
        found: list[Json] = []
        async with self.session.get(self.url + path, params={"watch": "1"} | params) as response:
            assert response.status == 200, await response.text()
            if opened is not None:
                opened.set()
            found.extend([msgspec.json.decode(line) | {"at": time.monotonic()} async for line in response.content])
        return found


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    """A simulated API server with a side door and a short patience."""
    timing = Timing(first_bookmark=0.05, bookmark_every=0.2, freshness=0.05)
    async with FakeCluster("eu1", admin_port=0, timing=timing) as running:
        yield running


@pytest.fixture
async def server(cluster: FakeCluster) -> AsyncIterator[ApiServer]:
    """The same, as a client sees it."""
    async with aiohttp.ClientSession() as session:
        yield ApiServer(cluster.url, session, real=False)


@pytest_asyncio.fixture(
    loop_scope="module",
    scope="module",
    params=["simulated", pytest.param("real", marks=[pytest.mark.real, pytest.mark.timeout(150)])],
)
async def api_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ApiServer]:
    """What the contract is held to: the simulated API server, and a real one."""
    if request.param == "simulated":
        async with FakeCluster("contract") as running, aiohttp.ClientSession() as session:
            yield ApiServer(running.url, session, real=False)
        return
    folder = binaries(("etcd", "kube-apiserver"))
    async with ControlPlanes(folder, tmp_path_factory.mktemp("real"), ["contract"]) as planes:
        # One that has been started again has forgotten the oldest changes, as the simulated one has.
        await planes.servers["contract"].stop()
        await planes.restart("contract")
        plane = planes.servers["contract"]
        async with plane.session() as session:
            await _until(lambda: _answers(session, plane.url))
            yield ApiServer(plane.url, session, real=True)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/apis/multicluster.x-k8s.io/v1alpha1/serviceexports") as response:
        return response.status == 200


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
