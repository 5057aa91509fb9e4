"""Probes of a data path over real sockets: what counts as reached, and how many failures lose it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from dnslib import RCODE, DNSRecord

from fedns.clusters.datapath import failure, probe
from fedns.federation.health import PathBad, PathEvidence, PathGood
from fedns.lab.processes import free_port
from fedns.settings.schema import Address, Lookup, PathProbe

PATIENCE: Final = 10.0
HERE: Final = "127.0.0.1"


class Page:
    """A server that says the same to everybody, and never a word where that is empty; with what it was asked."""

    def __init__(self, reply: bytes) -> None:
        self.asked: list[bytes] = []
        self._reply = reply
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> Address:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, HERE, port)
        return Address(*self._server.sockets[0].getsockname())

    async def close(self) -> None:
        """Take none, and end those that there are."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            self.asked.append(await reader.read(4096))
            if not self._reply:
                await reader.read()
            writer.write(self._reply)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
            self._tasks.discard(task)


@asynccontextmanager
async def page(reply: bytes) -> AsyncIterator[tuple[Address, list[bytes]]]:
    """A page that is there for a while: where, and what it was asked."""
    server = Page(reply)
    try:
        yield await server.open(), server.asked
    finally:
        await server.close()


class NameServer(asyncio.DatagramProtocol):
    """Answers every question with one response code, or (-1) not at all."""

    def __init__(self, code: int) -> None:
        self._code = code

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """The socket is open."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question."""
        reply = DNSRecord.parse(data).reply()
        reply.header.rcode = self._code
        if self._code >= 0:
            self._transport.sendto(bytes(reply.pack()), addr)


@asynccontextmanager
async def name_server(code: int) -> AsyncIterator[Lookup]:
    """A question to a server with this response code."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: NameServer(code), local_addr=(HERE, 0))
    try:
        yield Lookup(server=Address(*transport.get_extra_info("sockname")), name="web.shop.svc.cluster.local")
    finally:
        transport.close()


def http(status: str, *more: str) -> bytes:
    """A reply without a body."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", *more, "", ""]).encode()


async def test_a_connection_is_enough() -> None:
    """TCP: who takes the connection is reached; who refuses it is not, and is named."""
    async with page(b"") as (address, _):
        assert await failure(PathProbe(tcp=address)) == ""
    nobody = Address(HERE, free_port())
    assert (await failure(PathProbe(tcp=nobody))).startswith(f"tcp {nobody}: ")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(http("200 OK"), "", id="well"),
        pytest.param(http("401 Unauthorized"), "", id="a password"),
        pytest.param(http("404 Not Found"), "", id="no such page"),
        pytest.param(http("503 Service Unavailable"), "HTTP 503", id="nobody behind it"),
        pytest.param(b"220 mail\r\n\r\n", "400", id="no HTTP"),
    ],
)
async def test_a_page_is_asked(reply: bytes, words: str) -> None:
    """HTTP: any reply below 500 is good."""
    async with page(reply) as (address, asked):
        url = f"http://{address}/healthz"
        reason = await failure(PathProbe(http=url))
        assert (reason == "") == (words == "")
        assert words in reason
        assert not reason or reason.startswith(url)
        assert asked[0].startswith(b"GET /healthz HTTP/1.1\r\n")


async def test_redirects_are_not_followed() -> None:
    """Nobody but the configuration says where fedns connects to."""
    async with (
        page(http("200 OK")) as (elsewhere, others),
        page(http("302 Found", f"Location: http://{elsewhere}/")) as (address, _),
    ):
        assert await failure(PathProbe(http=f"http://{address}/")) == ""
        assert not others


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(RCODE.NOERROR, "", id="answered"),
        pytest.param(RCODE.NXDOMAIN, "response code 3", id="no such name"),
        pytest.param(RCODE.SERVFAIL, "response code 2", id="failed"),
        pytest.param(-1, "no reply", id="silent"),
    ],
)
async def test_a_name_server_is_asked(code: int, words: str) -> None:
    """DNS: only NOERROR is good."""
    async with name_server(code) as question:
        reason = await failure(PathProbe(dns=question, timeout=0.2 if code < 0 else 5.0))
        assert (reason == "") == (words == "")
        assert "timed out" in reason or words in reason


async def test_silence_is_a_failure() -> None:
    """Who takes a connection and says nothing is not reached, after the time-out."""
    async with page(b"") as (address, _):
        assert await failure(PathProbe(http=f"http://{address}/", timeout=0.1)) == f"http://{address}/: timed out"


async def test_a_name_that_is_none() -> None:
    """A target whose name cannot be looked up is a failure with a sentence, not a crash."""
    for path in (PathProbe(tcp=Address("no-such.invalid", 80)), PathProbe(http="http://no-such.invalid/")):
        assert (await failure(path)).startswith(path.target)


@asynccontextmanager
async def heard(path: PathProbe) -> AsyncIterator[list[PathEvidence]]:
    """What probes say while they go on."""
    said: list[PathEvidence] = []
    task = asyncio.create_task(probe(path, said.append))
    try:
        yield said
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, within a bound."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_so_many_failures_in_a_row_lose_it() -> None:
    """Fewer do not; the first success ends the count."""
    port = free_port()
    path = PathProbe(tcp=Address(HERE, port), interval=0.02, timeout=5.0, failures=3)
    async with heard(path) as said:
        await until(lambda: len(said) >= 4)
        bad = [each for each in said if isinstance(each, PathBad)]
        assert [each.lost for each in bad[:4]] == [False, False, True, True]
        server = Page(b"")
        await server.open(port)
        await until(lambda: PathGood() in said)
        await server.close()
        after = said.index(PathGood())
        await until(lambda: any(isinstance(each, PathBad) for each in said[after:]))
        first = next(each for each in said[after:] if isinstance(each, PathBad))
        assert not first.lost
