"""The door of QUIC on real sockets: other people's clients are answered, and what is kept for strangers is bounded."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import dns.message
import pytest
import pytest_asyncio
from aioquic.quic.connection import QuicConnection

from fedns.answers import counters
from fedns.listening import open_sockets
from fedns.servers import quic as module
from fedns.servers.doq import Doq
from fedns.servers.quic import QuicDoor, Way, configuration, opened
from fedns.servers.worker import serve
from fedns.settings.child import Child
from fedns.settings.schema import Address
from tests.answers.replicas import WEB, addresses, replica
from tests.servers.dialers import calling, dialled, door
from tests.servers.remains import nothing_left_of
from tests.settings.certificates import write_pair

QUERY = dns.message.make_query(WEB, "A", id=0).to_wire()


@pytest.fixture(params=["127.0.0.1", "0.0.0.0", "::1", "::"])
def anywhere(request: pytest.FixtureRequest) -> Address:
    """Where to listen: one address or all, of both families."""
    return Address(request.param, 0)


@pytest.fixture
def server(sockets: dict[int, socket.socket]) -> socket.socket:
    """The socket."""
    return sockets[socket.SOCK_DGRAM]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    return write_pair(tmp_path, "one")


@pytest_asyncio.fixture
async def opened_door(server: socket.socket, pair: tuple[Path, Path]) -> AsyncIterator[QuicDoor]:
    """An open door."""
    async with door(server, pair) as made:
        yield made


def dropped(made: QuicDoor, reason: str) -> int:
    """How often something was given up for this reason."""
    return counters.drops(made._replica.counts)[reason]


async def test_many_queries_on_one_connection(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path]
) -> None:
    """At once; replies are counted as QUIC, and a goodbye leaves nothing."""
    async with dialled(server.getsockname(), pair[0]) as dialer:
        replies = await asyncio.wait_for(asyncio.gather(*(dialer.ask(QUERY) for _ in range(200))), 20)
        assert {len(addresses(dns.message.from_wire(each))) for each in replies} == {3}
    assert {each.transport for each in counters.replies(opened_door._replica.counts)} == {"quic"}
    assert sum(counters.durations(opened_door._replica.counts, "quic")[0]) == 200
    async with asyncio.timeout(20):
        while opened_door.connections:
            await asyncio.sleep(0.01)
    assert not opened_door._routes
    assert not opened_door._by_client


async def test_every_kind_of_address(anywhere: Address, pair: tuple[Path, Path]) -> None:
    """Replies leave from the address that was asked, of either family."""
    try:
        (server,) = open_sockets((anywhere,), (socket.SOCK_DGRAM,))
    except OSError:
        pytest.skip(f"there is no {anywhere.host} here")
    asked = {"0.0.0.0": "127.0.0.2", "::": "::1"}.get(anywhere.host, anywhere.host)
    async with door(server, pair):
        client = QuicConnection(configuration=calling(pair[0]))
        where = (asked, server.getsockname()[1])
        client.connect(where, monotonic())
        loop = asyncio.get_running_loop()
        with socket.socket(server.family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            for datagram, _ in client.datagrams_to_send(monotonic()):
                await loop.sock_sendto(sock, datagram, where)
            async with asyncio.timeout(20):
                _, sender = await loop.sock_recvfrom(sock, 2048)
    assert sender[:2] == where
    server.close()


async def test_others_protocols_are_refused(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path]
) -> None:
    """ALPN is `doq` or nothing (RFC 9250 section 4.1.1)."""
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(20), dialled(server.getsockname(), pair[0], alpn=("h3",)):
            pass
    async with asyncio.timeout(20):
        while not opened_door._replica.counts[counters.HANDSHAKES_FAILED]:
            await asyncio.sleep(0.01)


async def test_under_load_clients_show_where_they_are(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many open handshakes nothing is kept for a client before its Retry, and it is answered all the same."""
    monkeypatch.setattr(module, "RETRY_ABOVE", 0)
    async with dialled(server.getsockname(), pair[0]) as dialer:
        reply = await asyncio.wait_for(dialer.ask(QUERY), 20)
        assert len(addresses(dns.message.from_wire(reply))) == 3
    assert opened_door._replica.counts[counters.QUIC_RETRIES] == 1


