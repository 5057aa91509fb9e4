"""What runs short: file descriptors, and room in the send buffer. UDP goes on, and what is lost is counted."""

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator

import dns.message
import pytest

from fedns.answers import counters
from fedns.servers.udp import UdpDoor
from tests.answers.replicas import WEB, replica
from tests.servers.streams import opened

FULL = counters.DROPS + counters.DROP_REASONS.index("send_buffer_full")
CLOGGED = """
import asyncio, socket, subprocess
from fedns.servers.udp import UdpDoor
from tests.answers.replicas import WEB, replica
from tests.servers.test_shortage import FULL, QUERY

def run(*words):
    subprocess.run(words, check=True)

async def main():
    run("ip", "link", "set", "lo", "up")
    held = replica()
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.setblocking(False)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        server.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        for _ in range(100):
            client.send(QUERY)
        run("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "8kbit", "burst", "1600", "limit", "1000000")
        door = UdpDoor([server], held)
        door.start(asyncio.get_running_loop())
        async with asyncio.timeout(20):
            while not held.counts[FULL]:
                await asyncio.sleep(0.01)
        run("tc", "qdisc", "del", "dev", "lo", "root")
        client.setblocking(False)
        async with asyncio.timeout(20):
            client.send(QUERY)
            await asyncio.get_running_loop().sock_recv(client, 2048)
        door.stop(asyncio.get_running_loop())
    print("dropped", held.counts[FULL])

asyncio.run(main())
"""
"""In a network of its own, whose loopback sends a packet a second."""
QUERY = dns.message.make_query(WEB, "A").to_wire()


@pytest.fixture
def few_files() -> Iterator[None]:
    """The limit of open files, as it was."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_files")
async def test_without_file_descriptors_udp_is_unhurt(sockets: dict[int, socket.socket]) -> None:
    """While no connection can be accepted, every packet is answered as ever."""
    held, loop = replica(), asyncio.get_running_loop()
    server, listener = sockets[socket.SOCK_DGRAM], sockets[socket.SOCK_STREAM]
    door = UdpDoor([server], held)
    with socket.socket(type=socket.SOCK_DGRAM) as client, socket.socket() as newcomer, contextlib.ExitStack() as hoard:
        for each in (client, newcomer):
            each.setblocking(False)
        client.connect(server.getsockname())
        async with opened(listener, held=held):
            door.start(loop)
            resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            with contextlib.suppress(OSError):
                while True:
                    hoard.enter_context(socket.socket())
            newcomer.connect_ex(listener.getsockname())
            async with asyncio.timeout(10):
                while not held.counts[counters.ACCEPT_PAUSES]:
                    await asyncio.sleep(0.01)
                for _ in range(100):
                    client.send(QUERY)
                    assert dns.message.from_wire(await loop.sock_recv(client, 2048)).answer
            door.stop(loop)


def test_a_full_send_buffer_drops_and_counts() -> None:
    """Replies that the kernel does not take are lost and counted, nothing waits for them, and the next one is sent."""
    alone = ["unshare", "--net"]
    try:
        able = (
            os.geteuid() == 0 and not subprocess.run([*alone, "tc", "-V"], capture_output=True, check=False).returncode
        )
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("needs root, unshare and tc")
    done = subprocess.run(
        [*alone, sys.executable, "-W", "error", "-c", CLOGGED], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.removeprefix("dropped ")) > 0
