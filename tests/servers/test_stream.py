"""The door of streams: bounded in number, and good clients are answered whatever others do."""

import asyncio
import resource
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fedns.answers import counters
from fedns.servers import stream as module
from fedns.servers.connection import Connection
from fedns.servers.stream import StreamDoor, most_connections
from fedns.servers.tls import LOOK_SECONDS, Certificate
from tests.answers.replicas import WEB, addresses
from tests.servers.remains import nothing_left_of
from tests.servers.streams import QUERIES, connect, ended, framed, opened, read
from tests.settings.certificates import write_pair


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    return write_pair(tmp_path, "one")


@pytest_asyncio.fixture
async def secure(listener: socket.socket, pair: tuple[Path, Path]) -> AsyncIterator[StreamDoor]:
    """An open door for TLS."""
    async with opened(listener, Certificate(*map(str, pair))) as door:
        yield door


@pytest.fixture
def few_files() -> Iterator[None]:
    """A process that may have 128 open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client's side."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols(["dot"])
    return context


async def asks(listener: socket.socket, context: ssl.SSLContext | None = None) -> bool:
    """Whether a well-behaved client is answered."""
    reader, writer = await connect(listener, context)
    writer.write(framed(QUERIES[7]))
    reply = await read(reader)
    writer.close()
    return reply.id == 7 and len(addresses(reply)) == 3


async def test_slow_connections_are_swept_and_counted(door: StreamDoor, listener: socket.socket) -> None:
    """A client that says nothing, or trickles, is closed when its deadline has passed; a good one stays."""
    silent_reader, silent = await connect(listener)
    reader, good = await connect(listener)
    good.write(framed(QUERIES[0]))
    await read(reader)
    assert await ended(silent_reader)
    good.write(framed(QUERIES[1]))
    assert (await read(reader)).id == 1
    assert door.replica.counts[module._SLOW] == 1
    silent.close()
    good.close()


async def test_the_longest_idle_gives_way_to_a_newcomer(
    monkeypatch: pytest.MonkeyPatch, door: StreamDoor, listener: socket.socket
) -> None:
    """At the bound, whoever has not asked for longest is closed for the next client."""
    monkeypatch.setattr(door, "_most", 2)
    first, first_writer = await connect(listener)
    first_writer.write(framed(QUERIES[0]))
    await read(first)
    second, second_writer = await connect(listener)
    second_writer.write(framed(QUERIES[0]))
    await read(second)
    first_writer.write(framed(QUERIES[1]))
    await read(first)
    assert await asks(listener)
    assert await ended(second)
    first_writer.write(framed(QUERIES[2]))
    assert (await read(first)).id == 2
    assert door.replica.counts[module._TOO_MANY] == 1
    first_writer.close()
    second_writer.close()


async def test_a_client_with_too_many_loses_its_own(
    monkeypatch: pytest.MonkeyPatch, door: StreamDoor, listener: socket.socket
) -> None:
    """The longest idle one of the same address goes, others' stay."""
    monkeypatch.setattr(module, "MAX_PER_CLIENT", 2)
    monkeypatch.setattr(module, "CHURN_SECONDS", 0.0)
    host, port = listener.getsockname()
    other, other_writer = await asyncio.open_connection(host, port, local_addr=("127.0.0.9", 0))
    mine = []
    for _ in range(3):
        mine.append(await connect(listener))
        mine[-1][1].write(framed(QUERIES[0]))
        await read(mine[-1][0])
    assert await ended(mine[0][0])
    other_writer.write(framed(QUERIES[3]))
    assert (await read(other)).id == 3
    assert len(door.connections) == 3
    for _, writer in (*mine, (other, other_writer)):
        writer.close()


async def test_a_client_that_replaces_its_own_too_fast_is_refused(
    monkeypatch: pytest.MonkeyPatch, door: StreamDoor, listener: socket.socket
) -> None:
    """So it cannot keep the door busy for others: what it has stays, and what comes is closed at once."""
    monkeypatch.setattr(module, "MAX_PER_CLIENT", 1)
    monkeypatch.setattr(module, "CHURN_SECONDS", 60.0)
    reader, writer = await connect(listener)
    writer.write(framed(QUERIES[0]))
    await read(reader)
    refused, refused_writer = await connect(listener)
    assert await ended(refused)
    writer.write(framed(QUERIES[1]))
    assert (await read(reader)).id == 1
    assert door.replica.counts[module._TOO_MANY] == 1
    writer.close()
    refused_writer.close()


async def test_a_crowd_of_idle_clients_keeps_nobody_out(
    monkeypatch: pytest.MonkeyPatch, door: StreamDoor, listener: socket.socket
) -> None:
    """Many more idle and trickling connections than there may be: each good client is answered all the same."""
    monkeypatch.setattr(door, "_most", 64)
    crowd = []
    for number in range(300):
        each = socket.socket()
        each.setblocking(False)
        each.connect_ex(listener.getsockname())
        crowd.append(each)
        if number % 30 == 0:
            assert await asks(listener)
    for each in crowd[::7]:
        try:
            each.send(b"\0")
        except OSError:
            continue
    assert all([await asks(listener) for _ in range(10)])
    assert len(door.connections) <= 64 + module.ACCEPTS_AT_ONCE
    for each in crowd:
        each.close()