async def test_forged_beginnings_are_bounded(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Initials that nobody follows up: a few handshakes are kept, for a while, and others are answered meanwhile."""
    monkeypatch.setattr(module, "RETRY_ABOVE", 10)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
        for _ in range(100):
            client = QuicConnection(configuration=calling(pair[0]))
            client.connect(server.getsockname(), monotonic())
            for datagram, _ in client.datagrams_to_send(monotonic()):
                forger.sendto(datagram, server.getsockname())
        async with asyncio.timeout(20):
            while opened_door._replica.counts[counters.QUIC_RETRIES] < 90:
                await asyncio.sleep(0.01)
        assert len(opened_door.connections) == 10
        async with dialled(server.getsockname(), pair[0]) as dialer:
            assert await asyncio.wait_for(dialer.ask(QUERY), 20)
    opened_door.sweep(monotonic() + 60)
    assert not opened_door.connections
    assert opened_door._replica.counts[counters.HANDSHAKES_FAILED] == 10


async def test_the_longest_idle_one_gives_way(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the client that has too many, or of all; it is told why."""
    monkeypatch.setattr(module, "MAX_PER_CLIENT", 2)
    async with (
        dialled(server.getsockname(), pair[0]) as first,
        dialled(server.getsockname(), pair[0]) as second,
    ):
        for each in (first, second):
            assert await asyncio.wait_for(each.ask(QUERY), 20)
        async with dialled(server.getsockname(), pair[0]) as third:
            assert await asyncio.wait_for(third.ask(QUERY), 20)
            async with asyncio.timeout(20):
                while first.ended is None:
                    await asyncio.sleep(0.01)
            assert (first.ended, second.ended) == (4, None)
    assert dropped(opened_door, "too_many_connections") == 1


async def test_a_new_certificate_drops_no_connection(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """New connections have the new one; one that is of no use is not taken."""
    async with dialled(server.getsockname(), pair[0]) as old:
        assert await asyncio.wait_for(old.ask(QUERY), 20)
        new = write_pair(tmp_path, "two")
        before = opened_door._configuration
        for fresh, place in zip(new, pair, strict=True):
            shutil.copy(fresh, place)
        async with asyncio.timeout(20):
            while opened_door._configuration is before:
                await asyncio.sleep(0.01)
        async with dialled(server.getsockname(), new[0]) as dialer:
            assert await asyncio.wait_for(dialer.ask(QUERY), 20)
        assert await asyncio.wait_for(old.ask(QUERY), 20)


def test_a_pair_that_quic_cannot_use_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the names of the files."""
    (tmp_path / "text").write_text("text")
    assert configuration(str(tmp_path / "text"), str(tmp_path / "text")) is None
    assert "cannot be used" in caplog.text


async def test_bytes_of_strangers_harm_nobody(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path]
) -> None:
    """What is no QUIC, of another version, or cut short is dropped or told the versions; nobody else notices."""
    async with dialled(server.getsockname(), pair[0]) as dialer:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(server.getsockname())
            stranger.setblocking(False)
            for size in (0, 1, 5, 30, 1200, 2048):
                for first in (b"\0", b"\x40", b"\xc0", b"\xff"):
                    stranger.send((first + os.urandom(size))[:size])
            stranger.send(b"\xc0\x1a\x2a\x3a\x4a\x08" + bytes(8) + b"\x08" + bytes(1300))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(20):
                while (told := await loop.sock_recv(stranger, 2048))[1:5] != bytes(4):
                    pass
            assert b"\0\0\0\1" in told, "the versions that there are"
        assert await asyncio.wait_for(dialer.ask(QUERY), 20)
    assert dropped(opened_door, "fault") == 0


async def test_a_leaving_server_says_goodbye(server: socket.socket, pair: tuple[Path, Path]) -> None:
    """Without an error: the client asks again elsewhere."""
    async with door(server, pair) as made, dialled(server.getsockname(), pair[0]) as dialer:
        assert await asyncio.wait_for(dialer.ask(QUERY), 20)
        made.stop(asyncio.get_running_loop())
        async with asyncio.timeout(20):
            while dialer.ended is None:
                await asyncio.sleep(0.01)
        made.start(asyncio.get_running_loop())
    assert dialer.ended == 0


async def test_a_connection_that_is_gone_leaves_nothing(
    opened_door: QuicDoor, server: socket.socket, pair: tuple[Path, Path]
) -> None:
    """It has ended in order; the library's part is emptied, as it is a ring."""
    async with nothing_left_of(Doq, Way):
        async with dialled(server.getsockname(), pair[0]) as dialer:
            assert await asyncio.wait_for(dialer.ask(QUERY), 20)
            (connection,) = (each.connection for each in opened_door.connections)
        async with asyncio.timeout(20):
            while opened_door.connections:
                await asyncio.sleep(0.01)
    assert not vars(connection)


async def test_the_process_answers(server: socket.socket, pair: tuple[Path, Path]) -> None:
    """A worker with another door, which counts in its own block."""
    block = os.memfd_create("test")
    os.ftruncate(block, counters.BYTES)
    child = Child(
        config="",
        overrides={},
        slot=0,
        slots=(block,),
        listener=-1,
        path="",
        udp=(os.dup(server.fileno()),),
        tcp=(),
        cert_file=str(pair[0]),
        key_file=str(pair[1]),
        lifeline=-1,
        workers=0,
    )
    held = replica()
    held.counts = child.block(0)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(child, held, stop, opened))
    async with dialled(server.getsockname(), pair[0]) as dialer:
        assert await asyncio.wait_for(dialer.ask(QUERY), 20)
        stop.set()
        await asyncio.wait_for(serving, 20)
    assert sum(each.sent for each in counters.replies(child.block(0))) == 1
    os.close(block)


@pytest.mark.interop
@pytest.mark.usefixtures("opened_door")
@pytest.mark.skipif(shutil.which("kdig") is None, reason="kdig (knot-dnsutils) is not installed")
async def test_kdig_is_answered(server: socket.socket) -> None:
    """Knot's client, where it was built with QUIC; its padding is answered with padding."""
    host, port = server.getsockname()
    command = ("kdig", f"@{host}", "-p", str(port), "+quic", "+timeout=20", WEB, "A")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    async with asyncio.timeout(40):
        output, _ = await process.communicate()
    said = output.decode()
    if "option" in said and "not supported" in said:
        pytest.skip("this kdig was built without QUIC")
    assert "status: NOERROR" in said
    assert "QUIC session" in said
    assert "Received 468 B" in said
    assert said.count("10.1.0.") == 3
