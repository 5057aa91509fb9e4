"""Credentials become requests: what is sent, what a bad reply turns into, and how a rotation is noticed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fedns import __version__
from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts, connect
from fedns.federation.objects import Cluster
from fedns.settings.schema import Kubeconfig, Member
from tests.clusters.scripted import Scripted, member, reply, serving, status, stream

Json = dict[str, Any]
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


@pytest.mark.parametrize(
    ("date", "wait", "seconds"),
    [
        pytest.param("Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 01 Jan 2030 00:00:09 GMT", 9.0, id="by the server's clock"),
        pytest.param("Tue, 01 Jan 2030 00:00:00 GMT", "Mon, 31 Dec 2029 23:59:59 GMT", 0.0, id="past"),
        pytest.param("nonsense", "Tue, 01 Jan 2030 00:00:09 GMT", 0.0, id="no date to compare with"),
        pytest.param("Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 99 Jan 2030 00:00:09", 0.0, id="no date"),
        pytest.param("Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 01 Jan 2030 00:00:09 -0000", 0.0, id="no zone"),
    ],
)
async def test_a_wait_until_a_date(script: Scripted, tmp_path: Path, date: str, wait: str, seconds: float) -> None:
    """Retry-After may be a date (RFC 9110), which means the server's own time."""
    script.say("readyz", status(503, Date=date, Retry_After=wait))
    connection = await connect(member(script.url, tmp_path))
    with pytest.raises(RefusedError) as refusal:
        await ask(connection)
    await connection.close()
    assert refusal.value.retry_after == seconds


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


async def test_in_cluster_needs_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a pod `inCluster` is a reason, too."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(LostError, match="credentials: inCluster"):
        await connect(Member(cluster=Cluster(name="eu1"), in_cluster=True))


async def test_a_redirect_gets_nothing(script: Scripted, tmp_path: Path) -> None:
    """Another host that a server names gets no request, hence no token."""
    async with serving() as other:
        away = web.Response(status=302, headers={"Location": f"{other.url}/readyz"})
        script.say("readyz", reply(lambda: away))
        connection = await connect(member(script.url, tmp_path, token="sesame"))
        with pytest.raises(LostError, match=r"redirected \(HTTP 302\)"):
            await ask(connection)
        await connection.close()
        assert other.headers == []
