"""UDP door: packets from several sockets are answered, a broken one costs nobody else, and durations are counted."""

import asyncio
import contextlib
import socket
import struct

import dns.message
import pytest

from fedns.answers import counters
from fedns.answers.wire import Nodes
from fedns.federation.locality import Node
from fedns.servers import udp
from fedns.servers.batch import SIZE
from fedns.servers.udp import BATCHES, UdpDoor
from tests.answers.replicas import NOW, WEB, replica
from tests.servers.streams import QUERIES, connect, framed, opened, read


@pytest.mark.parametrize("batches", [True, False], ids=["in batches", "one by one"])
async def test_every_client_gets_an_answer(sockets: dict[int, socket.socket], *, batches: bool) -> None:
    """More packets than one wake-up takes are all answered, garbage among them is not."""
    held = replica()
    server = sockets[socket.SOCK_DGRAM]
    loop = asyncio.get_running_loop()
    door = UdpDoor([server], held, batches=batches)
    wanted = SIZE * BATCHES + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(server.getsockname())
        client.send(b"garbage")
        for number in range(wanted):
            query = dns.message.make_query(WEB, "A", id=number)
            client.send(query.to_wire())
        door.start(loop)
        async with asyncio.timeout(15):
            seen = {dns.message.from_wire(await loop.sock_recv(client, 2048)).id for _ in range(wanted)}
        door.stop(loop)
    assert seen == set(range(wanted))
    counts, seconds = counters.durations(held.counts, "udp")
    assert sum(counts) == wanted
    assert seconds > 0
    assert held.counts[counters.DROPS] == 1


async def test_port_0_is_not_answered(sockets: dict[int, socket.socket]) -> None:
    """A forged source port: nothing can be sent there, and it is counted."""
    server = sockets[socket.SOCK_DGRAM]
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("raw sockets need CAP_NET_RAW")
    query = dns.message.make_query(WEB, "A").to_wire()
    with raw:
        header = struct.pack("!HHHH", 0, server.getsockname()[1], 8 + len(query), 0)
        raw.sendto(header + query, ("127.0.0.1", 0))
    held = replica()
    door = UdpDoor([server], held)
    door.start(asyncio.get_running_loop())
    async with asyncio.timeout(10):
        while not held.counts[counters.DROPS + counters.DROP_REASONS.index("no_port")]:
            await asyncio.sleep(0.01)
    door.stop(asyncio.get_running_loop())
    assert not list(counters.replies(held.counts))


def test_overflows_are_told(sockets: dict[int, socket.socket]) -> None:
    """What the kernel throws away for want of room is known."""
    server = sockets[socket.SOCK_DGRAM]
    door = UdpDoor([server], replica())
    assert door.overflows() == 0
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(50):
            client.sendto(bytes(1000), server.getsockname())
    assert 0 < door.overflows() <= 50


async def test_a_flood_leaves_room_for_others(sockets: dict[int, socket.socket]) -> None:
    """While the UDP socket is never empty, TCP clients are answered and timers run."""
    held = replica()
    server, listener = sockets[socket.SOCK_DGRAM], sockets[socket.SOCK_STREAM]
    door = UdpDoor([server], held)
    loop = asyncio.get_running_loop()
    query = dns.message.make_query(WEB, "A").to_wire()
    flooding = True

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            while flooding:
                with contextlib.suppress(OSError):
                    client.sendto(query, server.getsockname())

    door.start(loop)
    task = asyncio.create_task(asyncio.to_thread(flood))
    async with opened(listener, held=held):
        for number in range(10):
            reader, writer = await connect(listener)
            writer.write(framed(QUERIES[number]))
            assert (await read(reader)).id == number
            writer.close()
            await asyncio.sleep(0.01)
    flooding = False
    await task
    door.stop(loop)


@pytest.mark.parametrize("batches", [True, False], ids=["in batches", "one by one"])
async def test_what_waits_for_too_long_is_thrown_away(
    sockets: dict[int, socket.socket], monkeypatch: pytest.MonkeyPatch, *, batches: bool
) -> None:
    """While more comes than can be answered, nobody is answered late: what waits is thrown away, and counted."""
    monkeypatch.setattr(udp, "SHED_SECONDS", 0.0)
    held = replica()
    server = sockets[socket.SOCK_DGRAM]
    loop = asyncio.get_running_loop()
    door = UdpDoor([server], held, batches=batches)
    sent = SIZE * BATCHES * 3 + 5
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(server.getsockname())
        for number in range(sent):
            client.send(dns.message.make_query(WEB, "A", id=number).to_wire())
        door.start(loop)
        overload = counters.DROPS + counters.DROP_REASONS.index("overload")
        async with asyncio.timeout(15):
            while not held.counts[overload]:
                await asyncio.sleep(0.01)
            client.send(dns.message.make_query(WEB, "A", id=sent).to_wire())
            seen = []
            while sent not in seen:
                seen.append(dns.message.from_wire(await loop.sock_recv(client, 2048)).id)
        door.stop(loop)
    assert seen == [*range(SIZE * BATCHES), sent]
    assert held.counts[overload] == sent - SIZE * BATCHES


async def test_a_burst_that_is_soon_answered_is_answered_whole(sockets: dict[int, socket.socket]) -> None:
    """A queue by itself is no overload: only one that does not end for long is."""
    held = replica()
    server = sockets[socket.SOCK_DGRAM]
    loop = asyncio.get_running_loop()
    door = UdpDoor([server], held)
    door.start(loop)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(server.getsockname())
        for burst in range(5):
            for number in range(SIZE * BATCHES + 1):
                client.send(dns.message.make_query(WEB, "A", id=number).to_wire())
            async with asyncio.timeout(15):
                for _ in range(SIZE * BATCHES + 1):
                    await loop.sock_recv(client, 2048)
            assert held.counts[counters.DROPS + counters.DROP_REASONS.index("overload")] == 0, burst


async def test_clients_whose_nodes_move_are_told_so(sockets: dict[int, socket.socket]) -> None:
    """A client that has asked before is looked up again once its node says another zone."""
    held = replica()
    server, loop = sockets[socket.SOCK_DGRAM], asyncio.get_running_loop()
    door = UdpDoor([server], held)
    door.start(loop)
    query = dns.message.make_query("_whoami.example.com", "TXT").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(server.getsockname())
        for zone in ("eu-b", "eu-c"):
            held.apply(Nodes((Node("n1", 1, zone, (bytes((127, 0, 0, 0, 24)),)),)), NOW)
            client.send(query)
            async with asyncio.timeout(10):
                told = dns.message.from_wire(await loop.sock_recv(client, 2048))
            assert f"zone={zone} " in str(told.answer[0])
    door.stop(loop)
