"""Credentials change while a member is followed; to whom they are shown, over real TLS."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fedns.clusters import credentials
from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts, connect
from fedns.federation.objects import Cluster
from fedns.lab import kubeconfig
from fedns.settings.schema import Kubeconfig, Member
from tests.clusters.certificates import Authority, certify
from tests.clusters.scripted import Scripted, member, serving, stream, until

Json = dict[str, Any]
SOON = Timeouts(total=2.0, connect=1.0)


async def ask(connection: Connection) -> bytes:
    """The body of /readyz."""
    async with connection.get("/readyz", [], SOON) as answer:
        return await answer.body(1000)


def later(connection: Connection) -> None:
    """Let the next look at the credentials be due."""
    connection._looked -= 100.0
    connection._forced -= 100.0


async def renewed(connection: Connection) -> None:
    """Look at the credentials now."""
    later(connection)
    await connection.renew()


async def test_a_new_token_is_noticed(script: Scripted, tmp_path: Path) -> None:
    """After a rotation the new file counts; while it is broken, the last good token does, and it is said why."""
    script.token = "old"
    connection = await connect(member(script.url, tmp_path, token="old"))
    path = tmp_path / "kubeconfig"
    path.write_text("{")
    await renewed(connection)
    assert await ask(connection) == b"ok"
    assert "is not YAML" in connection.fault
    script.token = "new"
    with pytest.raises(RefusedError, match="who are you"):
        await ask(connection)
    kubeconfig.write(path, {"eu1": script.url}, "new\n")
    await renewed(connection)
    assert await ask(connection) == b"ok"
    assert connection.fault == ""
    await connection.close()


async def test_a_refusal_renews_by_itself(script: Scripted, tmp_path: Path) -> None:
    """A 401 has the credentials read again at once, also for those who only ask for life."""
    script.token = "old"
    connection = await connect(member(script.url, tmp_path, token="old"))
    assert await ask(connection) == b"ok"
    kubeconfig.write(tmp_path / "kubeconfig", {"eu1": script.url}, "new")
    script.token = "new"
    later(connection)
    connection._looked += 100.0
    with pytest.raises(RefusedError):
        await ask(connection)
    await connection.renew()
    assert await ask(connection) == b"ok"
    await connection.close()


async def test_refusals_do_not_read_files_all_the_time(script: Scripted, tmp_path: Path) -> None:
    """Between two looks at refused credentials there is a pause."""
    script.token = "new"
    connection = await connect(member(script.url, tmp_path, token="old"))
    kubeconfig.write(tmp_path / "kubeconfig", {"eu1": script.url}, "new")
    with pytest.raises(RefusedError):
        await ask(connection)
    await connection.renew()
    assert connection._client.credentials.authorization == "Bearer old"
    await connection.close()


async def test_a_server_that_is_lost_may_have_moved(script: Scripted, tmp_path: Path) -> None:
    """After a failure the files are looked at soon; a stream of the replaced client goes on."""
    old = stream(b"before", hold=1.0)
    script.say("readyz", old)
    connection = await connect(member(script.url, tmp_path))
    before = connection._client
    async with connection.get("/readyz", [], SOON) as reply_of_old, serving() as moved:
        assert await reply_of_old.chunk() == b"before"
        kubeconfig.write(tmp_path / "kubeconfig", {"eu1": "http://127.0.0.1:1"})
        await renewed(connection)
        with pytest.raises(LostError):
            await ask(connection)
        kubeconfig.write(tmp_path / "kubeconfig", {"eu1": moved.url})
        connection._looked -= 3.0
        with pytest.raises(LostError):
            await ask(connection)
        await until(lambda: connection._renewing is None)
        assert await ask(connection) == b"ok"
        assert moved.count("readyz") == 1
        assert connection._client is not before
        assert await reply_of_old.chunk() == b""
    await connection.close()


async def test_unchanged_files_keep_the_client(script: Scripted, tmp_path: Path) -> None:
    """Credentials that did not change cost no new client, however often they are doubted, or written anew."""
    connection = await connect(member(script.url, tmp_path))
    before = connection._client
    await renewed(connection)
    member(script.url, tmp_path)
    await renewed(connection)
    assert connection._client is before
    await connection.close()


@pytest.fixture
def authority() -> Authority:
    """Who signs the server's certificate."""
    return Authority()


def trusting(
    server: str, authority: Authority, folder: Path, user: Json | None = None, cluster: Json | None = None
) -> Member:
    """A member over TLS, whose kubeconfig names an authority's file."""
    (folder / "ca.crt").write_text(authority.pem)
    config = kubeconfig.contents({"eu1": server})
    config["clusters"][0]["cluster"] |= {"certificate-authority": "ca.crt"} | (cluster or {})
    config["users"][0]["user"] = user or {"token": "sesame"}
    path = kubeconfig.save(folder / "kubeconfig", config)
    return Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(path), allow_exec=True))


