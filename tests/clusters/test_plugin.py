"""A plugin's answer becomes credentials, and whatever else it does becomes a sentence."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fedns.clusters.credentials import CredentialsError, Plugin
from fedns.clusters.plugin import ask

V1 = "client.authentication.k8s.io/v1"
Json = dict[str, Any]


def plugin(folder: Path, script: str, cluster: Mapping[str, str] | None = None, **variables: str) -> Plugin:
    """A plugin that is a shell script."""
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    pairs = tuple(variables.items())
    return Plugin(command=(str(path), "one"), version=V1, folder=str(folder), cluster=cluster, variables=pairs)


def says(status: Json | None, version: str = V1, kind: str = "ExecCredential") -> str:
    """A script that answers with this status."""
    return f"cat <<'END'\n{json.dumps({'apiVersion': version, 'kind': kind, 'status': status})}\nEND"


async def test_a_token(tmp_path: Path) -> None:
    """A token has an end, if the plugin says one; its words are kept, too."""
    status = {"token": "sesame\n", "expirationTimestamp": "2026-01-01T00:00:00Z"}
    grant = await ask(plugin(tmp_path, f"echo careful >&2\n{says(status)}"))
    assert grant.authorization == "Bearer sesame"
    assert grant.expires == 1767225600.0
    assert grant.words == "careful\n"
    assert grant.identity == ""


async def test_a_certificate(tmp_path: Path) -> None:
    """A client certificate comes with its key."""
    grant = await ask(plugin(tmp_path, says({"clientCertificateData": "C", "clientKeyData": "K"})))
    assert (grant.authorization, grant.identity, grant.expires) == ("", "C\nK", 0.0)


async def test_what_it_is_told(tmp_path: Path) -> None:
    """It gets its arguments, its variables, and the question, with the cluster if it wants to know; no terminal."""
    script = f'echo "$1 $A $(cat)|$KUBERNETES_EXEC_INFO" > {tmp_path}/told\n{says({"token": "t"})}'
    await ask(plugin(tmp_path, script, {"server": "https://x"}, A="b"))
    words, _, question = (tmp_path / "told").read_text().partition("|")
    assert words == "one b "
    spec = {"interactive": False, "cluster": {"server": "https://x"}}
    assert json.loads(question) == {"apiVersion": V1, "kind": "ExecCredential", "spec": spec}
    await ask(plugin(tmp_path, script))
    assert "cluster" not in (tmp_path / "told").read_text()


BAD = {
    "fails": ("echo no login >&2; exit 3", "ended with 3: no login"),
    "floods its complaint": ("yes | head -c 9000000 >&2; exit 1", "ended with 1"),
    "says nothing": ("", "did not answer with an ExecCredential"),
    "says no JSON": ("echo hello", "did not answer with an ExecCredential"),
    "says a list": ("echo []", "did not answer with an ExecCredential"),
    "says too much": ("yes | head -c 9000000", "more than 1048576 bytes"),
    "another version": (says({"token": "t"}, "client.authentication.k8s.io/v1beta1"), "answered in another version"),
    "another kind": (says({"token": "t"}, kind="Pod"), "answered in another version"),
    "no status": (says(None), "gave neither token nor certificate"),
    "half a certificate": (says({"clientCertificateData": "C"}), "a certificate without a key"),
    "a token of two lines": (says({"token": "a\nb"}), "is no token"),
    "a wrong time": (says({"token": "t", "expirationTimestamp": "soon"}), "did not answer with an ExecCredential"),
}


@pytest.mark.parametrize(("script", "sentence"), BAD.values(), ids=BAD)
async def test_what_is_no_answer(tmp_path: Path, script: str, sentence: str) -> None:
    """A plugin that fails, floods or says something else is a sentence of bounded length."""
    with pytest.raises(CredentialsError, match=sentence) as fault:
        await ask(plugin(tmp_path, script))
    assert str(fault.value).startswith("exec: ")
    assert len(str(fault.value)) < 3000


async def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    """The hint of the kubeconfig says where to get it."""
    missing = Plugin(command=(str(tmp_path / "none"),), version=V1, folder="", hint="install it from there")
    with pytest.raises(CredentialsError, match=r"cannot run .*none: No such file.* install it from there"):
        await ask(missing)


HANGING = {
    "waits": "wait",
    "says things without end": "yes",
    "complains without end": "yes >&2",
    "leaves somebody with its pipes": "setsid sleep 50 &\necho $! > other\nexit 0",
}


@pytest.mark.parametrize("script", HANGING.values(), ids=HANGING)
async def test_a_plugin_that_hangs_is_ended(tmp_path: Path, script: str) -> None:
    """After its time a plugin is ended, with all that it started, and nobody waits for what is left."""
    start = f"cd {tmp_path}\nsleep 50 &\necho $! > child\n"
    with pytest.raises(CredentialsError, match=r"took longer than 0.5 s"):
        await ask(plugin(tmp_path, start + script), limit=0.5)
    await _ended(tmp_path / "child")
    if (tmp_path / "other").exists():  # it has left the session, hence is ours to end
        os.kill(int((tmp_path / "other").read_text()), signal.SIGKILL)


async def test_nobody_wants_to_know_any_more(tmp_path: Path) -> None:
    """A plugin whose member goes away ends with it."""
    asking = asyncio.create_task(ask(plugin(tmp_path, f"sleep 50 &\necho $! > {tmp_path}/child\nwait")))
    async with asyncio.timeout(5):
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await _ended(tmp_path / "child")


@pytest.mark.parametrize("steps", range(1, 8))
async def test_nobody_wants_to_know_from_the_start(tmp_path: Path, steps: int) -> None:
    """One whose member goes away while it starts ends at once as well; nobody waits for it without end."""
    everybody = asyncio.all_tasks()
    asking = asyncio.create_task(ask(plugin(tmp_path, f"sleep 50 &\necho $! > {tmp_path}/child\nwait")))
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - everybody:
        task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await asking


async def _ended(child: Path) -> None:
    """Wait until the process whose id is in that file runs no more."""
    stat = Path(f"/proc/{child.read_text().strip()}/stat")
    async with asyncio.timeout(5):
        while stat.exists() and stat.read_text().split()[2] != "Z":
            await asyncio.sleep(0.01)
