"""Credentials become requests: what is sent, what a bad reply turns into, and how a rotation is noticed."""

import datetime as dt
import ipaddress
import json
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kubernetes.aio.config import incluster_config

from fedns import __version__
from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts, connect
from fedns.lab import kubeconfig
from fedns.settings.schema import Kubeconfig, Member
from tests.clusters.scripted import Scripted, member, reply, serving, status, stream

SOON = Timeouts(total=2.0, connect=1.0)


async def ask(connection: Connection, timeouts: Timeouts = SOON) -> bytes:
    """The body of /readyz."""
    async with connection.get("/readyz", [], timeouts) as answer:
        return await answer.body(1000)


async def test_what_is_sent(script: Scripted, tmp_path: Path) -> None:
    """A request carries the token, our name and version, and asks for no compression."""
    script.token = "sesame"
    connection = await connect(member(script.url, tmp_path, token="sesame"))
    assert await ask(connection) == b"ok"
    await connection.close()
    (sent,) = script.headers
    assert sent["User-Agent"] == f"fedns/{__version__}"
    assert sent["Accept-Encoding"] == "identity"
    assert sent["Accept"] == "application/json"


async def test_a_refusal_has_status_message_and_wait(script: Scripted, tmp_path: Path) -> None:
    """A status that is not 200 is raised with what the server says about it."""
    script.say("readyz", status(429, Retry_After="7"), status(500, Retry_After="soon"))
    connection = await connect(member(script.url, tmp_path))
    with pytest.raises(RefusedError, match="HTTP 429: no") as first:
        await ask(connection)
    with pytest.raises(RefusedError) as second:
        await ask(connection)
    await connection.close()
    assert (first.value.status, first.value.retry_after) == (429, 7.0)
    assert second.value.retry_after == 0.0


async def elsewhere(_: web.Request) -> web.StreamResponse:
    """A redirect to a place that must never see the token."""
    return web.Response(status=302, headers={"Location": "/stolen"})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(elsewhere, "redirected", id="redirect"),
        pytest.param(reply(lambda: web.Response(body=b"x" * 2000)), "longer than 1000", id="too long"),
        pytest.param(stream(b"half", hold=5), "(?i)time", id="silence"),
        pytest.param(stream(b"half", cut=True), ".", id="cut"),
    ],
)
async def test_a_reply_that_breaks_is_lost(
    script: Scripted, tmp_path: Path, answer: Callable[[web.Request], Awaitable[web.StreamResponse]], reason: str
) -> None:
    """Redirects, floods, silence and cuts are one kind of error, with a sentence."""
    script.say("readyz", answer)
    connection = await connect(member(script.url, tmp_path))
    with pytest.raises(LostError, match=reason):
        await ask(connection, Timeouts(total=0.3))
    assert await ask(connection) == b"ok"
    await connection.close()
    assert script.count("stolen") == 0


async def test_nobody_listens(tmp_path: Path) -> None:
    """A refused connection is lost at once."""
    connection = await connect(member("http://127.0.0.1:1", tmp_path))
    with pytest.raises(LostError, match="Cannot connect"):
        await ask(connection)
    await connection.close()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param("", id="empty"),
        pytest.param("{", id="cut"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="nothing in it"),
        pytest.param('{"contexts": [{"name": "x"}], "clusters": [], "users": []}', id="another context"),
    ],
)
async def test_bad_credentials_are_a_reason(tmp_path: Path, text: str | None) -> None:
    """A kubeconfig that is absent or broken is a reason, never another exception."""
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    wanted = member("http://127.0.0.1:1", tmp_path / "good")
    broken = Member(cluster=wanted.cluster, kubeconfig=Kubeconfig(path=str(path), context="eu1"))
    with pytest.raises(LostError, match="credentials"):
        await connect(broken)


async def test_in_cluster_needs_a_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside a pod `inCluster` is a reason, too."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(LostError, match="Service host"):
        await connect(Member(cluster=member("http://x", tmp_path).cluster, in_cluster=True))


async def test_a_new_token_is_noticed(script: Scripted, tmp_path: Path) -> None:
    """After a rotation the new file counts; while it is broken, the last good token does."""
    script.token = "old"
    connection = await connect(member(script.url, tmp_path, token="old"))
    path = tmp_path / "kubeconfig"
    path.write_text("{")
    os.utime(path, (1, 1))
    await connection.renew(0.0)
    assert await ask(connection) == b"ok"
    script.token = "new"
    with pytest.raises(RefusedError, match="who are you"):
        await ask(connection)
    kubeconfig.write(path, {"eu1": script.url}, "new\n")
    await connection.renew(0.0)
    assert await ask(connection) == b"ok"
    await connection.close()


async def test_unchanged_files_keep_the_client(script: Scripted, tmp_path: Path) -> None:
    """Credentials that did not change cost no new client, however often they are doubted."""
    connection = await connect(member(script.url, tmp_path))
    before = connection._client
    await connection.renew(0.0)
    assert connection._client is before
    await connection.close()


def certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of 127.0.0.1 that vouches for itself, and a server's side that has its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, secret = folder / "ca.crt", folder / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pkcs8 = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
    secret.write_bytes(text + path.read_bytes())
    side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    side.load_cert_chain(secret)
    return path, side


async def test_in_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a pod the service account is used over TLS, without the newline of its file, and a rotation is noticed."""
    authority, side = certified(tmp_path)
    token = tmp_path / "token"
    token.write_text("sesame\n")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    async with serving(side) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.url.rsplit(":", 1)[1])
        connection = await connect(Member(cluster=member("http://x", tmp_path).cluster, in_cluster=True))
        assert await ask(connection) == b"ok"
        assert server.headers[0]["Authorization"].lower() == "bearer sesame"
        token.write_text("other sesame\n")
        await connection.renew(0.0)
        assert await ask(connection) == b"ok"
        assert server.headers[1]["Authorization"].lower() == "bearer other sesame"
        await connection.close()


async def test_an_unknown_authority_is_not_believed(tmp_path: Path) -> None:
    """A server whose certificate nobody vouches for is no member."""
    _, side = certified(tmp_path)
    async with serving(side) as server:
        connection = await connect(member(server.url, tmp_path, token="sesame"))
        with pytest.raises(LostError, match=r"(?i)certificate"):
            await ask(connection)
        await connection.close()
        assert server.headers == []


async def test_a_plugin_is_asked_again(script: Scripted, tmp_path: Path) -> None:
    """A token from an exec plugin is fetched anew when the server refuses the old one."""
    token = tmp_path / "token"
    plugin = tmp_path / "plugin"
    answer = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}'
    plugin.write_text(f"#!/bin/sh\nprintf '{answer}' \"$(cat {token})\"\n")
    plugin.chmod(0o700)
    token.write_text("old")
    made = member(script.url, tmp_path)
    path = tmp_path / "kubeconfig"
    content = json.loads(path.read_text())
    words = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    content["users"][0]["user"] = {"exec": words}
    path.write_text(json.dumps(content))
    script.token = "old"
    connection = await connect(made)
    assert await ask(connection) == b"ok"
    token.write_text("new")
    script.token = "new"
    with pytest.raises(RefusedError):
        await ask(connection)
    connection._client.checked -= 3.0
    await connection.renew()
    assert await ask(connection) == b"ok"
    await connection.close()