async def test_in_cluster(monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path) -> None:
    """In a pod the service account is used over TLS, and a rotation is noticed."""
    (tmp_path / "token").write_text("sesame\n")
    (tmp_path / "ca.crt").write_text(authority.pem)
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", tmp_path)
    async with serving(authority.server(tmp_path)) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.url.rsplit(":", 1)[1])
        connection = await connect(Member(cluster=Cluster(name="eu1"), in_cluster=True))
        assert await ask(connection) == b"ok"
        assert server.headers[0]["Authorization"] == "Bearer sesame"
        (tmp_path / "token").write_text("other\n")
        await renewed(connection)
        assert await ask(connection) == b"ok"
        assert server.headers[1]["Authorization"] == "Bearer other"
        await connection.close()


@pytest.mark.parametrize("known", [True, False], ids=["another authority", "the system's authorities"])
async def test_an_unknown_authority_is_not_believed(authority: Authority, tmp_path: Path, *, known: bool) -> None:
    """A server whose certificate nobody vouches for gets no request, hence no token."""
    async with serving(authority.server(tmp_path)) as server:
        made = (
            trusting(server.url, Authority("lab"), tmp_path) if known else member(server.url, tmp_path, token="sesame")
        )
        connection = await connect(made)
        with pytest.raises(LostError, match=r"(?i)certificate"):
            await ask(connection)
        await connection.close()
        assert server.headers == []


async def test_a_certificate_with_another_name(authority: Authority, tmp_path: Path) -> None:
    """The certificate must have the server's name, or that of `tls-server-name`."""
    async with serving(authority.server(tmp_path, "api.example.com")) as server:
        connection = await connect(trusting(server.url, authority, tmp_path))
        with pytest.raises(LostError, match=r"(?i)certificate"):
            await ask(connection)
        trusting(server.url, authority, tmp_path, cluster={"tls-server-name": "api.example.com"})
        await renewed(connection)
        assert await ask(connection) == b"ok"
        await connection.close()
        assert len(server.headers) == 1


async def test_authority_and_certificate_are_exchanged(authority: Authority, tmp_path: Path) -> None:
    """When the server shows a certificate of a new authority, the new file is believed, without a new connection."""
    (tmp_path / "side").mkdir()
    side = authority.server(tmp_path / "side")
    async with serving(side) as server:
        connection = await connect(trusting(server.url, authority, tmp_path))
        assert await ask(connection) == b"ok"
        fresh = Authority()
        certify(side, tmp_path / "side", *fresh.issue("127.0.0.1"))
        (tmp_path / "ca.crt").write_text(fresh.pem[:100])
        await renewed(connection)
        assert await ask(connection) == b"ok"
        assert "no certificates in PEM" in connection.fault
        (tmp_path / "ca.crt").write_text(fresh.pem)
        await renewed(connection)
        assert await ask(connection) == b"ok"
        await connection.close()


async def test_a_client_certificate_is_exchanged(authority: Authority, tmp_path: Path) -> None:
    """A client certificate is shown to the server; a new pair of files counts, half of it does not."""
    names = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    shown: list[str] = []

    async def who(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        subject = dict(each[0] for each in request.transport.get_extra_info("peercert")["subject"])
        shown.append(subject["commonName"])
        return web.Response(text="ok")

    def put(common: str, *files: str) -> None:
        made = dict(zip(names.values(), authority.issue("reader", common=common), strict=True))
        for name in files or names.values():
            (tmp_path / name).write_text(made[name])

    put("first")
    async with serving(authority.server(tmp_path)) as server:
        server.say("readyz", who, who, who)
        connection = await connect(trusting(server.url, authority, tmp_path, names))
        await ask(connection)
        put("half", "tls.crt")
        await renewed(connection)
        await ask(connection)
        assert "no pair" in connection.fault
        put("second")
        await renewed(connection)
        await ask(connection)
        await connection.close()
    assert shown == ["first", "first", "second"]


async def test_content_without_a_file(authority: Authority, tmp_path: Path) -> None:
    """A kubeconfig may be text that stands in no file."""
    async with serving(authority.server(tmp_path)) as server:
        config = kubeconfig.contents({"eu1": server.url}, "sesame")
        ca = base64.b64encode(authority.pem.encode()).decode()
        config["clusters"][0]["cluster"]["certificate-authority-data"] = ca
        content = Kubeconfig(path="secret fedns/eu1", content=json.dumps(config))
        connection = await connect(Member(cluster=Cluster(name="eu1"), kubeconfig=content))
        assert await ask(connection) == b"ok"
        await connection.close()
        assert server.headers[0]["Authorization"] == "Bearer sesame"


async def test_the_environment_is_not_asked(script: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor passwords of the environment are used: a token goes where the kubeconfig says."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with serving() as other:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, other.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        connection = await connect(member(script.url, tmp_path))
        assert await ask(connection) == b"ok"
        await connection.close()
        assert other.headers == []
        assert "Authorization" not in script.headers[0]


async def test_the_proxy_of_the_kubeconfig(authority: Authority, tmp_path: Path) -> None:
    """A proxy that the kubeconfig names is asked for a tunnel, and sees no token."""
    heard = bytearray()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        made = trusting(
            "https://api.example.com:6443", authority, tmp_path, cluster={"proxy-url": f"http://127.0.0.1:{port}"}
        )
        connection = await connect(made)
        with pytest.raises(LostError):
            await ask(connection)
        await connection.close()
    assert heard.startswith(b"CONNECT api.example.com:6443 ")
    assert b"sesame" not in heard
