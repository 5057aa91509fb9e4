"""DNS over HTTPS on real connections: other people's clients are answered, and bad ones are bounded."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import dns.message
import pytest
import pytest_asyncio

from fedns.answers import counters
from fedns.servers import peer, web
from fedns.servers.doh import MEDIA_TYPE
from fedns.servers.http1 import Http1
from fedns.servers.http2 import Http2
from fedns.servers.stream import StreamDoor
from fedns.servers.tls import LOOK_SECONDS
from tests.answers.replicas import WEB, addresses
from tests.servers import browsers
from tests.servers.browsers import PATH, Session
from tests.servers.remains import nothing_left_of
from tests.servers.streams import QUERIES, connect, ended
from tests.settings.certificates import write_pair

QUERY = QUERIES[0]
TEXT = urlsafe_b64encode(QUERY).decode().rstrip("=")


@pytest.fixture
def listener(sockets: dict[int, socket.socket]) -> socket.socket:
    """The listening socket."""
    return sockets[socket.SOCK_STREAM]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    return write_pair(tmp_path, "one")


@pytest_asyncio.fixture
async def door(listener: socket.socket, pair: tuple[Path, Path]) -> AsyncIterator[StreamDoor]:
    """An open door."""
    async with browsers.door(listener, pair) as made:
        yield made


def dropped(door: StreamDoor, reason: str) -> int:
    """How often something was given up for this reason."""
    return counters.drops(door.replica.counts)[reason]


async def test_many_queries_on_one_connection(
    door: StreamDoor, listener: socket.socket, pair: tuple[Path, Path]
) -> None:
    """GET and POST, at once; replies are counted as HTTPS, and tell how long they may be kept."""
    session = await Session.to(listener, pair[0])
    streams = [session.browser.post(each) for each in QUERIES[:40]]
    streams += [session.browser.ask("GET", f"{PATH}?dns={TEXT}") for _ in range(40)]
    for stream in streams:
        answer = await session.answer(stream)
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.headers["cache-control"] == "max-age=5"
        assert len(addresses(dns.message.from_wire(answer.body))) == 3
    assert sum(counters.durations(door.replica.counts, "https")[0]) == 80
    assert {each.transport for each in counters.replies(door.replica.counts)} == {"https"}
    session.writer.close()


@pytest.mark.parametrize(
    ("packet", "status"),
    [(QUERY[:8], 400), (b"", 400), (QUERY[:2] + b"\x80" + QUERY[3:], 400), (bytes(5000), 413)],
    ids=["a stump", "nothing", "a reply", "too long"],
)
async def test_what_is_no_query_is_refused_and_the_connection_goes_on(
    door: StreamDoor, listener: socket.socket, pair: tuple[Path, Path], packet: bytes, status: int
) -> None:
    """Another stream of the same connection is not to blame."""
    session = await Session.to(listener, pair[0])
    stream = session.browser.ask("POST", PATH, packet, MEDIA_TYPE)
    assert (await session.answer(stream)).status == status
    assert door.replica.counts[counters.HTTP_REFUSED + counters.HTTP_STATUSES.index(status)] == 1
    assert (await session.answer(session.browser.post(QUERY))).status == 200
    session.writer.close()


@pytest.mark.parametrize("alpn", [("http/1.1",), ()], ids=["HTTP/1.1", "nothing agreed"])
async def test_the_older_version_is_spoken_too(
    door: StreamDoor, listener: socket.socket, pair: tuple[Path, Path], alpn: tuple[str, ...]
) -> None:
    """Two requests on one connection, one of which is HEAD."""
    reader, writer = await connect(listener, browsers.trusting(pair[0], alpn))
    writer.write(f"HEAD {PATH}?dns={TEXT} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    writer.write(f"GET {PATH}?dns={TEXT} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    async with asyncio.timeout(10):
        assert b" 405 " in await reader.readuntil(b"\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head
        size = int(head.partition(b"content-length: ")[2].split()[0])
        assert len(addresses(dns.message.from_wire(await reader.readexactly(size)))) == 3
    writer.close()
    assert dropped(door, "malformed") == 0


@pytest.mark.usefixtures("door")
async def test_old_tls_is_refused(listener: socket.socket, pair: tuple[Path, Path]) -> None:
    """TLS 1.2 at least."""
    context = browsers.trusting(pair[0])
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await connect(listener, context)


async def test_a_new_certificate_drops_no_connection(
    door: StreamDoor, listener: socket.socket, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """New connections have the new one, and those that are open go on."""
    old = await Session.to(listener, pair[0])
    await old.answer(old.browser.post(QUERY))
    new = write_pair(tmp_path, "two")
    for fresh, place in zip(new, pair, strict=True):
        shutil.copy(fresh, place)
    async with asyncio.timeout(LOOK_SECONDS + 20):
        while True:
            try:
                session = await Session.to(listener, new[0])
                break
            except ssl.SSLError:
                await asyncio.sleep(0.05)
    assert (await session.answer(session.browser.post(QUERY))).status == 200
    assert (await old.answer(old.browser.post(QUERY))).status == 200
    for each in (old, session):
        each.writer.close()
    assert door.connections


async def test_a_flood_of_resets_ends_its_connection_and_no_other(
    door: StreamDoor, listener: socket.socket, pair: tuple[Path, Path]
) -> None:
    """CVE-2023-44487: it is told to calm down, and counted."""
    good, bad = [await Session.to(listener, pair[0]) for _ in range(2)]
    await good.answer(good.browser.post(QUERY))
    for _ in range(500):
        bad.browser.h2.reset_stream(bad.browser.ask("GET", f"{PATH}?dns={TEXT}"))
    bad.writer.write(bad.browser.out())
    assert await ended(bad.reader)
    assert dropped(door, "flood") == 1
    assert (await good.answer(good.browser.post(QUERY))).status == 200
    for each in (good, bad):
        each.writer.close()


async def test_a_request_that_never_ends_has_a_deadline(
    door: StreamDoor, listener: socket.socket, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As has a reply that the client does not let through; who has nothing open may be idle for longer."""
    monkeypatch.setattr(web, "WRITE_STALL_SECONDS", 0.5)
    session = await Session.to(listener, pair[0])
    await session.answer(session.browser.post(QUERY))
    (connection,) = door.connections
    assert connection.deadline - connection.used > peer.WRITE_STALL_SECONDS
    session.browser.ask("POST", PATH, b"x", end=False)
    session.writer.write(session.browser.out())
    assert await ended(session.reader)
    assert dropped(door, "slow_client") == 1
    session.writer.close()


