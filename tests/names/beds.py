"""Replicas for the tables of rules, one real worker over UDP and TCP, and replies as lines of text."""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

import dns.message
import dns.rcode
import dns.rdatatype

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.rules import Rules
from fedns.answers.wire import Generation, Members, NewRules, Replace
from fedns.federation.health import Freshness, Status, Timers
from fedns.federation.objects import Export
from fedns.listening import open_sockets
from fedns.servers.worker import serve
from fedns.settings.child import Child
from fedns.settings.schema import Address

TIMERS: Final = Timers(suspect_after=1e5, stale_after=2e5, expire_after=4e5, unsynced_after=1e5)
"""A test of any length changes no state."""
AGES: Final = {Freshness.FRESH: 0.0, Freshness.SUSPECT: 1.5e5, Freshness.STALE: 3e5, Freshness.EXPIRED: 5e5}
QUESTION_SECONDS: Final = 20.0


def replica(rules: Rules, exports: Mapping[str, Iterable[Export]], states: Mapping[str, Freshness]) -> Replica:
    """A loaded replica of one federation; members are fresh unless said otherwise."""
    now = monotonic()
    held = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    held.apply(NewRules(rules), now)
    names = [cluster.name for cluster in rules.clusters]
    held.apply(Members(tuple(_status(name, states.get(name, Freshness.FRESH), now) for name in names)), now)
    for cluster, own in exports.items():
        held.apply(Replace(cluster, tuple(own), first=True, last=True), now)
    held.apply(Generation("epoch", 1, 42), now)
    return held


def _status(name: str, state: Freshness, now: float) -> Status:
    if state not in AGES:
        return Status(cluster=name, joined=now, since=now, state=state)
    heard = now - AGES[state]
    return Status(cluster=name, joined=0.0, state=state, since=now, synced=True, alive=heard, readable=heard)


def answered(held: Replica, query: bytes, source: str, *, stream: bool = False) -> bytes:
    """The reply to a query, in this process."""
    return respond(query, held.view(source, stream=stream), held, monotonic())


def lines(reply: dns.message.Message) -> list[str]:
    """A reply as text: what is unusual of its header, answer, glue (`+`), SOA of a negative answer, extended errors."""
    code = dns.rcode.to_text(reply.rcode())
    shown = [] if code == "NOERROR" else [code]
    asked = reply.question[0]
    for mark, section in (("", reply.answer), ("+ ", reply.additional)):
        records = sorted(
            f"{mark}{'' if each.name == asked.name else f'{each.name} '}{each.ttl} {each.rdtype.name} {rdata}"
            for each in section
            for rdata in each
        )
        shown += records
    shown = [re.sub(r"age=\d+s", "age=*", line) for line in shown] or ["NODATA"]
    shown += [f"SOA {each.name} {each.ttl}" for each in reply.authority if each.rdtype == dns.rdatatype.SOA]
    shown += [f"EDE {option.code.value}" for option in reply.options if isinstance(option, dns.edns.EDEOption)]
    return shown + ["TC"] * bool(reply.flags & dns.flags.TC) + ["no AA"] * (not reply.flags & dns.flags.AA)


@asynccontextmanager
async def worker(held: Replica) -> AsyncIterator[tuple[str, int]]:
    """A worker that answers from a replica on a free port of loopback, over UDP and TCP."""
    opened = {each.type: each for each in open_sockets((Address("127.0.0.1", 0),))}
    block = os.memfd_create("test")
    os.ftruncate(block, counters.BYTES)
    child = Child(
        config="",
        overrides={},
        slot=0,
        slots=(block,),
        listener=-1,
        path="",
        udp=(os.dup(opened[socket.SOCK_DGRAM].fileno()),),
        tcp=(os.dup(opened[socket.SOCK_STREAM].fileno()),),
        lifeline=-1,
        workers=0,
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(child, held, stop))
    try:
        yield opened[socket.SOCK_DGRAM].getsockname()
    finally:
        stop.set()
        await serving
        os.close(block)
        for each in opened.values():
            each.close()


async def over_udp(server: tuple[str, int], query: bytes, source: str) -> bytes:
    """The reply over UDP, asked from an address of loopback."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.bind((source, 0))
        client.connect(server)
        client.send(query)
        async with asyncio.timeout(QUESTION_SECONDS):
            return await loop.sock_recv(client, 65_535)


async def over_tcp(server: tuple[str, int], query: bytes, source: str) -> bytes:
    """The reply over TCP."""
    reader, writer = await asyncio.open_connection(*server, local_addr=(source, 0))
    try:
        writer.write(len(query).to_bytes(2) + query)
        async with asyncio.timeout(QUESTION_SECONDS):
            return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    finally:
        writer.close()
        await writer.wait_closed()
