"""The process for HTTPS: a worker with another door."""

import asyncio
import os
import socket
from pathlib import Path

from fedns.answers import counters
from fedns.listening import open_sockets
from fedns.servers import https
from fedns.servers.doh import MEDIA_TYPE
from fedns.servers.worker import serve
from fedns.settings.child import Child
from fedns.settings.schema import Address
from tests.answers.replicas import replica
from tests.servers.browsers import Session
from tests.servers.streams import QUERIES
from tests.settings.certificates import write_pair


async def test_it_answers_at_its_path(tmp_path: Path) -> None:
    """At the one that is configured, and at no other; it counts in its own block."""
    certificate, key = write_pair(tmp_path, "one")
    (listener,) = open_sockets((Address("127.0.0.1", 0),), (socket.SOCK_STREAM,))
    blocks = [os.memfd_create("test") for _ in range(2)]
    for each in blocks:
        os.ftruncate(each, counters.BYTES)
    child = Child(
        config="",
        overrides={},
        slot=1,
        slots=tuple(blocks),
        listener=-1,
        path="",
        udp=(),
        tcp=(),
        tls=(os.dup(listener.fileno()),),
        cert_file=str(certificate),
        key_file=str(key),
        url_path="/ask",
        lifeline=-1,
        workers=0,
    )
    held = replica()
    held.counts = child.block(1)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(child, held, stop, https.opened))
    session = await Session.to(listener, certificate)
    assert (await session.answer(session.browser.ask("POST", "/ask", QUERIES[0], MEDIA_TYPE))).status == 200
    assert (await session.answer(session.browser.post(QUERIES[0]))).status == 404
    assert sum(each.sent for each in counters.replies(child.block(1))) == 1
    stop.set()
    await asyncio.wait_for(serving, 10)
    session.writer.close()
    listener.close()
    for each in blocks:
        os.close(each)