async def test_a_leaving_server_says_goodbye(listener: socket.socket, pair: tuple[Path, Path]) -> None:
    """GOAWAY without an error: the client asks again elsewhere."""
    async with browsers.door(listener, pair):
        session = await Session.to(listener, pair[0])
        await session.answer(session.browser.post(QUERY))
    with pytest.raises(EOFError):
        await session.answer(session.browser.post(QUERY))
    assert session.browser.ended == 0
    session.writer.close()


@pytest.mark.usefixtures("door")
@pytest.mark.parametrize("bad", [False, True], ids=["good", "malformed"])
@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
async def test_a_connection_that_is_gone_leaves_nothing(
    listener: socket.socket, pair: tuple[Path, Path], alpn: str, *, bad: bool
) -> None:
    """Neither of one that ended in order nor of one that was cut, whatever was said on it."""
    sent = f"GET {PATH}?dns={TEXT} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
    if (alpn == "h2") != bad:
        browser = browsers.Browser()
        browser.post(QUERY)
        sent = browser.out()
    async with nothing_left_of(web.Web, Http1, Http2):
        for cut in (False, True):
            reader, writer = await connect(listener, browsers.trusting(pair[0], (alpn,)))
            writer.write(sent)
            assert await asyncio.wait_for(reader.read(10), 20)
            if cut:
                writer.transport.abort()
            else:
                writer.close()


async def _said(*command: str) -> str:
    """What a program says; it must end well."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    assert process.returncode == 0, output
    return output.decode(errors="replace")


@pytest.mark.interop
@pytest.mark.usefixtures("door")
@pytest.mark.skipif(shutil.which("kdig") is None, reason="kdig (knot-dnsutils) is not installed")
@pytest.mark.parametrize("how", ["+https", "+https-get"])
async def test_kdig_is_answered(listener: socket.socket, how: str) -> None:
    """Knot's client, with POST and GET; its padding is answered with padding."""
    host, port = listener.getsockname()
    said = await _said("kdig", f"@{host}", "-p", str(port), "+https", how, "+timeout=20", WEB, "A")
    assert "status: NOERROR" in said
    assert "HTTP/2" in said
    assert "Received 468 B" in said
    assert said.count("10.1.0.") == 3


@pytest.mark.interop
@pytest.mark.usefixtures("door")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("version", "number"), [("--http2", "2"), ("--http1.1", "1.1")])
async def test_curl_is_answered(
    listener: socket.socket, pair: tuple[Path, Path], tmp_path: Path, version: str, number: str
) -> None:
    """Both versions of HTTP, by GET and POST."""
    host, port = listener.getsockname()
    body = tmp_path / "query"
    body.write_bytes(QUERY)
    url = f"https://{host}:{port}{PATH}"
    post = [url, "-H", "content-type: application/dns-message", "--data-binary", f"@{body}"]
    for request in ([f"{url}?dns={TEXT}"], post):
        reply = tmp_path / "reply"
        tell = ["-w", "%{json}", "-o", str(reply)]
        said = json.loads(await _said("curl", "-sS", version, "--cacert", str(pair[0]), *tell, *request))
        assert (said["http_code"], said["http_version"], said["content_type"]) == (200, number, MEDIA_TYPE)
        assert len(addresses(dns.message.from_wire(reply.read_bytes()))) == 3
