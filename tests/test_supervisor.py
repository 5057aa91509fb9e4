"""Supervisor: children that die or hang are replaced at once, and only the queries in their hands are lost."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio

from fedns.lab.processes import die_with_parent, free_port, serving
from fedns.lab.story import addresses_of
from fedns.lab.world import SERVICE, World
from fedns.settings.schema import Address, Dns, Settings, Tls
from fedns.supervisor import Supervisor, run
from tests.lab.worlds import running, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One lab; each test leaves it whole."""
    async with running(tmp_path_factory.mktemp("lab"), members=2) as world:
        await until(lambda: len(serving(world.server_pid, "fedns.servers.worker")) == 2)
        yield world


class Asker:
    """Asks all the time, each question from its own socket, and counts what is lost or wrong."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._expected = sorted(world.deployments["eu1"].addresses("eu-west-a"))
        self._source = world.plan[0].source("eu-west-a")
        self.asked = 0
        self.lost = 0
        self.wrong: list[str] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            replies = await asyncio.gather(*(self._world.ask(SERVICE, source=self._source) for _ in range(4)))
            for reply in replies:
                self.asked += 1
                if reply is None:
                    self.lost += 1
                elif sorted(addresses_of(reply)) != self._expected:
                    self.wrong.append(str(reply.message))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
@pytest.mark.parametrize("module", ["fedns.servers.worker", "fedns.control.daemon"], ids=["worker", "control"])
async def test_a_lost_child_is_replaced_while_answers_go_on(world: World, module: str, number: signal.Signals) -> None:
    """One of two workers, or the control process: replaced within the bound, at most what was in its hands is lost."""
    before = serving(world.server_pid, module)
    async with Asker(world) as asker:
        await until(lambda: asker.asked > 20)
        os.kill(before[0], number)
        took = await until(
            lambda: len(now := serving(world.server_pid, module)) == len(before) and before[0] not in now, 10
        )
        seen = asker.asked
        await until(lambda: asker.asked > seen + 100)
    assert not asker.wrong
    assert asker.lost <= 4, f"{asker.lost} of {asker.asked} lost, replaced after {took:.2f} s"


async def test_changes_flow_through_a_new_control_process(world: World) -> None:
    """Workers follow the next control process: a change after its start reaches the answer."""
    (control,) = serving(world.server_pid, "fedns.control.daemon")
    os.kill(control, signal.SIGKILL)
    deployment = world.deployments["eu1"]
    deployment.scale("eu-west-b", 5)
    await world.clusters["eu1"].put(deployment.objects())

    async def followed() -> bool:
        reply = await world.ask(SERVICE, source=world.plan[0].source("eu-west-b"))
        return reply is not None and len(addresses_of(reply)) == 5

    await until(followed)


async def test_a_reload_with_a_broken_file_keeps_the_old_settings(world: World) -> None:
    """SIGHUP reads the file again; a broken one is reported, and answers go on."""
    good = world.config.read_text()
    world.config.write_text(good.replace('"zones"', '"zonen"'))
    os.kill(world.server_pid, signal.SIGHUP)
    log = world.directory / "fedns.log"
    await until(lambda: "zonen" in log.read_text())
    assert await world.ask(SERVICE) is not None
    world.config.write_text(good.replace('"federation": "myfed"', '"federation": "other"'))
    os.kill(world.server_pid, signal.SIGHUP)

    async def reloaded() -> bool:
        reply = await world.ask(SERVICE.replace("myfed", "other"))
        return reply is not None and bool(addresses_of(reply))

    await until(reloaded)
    world.config.write_text(good)
    os.kill(world.server_pid, signal.SIGHUP)

    async def back() -> bool:
        reply = await world.ask(SERVICE)
        return reply is not None and bool(addresses_of(reply))

    await until(back)


async def test_an_orderly_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    """SIGTERM ends every child, and the exit code is 0."""
    async with running(tmp_path, members=1) as world:
        supervisor = world.server_pid
        children = [
            *serving(supervisor, "fedns.servers.worker"),
            *serving(supervisor, "fedns.control.daemon"),
        ]
        assert len(children) == 3
        os.kill(supervisor, signal.SIGTERM)
        assert world._server is not None
        assert await asyncio.wait_for(world._server.wait(), 10) == 0
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


async def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """Nobody is left to restart them, and nobody may keep the port."""
    async with running(tmp_path, members=1) as world:
        children = serving(world.server_pid, "fedns.")
        os.kill(world.server_pid, signal.SIGKILL)
        await until(lambda: not [pid for pid in children if _alive(pid)])


async def test_no_workers_means_that_the_control_process_answers(tmp_path: Path) -> None:
    """`workers: 0` serves with the same code in one process fewer."""
    async with running(tmp_path, members=1, workers=0) as world:
        assert not serving(world.server_pid, "fedns.servers.worker")
        reply = await world.ask(SERVICE, source=world.plan[0].source("eu-west-a"))
        assert reply is not None
        assert len(addresses_of(reply)) == 2


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [("dns: {listn: []}\n", 2, "listn"), (None, 2, "fedns.yaml")],
    ids=["unknown key", "no file"],
)
async def test_a_wrong_configuration_ends_with_2(tmp_path: Path, text: str | None, code: int, sentence: str) -> None:
    """Nothing starts; the problem is on standard error."""
    config = tmp_path / "fedns.yaml"
    if text is not None:
        config.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "fedns", "serve", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_every_process_logs_in_the_form_that_is_configured(tmp_path: Path) -> None:
    """With `logging.format: json` each line is an object, the supervisor's and the workers' too."""
    async with World(tmp_path, members=1, workers=1, port=free_port()) as world:
        settings = json.loads(world.config.read_text())
        world.config.write_text(json.dumps(settings | {"logging": {"format": "json"}}))
        await world.serve()
        log = tmp_path / "fedns.log"
        os.kill(serving(world.server_pid, "fedns.control.daemon")[0], signal.SIGKILL)
        os.kill(serving(world.server_pid, "fedns.servers.worker")[0], signal.SIGKILL)
        await until(lambda: log.read_text().count("ended (killed by SIGKILL)") == 2)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["logger"].partition(".")[0] for line in lines} == {"fedns"}


async def test_a_machine_without_room_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No directory for the socket between the processes: exit code 1, and no traceback."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    config = tmp_path / "fedns.yaml"
    config.write_text("apiVersion: fedns.io/v1alpha1\nkind: FednsConfig\nclusters: [{name: eu1, inCluster: true}]\n")
    assert run(config, {}) == 1
    assert "nowhere" in capsys.readouterr().err


async def test_tls_has_sockets_of_its_own(tmp_path: Path) -> None:
    """Workers inherit listening sockets for TLS and the paths of the certificate, and all the same secret."""
    here = (Address("127.0.0.1", 0),)
    tls = Tls(cert_file="/a.crt", key_file="/a.key", listen=here)
    supervisor = Supervisor(tmp_path, {}, Settings(clusters=(), dns=Dns(listen=here, workers=2, tls=tls)), tmp_path)
    one, other = (slot._child for slot in supervisor._answering)
    assert (one.cert_file, one.key_file) == ("/a.crt", "/a.key")
    (descriptor,) = one.tls
    assert descriptor in one.descriptors()
    assert descriptor not in {*one.tcp, *one.udp}
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    assert len(bytes.fromhex(one.master)) == 32
    assert one.master == other.master
    for each in supervisor._sockets:
        each.close()


class Hurried(World):
    """A world whose server gives a child with too much memory a second instead of a minute."""

    async def exec(self, *words: str) -> None:
        """Start it."""
        hurry = "import fedns.rations as r; r.LEAST_LIFE_SECONDS = 1.0; from fedns.cli.main import main; main()"
        with (self.directory / "fedns.log").open("ab") as log:
            self._server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", hurry, "serve", "--config", str(self.config), *words),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )


async def test_who_has_too_much_memory_is_replaced_while_answers_go_on(tmp_path: Path) -> None:
    """Every worker, one at a time: never is one missing when the next one goes, and hardly a query is lost."""
    settings = {"memory": {"worker": "16Mi"}}
    async with Hurried(tmp_path, members=2, workers=2, port=free_port(), freshness="fast", settings=settings) as world:
        await world.deploy()
        await world.serve()
        first = set(serving(world.server_pid, "fedns.servers.worker"))
        seen = set(first)
        async with Asker(world) as asker:

            def replaced() -> bool:
                now = set(serving(world.server_pid, "fedns.servers.worker"))
                seen.update(now)
                return len(now) == 2 and not now & first

            await until(replaced, 30)
            asked = asker.asked
            await until(lambda: asker.asked > asked + 50, 30)
        assert len(seen) >= 4
        log = (tmp_path / "fedns.log").read_text()
        assert "16 are allowed: another one takes its place" in log
        assert not asker.wrong
        assert asker.lost <= 4, f"{asker.lost} of {asker.asked} lost"