@pytest.mark.usefixtures("few_files")
async def test_without_file_descriptors_it_pauses(door: StreamDoor, listener: socket.socket) -> None:
    """EMFILE: nothing is accepted for a moment and an idle connection goes; then clients are answered again."""
    reader, writer = await connect(listener)
    writer.write(framed(QUERIES[0]))
    await read(reader)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert most_connections() == 64
    newcomer = socket.socket()
    newcomer.setblocking(False)
    hoard = []
    try:
        while True:
            hoard.append(socket.socket())
    except OSError:
        newcomer.connect_ex(listener.getsockname())
    async with asyncio.timeout(10):
        while not door.replica.counts[counters.ACCEPT_PAUSES]:
            await asyncio.sleep(0.01)
    assert await ended(reader)
    for each in (*hoard, newcomer):
        each.close()
    assert await asks(listener)
    writer.close()


async def test_tls_is_answered_by_the_same_door(
    secure: StreamDoor, listener: socket.socket, pair: tuple[Path, Path]
) -> None:
    """Pipelined queries over TLS, with the protocol name `dot`, counted apart."""
    reader, writer = await connect(listener, trusting(pair[0]))
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "dot"
    writer.write(framed(*QUERIES))
    assert [(await read(reader)).id for _ in QUERIES] == list(range(len(QUERIES)))
    assert sum(counters.durations(secure.replica.counts, "dot")[0]) == len(QUERIES)
    assert {each.transport for each in counters.replies(secure.replica.counts)} == {"dot"}
    writer.close()


async def test_what_is_no_tls_is_counted_and_ended(secure: StreamDoor, listener: socket.socket) -> None:
    """Plain DNS, rubbish, an early end, an old version of TLS: none hurts the next client."""
    reader, writer = await connect(listener)
    writer.write(framed(QUERIES[0]))
    assert await ended(reader)
    writer.close()
    _, early = await connect(listener)
    early.close()
    async with asyncio.timeout(10):
        while secure.replica.counts[counters.HANDSHAKES_FAILED] < 2:
            await asyncio.sleep(0.01)
    assert not secure.connections


async def test_handshakes_end(
    secure: StreamDoor, listener: socket.socket, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handshakes that do not go on give way when there are too many, and end by themselves when time is up."""
    monkeypatch.setattr(module, "HANDSHAKE_SECONDS", 1.0)
    monkeypatch.setattr(secure, "_most", 32)
    crowd = [await connect(listener) for _ in range(100)]
    context = trusting(pair[0])
    assert all([await asks(listener, context) for _ in range(5)])
    assert len(secure._accepting) <= 32
    assert all([await ended(reader) for reader, _ in crowd])
    assert await asks(listener, context)
    for _, writer in crowd:
        writer.close()


async def test_a_new_certificate_counts_for_new_connections(
    secure: StreamDoor, listener: socket.socket, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """What is open goes on; the next client sees the new one."""
    reader, writer = await connect(listener, trusting(pair[0]))
    writer.write(framed(QUERIES[0]))
    await read(reader)
    new = write_pair(tmp_path, "two")
    shutil.copy(new[1], pair[1])
    shutil.copy(new[0], pair[0])
    context = trusting(new[0])

    async def renewed() -> bool:
        try:
            return await asks(listener, context)
        except ssl.SSLError:
            return False

    async with asyncio.timeout(20 * LOOK_SECONDS):
        while not await renewed():
            await asyncio.sleep(0.05)
    writer.write(framed(QUERIES[1]))
    assert (await read(reader)).id == 1
    assert secure.connections
    writer.close()


@pytest.mark.skipif(shutil.which("kdig") is None, reason="kdig is missing: apt-get install knot-dnsutils")
async def test_kdig_is_answered_over_tls(secure: StreamDoor, listener: socket.socket, pair: tuple[Path, Path]) -> None:
    """Another program's client, which verifies the certificate and pads its query."""
    port = str(listener.getsockname()[1])
    words = ("kdig", "@127.0.0.1", "-p", port, "+tls", f"+tls-ca={pair[0]}", "+padding", "+short", WEB, "A")
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert sorted(output.decode().split()) == ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
    assert secure.replica.counts[counters.HANDSHAKES_FAILED] == 0


@pytest.mark.usefixtures("secure")
@pytest.mark.parametrize("sent", [b"GET / HTTP/1.0\r\n\r\n", b"", None], ids=["no TLS", "nothing", "a late reset"])
async def test_bad_handshakes_leave_nothing(
    listener: socket.socket, sent: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of them must not fill the memory until the garbage collector looks."""
    monkeypatch.setattr(module, "HANDSHAKE_SECONDS", 0.2)
    async with nothing_left_of(ssl.SSLObject, Connection):
        for _ in range(5):
            reader, writer = await connect(listener)
            if sent is None:
                writer.transport.abort()
                continue
            writer.write(sent)
            assert await ended(reader)
            writer.close()
