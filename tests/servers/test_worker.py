"""Worker: reads its sockets once it is loaded, beats its heart, and leaves when asked."""

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from weakref import ref

import dns.message
import pytest
from msgspec import structs

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.wire import Generation, Members, NewRules, Replace
from fedns.listening import open_sockets
from fedns.servers.worker import FULL_TICKS, YOUNG_TICKS, generation, serve
from fedns.settings.child import Child, map_block
from fedns.settings.schema import Address
from tests.answers.replicas import RULES, WEB, addresses, export, fresh, replica
from tests.servers.streams import QUERIES, connect, framed, read
from tests.settings.certificates import write_pair


@pytest.fixture
def child(sockets: dict[int, socket.socket]) -> Iterator[Child]:
    """A worker's start parameters, with sockets and a counter block of its own."""
    block = os.memfd_create("test")
    os.ftruncate(block, counters.BYTES)
    yield Child(
        config="",
        overrides={},
        slot=0,
        slots=(block,),
        listener=-1,
        path="",
        udp=(os.dup(sockets[socket.SOCK_DGRAM].fileno()),),
        tcp=(os.dup(sockets[socket.SOCK_STREAM].fileno()),),
        lifeline=-1,
        workers=0,
    )
    os.close(block)


async def test_it_answers_over_tls_too(child: Child, tmp_path: Path) -> None:
    """With a certificate there is a door for TLS, on sockets of its own."""
    certificate, key = write_pair(tmp_path, "one")
    (listener,) = open_sockets((Address("127.0.0.1", 0),), (socket.SOCK_STREAM,))
    words = {"tls": (os.dup(listener.fileno()),), "cert_file": str(certificate), "key_file": str(key)}
    held = replica()
    held.counts = child.block(0)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(structs.replace(child, **words), held, stop))
    context = ssl.create_default_context(cafile=str(certificate))
    reader, writer = await connect(listener, context)
    writer.write(framed(QUERIES[3]))
    assert (await read(reader)).id == 3
    writer.close()
    stop.set()
    await asyncio.wait_for(serving, 10)
    listener.close()


async def test_it_answers_only_once_it_is_loaded(child: Child, sockets: dict[int, socket.socket]) -> None:
    """A query that comes too early waits in the kernel and is answered when the catalog is there."""
    loop = asyncio.get_running_loop()
    block = map_block(child.slots[0])
    held = Replica(child.block(0))
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(child, held, stop))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(sockets[socket.SOCK_DGRAM].getsockname())
        client.send(dns.message.make_query(WEB, "A").to_wire())
        async with asyncio.timeout(5):
            while not block[counters.HEARTBEAT]:
                await asyncio.sleep(0.01)
        assert (block[counters.LOADED], block[counters.PID], block[counters.STARTS]) == (0, os.getpid(), 1)
        assert block[counters.TASKS] >= 2
        now = monotonic()
        held.apply(NewRules(RULES), now)
        held.apply(Members((fresh("eu1", now), fresh("us1", now))), now)
        held.apply(Replace("eu1", (export("eu1", [b"\x0a\x01\x00\x01"], "eu-a"),), first=True, last=True), now)
        held.apply(Generation("epoch", 1), now)
        async with asyncio.timeout(5):
            reply = await loop.sock_recv(client, 2048)
    assert addresses(dns.message.from_wire(reply)) == ["10.1.0.1"]
    assert block[counters.LOADED] == 1
    stop.set()
    await asyncio.wait_for(serving, 5)
    assert block[counters.LOADED] == 0


async def test_ticks_are_rounds_of_the_collector(child: Child) -> None:
    """What holds itself is freed though the collector has no rounds of its own."""

    class Ring:
        """An object that holds itself."""

        def __init__(self) -> None:
            self.next = self

    stop = asyncio.Event()
    gc.disable()
    try:
        seen = ref(Ring())
        serving = asyncio.create_task(serve(child, Replica(child.block(0)), stop))
        async with asyncio.timeout(10):
            while seen() is not None:
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
    stop.set()
    await asyncio.wait_for(serving, 10)


def test_every_object_has_its_round() -> None:
    """Most ticks look at what is new, some at all that is young, and few at everything."""
    assert [generation(tick) for tick in (1, YOUNG_TICKS - 1, YOUNG_TICKS, FULL_TICKS, FULL_TICKS + 1)] == [
        0,
        0,
        1,
        2,
        0,
    ]
