"""UDP door: packets from several sockets are answered, a broken one costs nobody else, and durations are counted."""

import asyncio
import socket

import dns.message

from fedns.answers import counters
from fedns.servers.batch import SIZE
from fedns.servers.udp import BATCHES, UdpDoor
from tests.answers.replicas import WEB, replica


async def test_every_client_gets_an_answer(sockets: dict[int, socket.socket]) -> None:
    """More packets than one wake-up takes are all answered, garbage among them is not."""
    held = replica()
    server = sockets[socket.SOCK_DGRAM]
    loop = asyncio.get_running_loop()
    door = UdpDoor([server], held)
    wanted = SIZE * BATCHES + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(server.getsockname())
        client.send(b"garbage")
        for number in range(wanted):
            query = dns.message.make_query(WEB, "A", id=number)
            client.send(query.to_wire())
        door.start(loop)
        async with asyncio.timeout(5):
            seen = {dns.message.from_wire(await loop.sock_recv(client, 2048)).id for _ in range(wanted)}
        door.stop(loop)
    assert seen == set(range(wanted))
    counts, seconds = counters.durations(held.counts, "udp")
    assert sum(counts) == wanted
    assert seconds > 0
    assert held.counts[counters.DROPS] == 1
