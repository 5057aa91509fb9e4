"""The control process as the supervisor starts it: a real process, real sockets, simulated members."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import dns.asyncquery
import dns.message
import pytest

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.lab.cluster import FakeCluster
from fedns.lab.processes import free_port
from fedns.listening import open_sockets
from fedns.servers.feed import follow
from fedns.settings.child import Child, map_block
from fedns.settings.schema import Address
from fedns.settings.starting import command, environment
from tests.control.stage import PATIENCE, block, until

WEB: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"namespace": "shop", "name": "web", "labels": {"fedns.io/export": "true"}},
    "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
}
PODS: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"namespace": "shop", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    "endpoints": [{"addresses": ["10.1.0.7"], "conditions": {"ready": True}}],
}


class Stage:
    """What a supervisor holds for its control process, and one such process."""

    def __init__(self, directory: Path, *, workers: int) -> None:
        self.directory = directory
        self.config = directory / "fedns.yaml"
        self.log = directory / "log"
        self.http = free_port()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "control"))
        self.listener.listen()
        self.dns = open_sockets((Address("127.0.0.1", free_port()),))
        self.lifeline, self.life = os.pipe()
        slots = [os.memfd_create("slot") for _ in range(workers + 1)]
        for slot in slots:
            os.ftruncate(slot, counters.BYTES)
        self.block = map_block(slots[0])
        self.child = Child(
            config=str(self.config),
            overrides={},
            slot=0,
            slots=tuple(slots),
            listener=self.listener.fileno(),
            path=str(directory / "control"),
            udp=tuple(each.fileno() for each in self.dns if each.type == socket.SOCK_DGRAM),
            tcp=tuple(each.fileno() for each in self.dns if each.type == socket.SOCK_STREAM),
            lifeline=self.lifeline,
            workers=workers,
        )

    def close(self) -> None:
        """Give back every descriptor."""
        for each in (self.listener, *self.dns):
            each.close()
        for descriptor in (*self.child.slots, self.lifeline):
            os.close(descriptor)

    def configure(self, *clusters: FakeCluster, **more: Any) -> None:
        """Write a configuration that follows these clusters."""
        address = {"listen": f"127.0.0.1:{self.http}"}
        members = [
            {"name": api.name, "kubeconfig": {"path": str(api.kubeconfig(self.directory / api.name))}}
            for api in clusters
        ]
        self.config.write_text(
            json.dumps(
                {
                    "apiVersion": "fedns.io/v1alpha1",
                    "kind": "FednsConfig",
                    "dns": {"workers": self.child.workers},
                    "metrics": address,
                    "health": address,
                    "ready": address,
                    "admin": address,
                    "freshness": "fast",
                    "local": {"cluster": clusters[0].name},
                    "clusters": members,
                }
                | more
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """With a control process, killed in the end unless it has ended; its log is shown by pytest."""
        ours, theirs = socket.socketpair()
        with self.log.open("ab") as log, theirs:
            process = await asyncio.create_subprocess_exec(
                *command("fedns.control.daemon"), env=environment(theirs), pass_fds=(theirs.fileno(),), stderr=log
            )
        self.child.tell(ours)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            sys.stderr.write(self.log.read_text())

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Replica]:
        """With a worker's replica that follows."""
        replica = Replica(block())
        task = asyncio.create_task(follow(self.child.path, 1, replica))
        try:
            yield replica
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def get(self, path: str) -> tuple[int, str]:
        """A page, (0, "") while nobody serves it."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.http}{path}") as response,
            ):
                return response.status, await response.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def shows(self, path: str, check: Callable[[int, str], bool]) -> None:
        """Wait until a page is as it should be."""
        seen = (0, "")
        try:
            async with asyncio.timeout(PATIENCE * 3):
                while not check(*(seen := await self.get(path))):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{path} still shows {seen}")

    def logged(self, text: str) -> Callable[[], bool]:
        """Whether the process has written this."""
        return lambda: text in self.log.read_text()


@pytest.fixture
async def api() -> AsyncIterator[FakeCluster]:
    """A member with one exported service that has one pod."""
    async with FakeCluster("eu1") as cluster:
        cluster.store.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        cluster.store.apply(WEB)
        cluster.store.apply(PODS)
        yield cluster


@asynccontextmanager
async def stage(directory: Path, *, workers: int = 1) -> AsyncIterator[Stage]:
    """A stage that is cleared away."""
    each = Stage(directory, workers=workers)
    try:
        yield each
    finally:
        each.close()


def is_ready(status: int, _: str) -> bool:
    """Whether /ready says so."""
    return status == 200


async def test_a_member_reaches_the_workers_and_the_pages(tmp_path: Path, api: FakeCluster) -> None:
    """From the API server over list and watch to a worker's catalog; heartbeat, pages and an orderly end besides."""
    async with stage(tmp_path) as each, each.worker() as replica:
        each.configure(api)
        async with each.running() as process:
            await until(lambda: replica.catalog.service(("shop", "web")), "web is known")
            await each.shows("/ready", is_ready)
            await each.shows("/metrics", lambda _, text: 'fedns_cluster_state{cluster="eu1",state="fresh"} 1.0' in text)
            assert (await each.get("/health"))[0] == 200
            beat = each.block[counters.HEARTBEAT]
            await until(lambda: each.block[counters.HEARTBEAT] > beat, "the heart beats")
            api.store.remove(WEB)
            await until(lambda: not replica.catalog.service(("shop", "web")), "web is gone")
            process.send_signal(signal.SIGUSR1)
            await each.shows("/ready", lambda status, text: (status, text) == (503, "shutting down\n"))
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert "Traceback" not in each.log.read_text()
        assert each.log.read_text().count("eu1: syncing -> fresh") == 1


