"""dnstap at work: collectors of others read it, and no collector holds up an answer."""

import asyncio
import logging
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import dns.message
import pytest
import yaml
from msgspec import structs

from fedns.answers import counters
from fedns.answers import rules as of
from fedns.answers.replica import Replica
from fedns.listening import open_sockets
from fedns.servers import tap as module
from fedns.servers.batch import AVAILABLE
from fedns.servers.dnstap import CONTENT_TYPE, Exchange
from fedns.servers.tap import Tap
from fedns.servers.tls import Certificate
from fedns.servers.udp import UdpDoor
from fedns.settings.schema import Address
from tests.answers.replicas import RULES, WEB, ZONE, replica
from tests.servers import browsers, dialers
from tests.servers.collectors import Collector, decoded
from tests.servers.streams import connect, framed, opened, read
from tests.settings.certificates import write_pair

QUERY = dns.message.make_query(WEB, "A", id=0).to_wire()
NONE = dns.message.make_query(f"none.shop.{ZONE}", "A", id=0).to_wire()
Making = Callable[..., Replica]
EXCHANGE = Exchange(0, (bytes(4), 1), (bytes(4), 53), 1, 2, QUERY, bytes(12))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the collector listens."""
    return tmp_path / "tap"


@pytest.fixture
def tapped(path: Path) -> Iterator[Making]:
    """Makes replicas whose exchanges are to be told, and has an end of it after the test."""
    made: list[Replica] = []

    def make(**how: Any) -> Replica:
        made.append(replica(structs.replace(RULES, dnstap=of.Dnstap(socket=str(path), identity="me", **how))))
        return made[-1]

    yield make
    for each in made:
        each.rules = structs.replace(each.rules, dnstap=None)


def wait(condition: Callable[[], bool]) -> None:
    """Until it holds, within a bound."""
    pause, limit = Event(), monotonic() + 20
    while not condition():
        assert monotonic() < limit
        pause.wait(0.01)


async def until(condition: Callable[[], bool]) -> None:
    """The same, and others go on."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def put(tap: Tap, count: int) -> None:
    """So many exchanges, as a door does it."""
    for _ in range(count):
        if tap.takes(EXCHANGE.reply):
            tap.put(EXCHANGE)


def test_it_is_off_by_default(tapped: Making) -> None:
    """Then nothing is taken, and no thread runs."""
    tap = Tap(replica())
    put(tap, 3)
    assert (tap.on, tap._thread, list(tap._waiting)) == (False, None, [])
    assert Tap(tapped()).on


