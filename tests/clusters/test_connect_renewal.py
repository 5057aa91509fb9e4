"""When credentials are looked at again: plugins that are asked anew, and looks that meet each other."""

import asyncio
from pathlib import Path

import pytest

from fedns.clusters.connect import RefusedError, connect
from fedns.federation.objects import Cluster
from fedns.lab import kubeconfig
from fedns.settings.schema import Kubeconfig, Member
from tests.clusters.scripted import Scripted, member
from tests.clusters.test_connect_credentials import ask, later


def with_plugin(server: str, tmp_path: Path) -> Member:
    """A member whose token comes from a plugin, which says what stands in a file, but not while `hold` is there."""
    answer = '{"apiVersion": "%s", "kind": "ExecCredential", "status": {"token": "%%s"}}'
    version = "client.authentication.k8s.io/v1"
    (tmp_path / "plugin").write_text(
        f"#!/bin/sh\nwhile [ -e {tmp_path}/hold ]; do sleep 0.05; done\n"
        f"printf '{answer % version}' \"$(cat {tmp_path}/token)\"\n"
    )
    (tmp_path / "plugin").chmod(0o700)
    (tmp_path / "token").write_text("old")
    user = {"exec": {"command": "./plugin", "apiVersion": version, "interactiveMode": "Never"}}
    config = kubeconfig.contents({"eu1": server})
    config["users"][0]["user"] = user
    path = kubeconfig.save(tmp_path / "kubeconfig", config)
    return Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(path), allow_exec=True))


async def test_a_plugin_is_asked_again(script: Scripted, tmp_path: Path) -> None:
    """A token from an exec plugin is fetched anew when the server refuses the old one, while the loop goes on."""
    script.token = "old"
    connection = await connect(with_plugin(script.url, tmp_path))
    assert await ask(connection) == b"ok"
    (tmp_path / "hold").touch()
    (tmp_path / "token").write_text("new")
    script.token = "new"
    later(connection)
    with pytest.raises(RefusedError):
        await ask(connection)
    with pytest.raises(RefusedError):
        await ask(connection)
    assert connection._renewing is not None
    (tmp_path / "hold").unlink()
    await connection.renew()
    assert await ask(connection) == b"ok"
    await connection.close()


async def test_a_refusal_during_a_plain_look_is_not_lost(script: Scripted, tmp_path: Path) -> None:
    """A look at files asks no plugin: a 401 that comes meanwhile has it asked right after."""
    script.token = "old"
    connection = await connect(with_plugin(script.url, tmp_path))
    (tmp_path / "token").write_text("new")
    script.token = "new"
    later(connection)
    connection._start(forced=False)
    connection._start(forced=True)
    await connection.renew()
    assert await ask(connection) == b"ok"
    await connection.close()


async def test_a_renewal_that_has_just_ended_is_not_waited_for(script: Scripted, tmp_path: Path) -> None:
    """Between its end and the moment at which that is noted, whoever wants to wait goes on, and may start another."""
    connection = await connect(member(script.url, tmp_path))
    later(connection)
    connection._start(forced=False)
    task = connection._renewing
    assert task is not None
    while not task.done():
        await asyncio.sleep(0)
    await connection.renew()
    later(connection)
    connection._start(forced=True)
    assert connection._renewing is not None
    await connection.renew()
    await connection.close()