SPY = """
import os, sys, threading

def spy(event, words):
    if event == "import" and words[0] in ("aiohttp.web", "prometheus_client"):
        with open(os.environ["IMPORTED"], "a") as file:
            print(words[0], threading.current_thread() is threading.main_thread(), file=file)

sys.addaudithook(spy)
"""
"""Python runs it before all else: it notes which thread imports what serves HTTP."""


async def test_the_loop_waits_for_no_import(tmp_path: Path, api: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What serves HTTP is loaded beside the loop, which tells changes meanwhile."""
    (tmp_path / "sitecustomize.py").write_text(SPY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("IMPORTED", str(tmp_path / "imported"))
    async with stage(tmp_path) as each, each.worker():
        each.configure(api)
        async with each.running():
            await each.shows("/ready", is_ready)
    assert set((tmp_path / "imported").read_text().splitlines()) == {"aiohttp.web False", "prometheus_client False"}


async def test_reload_takes_right_configurations_only(tmp_path: Path, api: FakeCluster) -> None:
    """On SIGHUP a wrong file is reported with every problem and changes nothing; a right one is used at once."""
    async with stage(tmp_path) as each, each.worker() as replica, FakeCluster("us1") as other:
        each.configure(api)
        async with each.running() as process:
            await each.shows("/ready", is_ready)
            each.configure(api, nonsense=1, logging={"level": "shout"})
            process.send_signal(signal.SIGHUP)
            await until(each.logged("the configuration stays as it was"), "the wrong one is refused")
            assert "nonsense" in each.log.read_text()
            assert "logging.level" in each.log.read_text()
            assert set(replica.statuses) == {"eu1"}
            each.configure(other)
            process.send_signal(signal.SIGHUP)
            await until(lambda: set(replica.statuses) == {"us1"} and replica.statuses["us1"].synced, "us1 is read")
            assert not replica.catalog.service(("shop", "web"))
            _, text = await each.get("/metrics")
            assert 'fedns_config_reloads_total{result="success"} 1.0' in text
            assert 'fedns_config_reloads_total{result="failure"} 1.0' in text
            assert (await each.get("/ready"))[0] == 200


async def test_a_successor_goes_on(tmp_path: Path, api: FakeCluster) -> None:
    """When a control process dies, the next one keeps fedns ready and takes nothing from the workers."""
    async with stage(tmp_path) as each, each.worker() as replica:
        each.configure(api)
        async with each.running() as process:
            await each.shows("/ready", is_ready)
            await until(lambda: replica.catalog.service(("shop", "web")), "web is known")
            epoch = replica.epoch
            process.kill()
            await process.wait()
        await api.fault("stop")
        async with each.running():
            await until(lambda: replica.epoch != epoch, "the worker follows the successor")
            await each.shows("/ready", is_ready)
            assert replica.catalog.service(("shop", "web"))


async def test_it_ends_with_its_supervisor(tmp_path: Path, api: FakeCluster) -> None:
    """Nobody would replace it: when the lifeline ends, so does the control process."""
    async with stage(tmp_path) as each:
        each.configure(api)
        async with each.running() as process:
            await each.shows("/health", lambda status, _: status == 200)
            os.close(each.life)
            assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_a_wrong_configuration_is_no_start(tmp_path: Path, api: FakeCluster) -> None:
    """All problems are logged, and the exit code is 2."""
    async with stage(tmp_path) as each:
        each.configure(api, nonsense=1)
        async with each.running() as process:
            assert await asyncio.wait_for(process.wait(), PATIENCE * 3) == 2
        assert "nonsense" in each.log.read_text()


async def test_without_workers_it_answers_itself(tmp_path: Path, api: FakeCluster) -> None:
    """`dns.workers: 0`: the same answers from the same sockets, and the page counts them."""
    async with stage(tmp_path, workers=0) as each:
        each.configure(api)
        async with each.running() as process:
            await each.shows("/ready", is_ready)
            question = dns.message.make_query("web.shop.svc.clusterset.local", "A")
            port = each.dns[0].getsockname()[1]
            reply = await dns.asyncquery.udp(question, "127.0.0.1", port=port, timeout=PATIENCE)
            assert [str(record) for record in reply.answer[0]] == ["10.1.0.7"]
            await each.shows(
                "/metrics", lambda _, text: 'fedns_dns_responses_total{proto="udp",rcode="NOERROR"}' in text
            )
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert "Traceback" not in each.log.read_text()
