"""Two real fedns follow the same members; one of them loses one, and the other one tells so until it is back."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import pytest

from fedns.client import Ask, ClientError, ask
from fedns.lab import kubeconfig
from fedns.lab.processes import die_with_parent, end, free_port
from fedns.lab.world import World
from tests.lab.worlds import running, until

PATIENCE: Final = 30.0


class Line:
    """A way to a member's API server that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = free_port()

    async def heal(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Break those that there are, and let none through."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, out = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(_copy(reader, out), _copy(there, writer))
        except (OSError, asyncio.CancelledError):
            pass  # cut, or broken off by one end
        finally:
            self._tasks.discard(task)
            for each in (writer, out):
                each.close()
            await asyncio.gather(*(each.wait_closed() for each in (writer, out)), return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def second(world: World, name: str, port: int) -> AsyncIterator[Line]:
    """Another fedns with the same configuration, but for its ports, and a line of its own to one member."""
    config = json.loads(world.config.read_text())
    folder, status = world.directory / "second", {"listen": f"127.0.0.1:{free_port()}"}
    server = urlsplit(world.clusters[name].url)
    line = Line(server.hostname or "", server.port or 0)
    await line.heal()
    own = kubeconfig.write(folder / "kubeconfig", {name: f"http://127.0.0.1:{line.port}"})
    for each in config["clusters"]:
        if each["name"] == name:
            each["kubeconfig"]["path"] = str(own)
    config["dns"]["listen"] = [f"127.0.0.1:{port}"]
    config |= dict.fromkeys(("metrics", "health", "ready", "admin"), status)
    del config["replicas"]
    (folder / "fedns.yaml").write_text(json.dumps(config))
    with (folder / "fedns.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fedns", "serve", "--config", str(folder / "fedns.yaml")),
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield line
    finally:
        await end(process)
        await line.cut()


async def page(world: World, path: str) -> str:
    """A page of the first fedns."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{world.http_port}{path}") as response,
    ):
        return await response.text()


async def digest(port: int) -> str:
    """What a fedns tells clients on this machine: the first line of `_digest`."""
    try:
        reply = await ask(Ask("_digest.example.com", "TXT", ("127.0.0.1", port), timeout=1.0))
    except ClientError:
        return ""
    lines = (b"".join(each.rdata.data).decode() for each in reply.message.rr)
    return next((line for line in lines if line.startswith("digest=")), "")


async def verdict(world: World) -> tuple[str, list[str]]:
    """What the first fedns says of the second one."""
    found = json.loads(await page(world, "/api/v1/replicas"))["replicas"]
    return (found[0]["verdict"], found[0]["reasons"]) if found else ("", [])


@pytest.mark.timeout(120)
async def test_a_member_cut_from_one_of_two(tmp_path: Path) -> None:
    """They agree; one loses us1, and the other one says so, in page, metric and log; healed, they agree again."""
    port = free_port()
    settings = {"replicas": {"addresses": [f"127.0.0.1:{port}"], "interval": "300ms", "bound": "1s"}}
    async with running(tmp_path, embedded=True, workers=1, settings=settings) as world:
        async with second(world, "us1", port) as line:

            async def says(*expected: object) -> bool:
                return await verdict(world) == expected

            await until(lambda: says("agrees", []), PATIENCE)
            first = await digest(world.port)
            assert first == await digest(port) != ""
            name = f'replica="127.0.0.1:{port}"'
            assert f"fedns_replica_disagreement_seconds{{{name}}} 0.0" in await page(world, "/metrics")
            await line.cut()
            await until(lambda: says("disagrees", ["us1: fresh here, stale there"]), PATIENCE)
            assert await digest(port) != await digest(world.port) == first
            log = tmp_path / "fedns.log"
            told = f"replica 127.0.0.1:{port} has served something else for 1 s; us1: fresh here, stale there"
            await until(lambda: told in log.read_text(), PATIENCE)
            await line.heal()
            await until(lambda: says("agrees", []), PATIENCE)
            assert await digest(port) == first
            await until(lambda: f"replica 127.0.0.1:{port} serves the same again" in log.read_text(), PATIENCE)
        await until(lambda: _down(world, name), PATIENCE)


async def _down(world: World, name: str) -> bool:
    return f"fedns_replica_up{{{name}}} 0.0" in await page(world, "/metrics")