def test_without_a_collector_no_answer_waits(path: Path, tapped: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no room is counted; what waited comes when there is one, be it ever so late."""
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    held = tapped()
    tap = Tap(held)
    put(tap, 12)
    assert held.counts[counters.TAP_DROPS] == 7
    collector = Collector(path)
    wait(lambda: held.counts[counters.TAP_SENT] == 5)
    wait(lambda: len(collector.frames) == 10)
    collector.close()
    path.unlink()
    again = Collector(path)

    def more() -> bool:
        put(tap, 1)
        return bool(again.frames)

    wait(more)
    again.close()


def test_a_collector_is_told_goodbye_and_trouble_is_told_once(
    path: Path, tapped: Making, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When dnstap is switched off, or sent elsewhere."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    held = tapped()
    tap = Tap(held)
    put(tap, 1)
    told = f"no collector at {path}"
    wait(lambda: told in caplog.text)
    collector = Collector(path)
    wait(lambda: len(collector.frames) == 2)
    held.rules = structs.replace(held.rules, dnstap=None)
    wait(lambda: collector.controls[-1:] == [3])
    collector.close()
    assert caplog.text.count(told) == 1
    assert "is there again" in caplog.text


def test_a_process_that_ends_says_goodbye(path: Path, tapped: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was told arrives before it; without a collector nobody waits for long."""
    monkeypatch.setattr(module, "END_SECONDS", 20)
    held = tapped()
    collector = Collector(path)
    tap = Tap(held)
    put(tap, 100)
    wait(lambda: len(collector.frames) == 200)
    tap.close()
    assert collector.controls[-1] == 3
    collector.close()
    path.unlink()
    monkeypatch.setattr(module, "END_SECONDS", 0.1)
    lonely = Tap(held)
    put(lonely, 1)
    lonely.close()
    lonely.close()


@pytest.fixture(params=[AVAILABLE, False], ids=["batches", "one by one"])
def batches(request: pytest.FixtureRequest) -> bool:
    """How packets are read."""
    return bool(request.param)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
async def test_udp_tells_both_ends(path: Path, tapped: Making, host: str, *, batches: bool) -> None:
    """The client's address and port, and the address that it asked, on one address and on all."""
    try:
        (server,) = open_sockets((Address(host, 0),), (socket.SOCK_DGRAM,))
    except OSError:
        pytest.skip(f"there is no {host} here")
    collector = Collector(path)
    held = tapped()
    door = UdpDoor([server], held, batches=batches)
    loop = asyncio.get_running_loop()
    door.start(loop)
    asked = {"0.0.0.0": "127.0.0.2", "::": "::1"}.get(host, host), server.getsockname()[1]
    with socket.socket(server.family, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(asked)
        client.send(b"\x80" * 20)
        client.send(QUERY)
        async with asyncio.timeout(20):
            reply = await loop.sock_recv(client, 2048)
        mine = client.getsockname()[:2]
    await until(lambda: len(collector.frames) == 2)
    door.stop(loop)
    server.close()
    query, response = (decoded(decoded(each)[14]) for each in collector.frames)  # type: ignore[arg-type]
    for each in (query, response):
        assert (each[4], each[6]) == (ip_address(mine[0]).packed, mine[1])
        assert (each[5], each[7]) == (ip_address(asked[0]).packed, asked[1])
        assert each[3] == 1
    assert (query[10], response[14]) == (QUERY, reply)
    assert (query[8], query[9]) <= (response[12], response[13])
    collector.close()


async def test_only_what_is_wanted(path: Path, tapped: Making, sockets: dict[int, socket.socket]) -> None:
    """Failures, or one in so many, as the query log."""
    collector = Collector(path)
    held = tapped(only="failures")
    listener = sockets[socket.SOCK_STREAM]
    async with opened(listener, held=held):
        reader, writer = await connect(listener)
        writer.write(framed(QUERY, NONE, QUERY))
        for _ in range(3):
            await read(reader)
        await until(lambda: len(collector.frames) == 2)
        writer.close()
    told = decoded(decoded(collector.frames[0])[14])  # type: ignore[arg-type]
    assert (told[3], told[10]) == (2, NONE)
    collector.close()


@pytest.mark.interop
@pytest.mark.skipif(
    not (shutil.which("fstrm_capture") and shutil.which("dnstap-read")),
    reason="fstrm_capture (fstrm-bin) or dnstap-read (bind9) is not installed",
)
async def test_others_read_it(path: Path, tapped: Making, tmp_path: Path, sockets: dict[int, socket.socket]) -> None:
    """Farsight's collector takes it and BIND's reader prints it: over every transport that it knows."""
    file = tmp_path / "tap.file"
    command = ("fstrm_capture", "-t", CONTENT_TYPE.decode(), "-u", str(path), "-w", str(file))
    collector = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
    await until(path.exists)
    pair = write_pair(tmp_path, "one")
    held = tapped()
    stream, datagram = sockets[socket.SOCK_STREAM], sockets[socket.SOCK_DGRAM]
    async with opened(stream, held=held):
        reader, writer = await connect(stream)
        writer.write(framed(QUERY))
        await read(reader)
        writer.close()
    async with opened(stream, Certificate(str(pair[0]), str(pair[1])), held):
        reader, writer = await connect(stream, browsers.trusting(pair[0]))
        writer.write(framed(NONE))
        await read(reader)
        writer.close()
    async with browsers.door(stream, pair, held):
        session = await browsers.Session.to(stream, pair[0])
        await session.answer(session.browser.post(QUERY))
        session.writer.close()
    async with (
        dialers.door(datagram, pair, held),
        dialers.dialled(datagram.getsockname(), pair[0]) as dialer,
    ):
        assert await asyncio.wait_for(dialer.ask(QUERY), 20)
    await until(lambda: held.counts[counters.TAP_SENT] == 4)
    collector.send_signal(signal.SIGINT)
    await asyncio.wait_for(collector.wait(), 20)
    done = subprocess.run(["dnstap-read", "-y", str(file)], capture_output=True, text=True, timeout=30, check=True)
    told = list(yaml.load_all(done.stdout, Loader=yaml.BaseLoader))
    assert len(told) == 8
    for each in told:
        message = each["message"]
        assert (each["type"], each["identity"], each["version"]) == ("MESSAGE", "me", module.VERSION.decode())
        assert message["type"] in {"CLIENT_QUERY", "CLIENT_RESPONSE"}
        assert (message["socket_family"], message["query_address"]) == ("INET", "127.0.0.1")
        assert message["response_address"] == "127.0.0.1"
        assert message["response_port"] in {str(s.getsockname()[1]) for s in (stream, datagram)}
        assert int(message["query_port"]) > 0
        found = message.get("response_message_data") or message["query_message_data"]
        assert found["QUESTION_SECTION"][0].endswith(("IN A",))
        assert ("response_time" in message) == (message["type"] == "CLIENT_RESPONSE")
