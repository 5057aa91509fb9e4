"""Client: asks over UDP and TCP, believes only its own reply, and says in a sentence why there is none."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from fedns.client import Ask, ClientError, ask
from fedns.listening import open_sockets
from fedns.servers.stream import StreamDoor
from fedns.servers.udp import UdpDoor
from fedns.settings.schema import Address
from tests.answers.replicas import WEB, replica


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, int]]:
    """A server of 300 pods in this process."""
    loop = asyncio.get_running_loop()
    opened = {each.type: each for each in open_sockets((Address("127.0.0.1", 0),))}
    held = replica(pods=300)
    doors: list[UdpDoor | StreamDoor] = [
        UdpDoor([opened[socket.SOCK_DGRAM]], held),
        StreamDoor([opened[socket.SOCK_STREAM]], held),
    ]
    for door in doors:
        door.start(loop)
    yield opened[socket.SOCK_STREAM].getsockname()
    for door in doors:
        door.stop(loop)
    for each in opened.values():
        each.close()


@pytest.mark.parametrize(("stream", "transport"), [(False, "udp"), (True, "tcp")])
async def test_it_asks_over_the_transport_it_is_told(server: tuple[str, int], stream: bool, transport: str) -> None:
    """The reply says how it came."""
    reply = await ask(Ask(WEB, server=server, stream=stream))
    assert reply.transport == transport
    assert len(reply.message.rr) == (300 if stream else len(reply.message.rr))


async def test_a_truncated_reply_is_asked_again_over_tcp(server: tuple[str, int]) -> None:
    """TC over UDP leads to the whole answer (RFC 7766)."""
    reply = await ask(Ask(f"_http._tcp.{WEB}", "SRV", server))
    assert reply.transport == "tcp"
    assert len(reply.message.rr) >= 300


async def test_the_source_address_decides_the_answer(server: tuple[str, int]) -> None:
    """It asks from the address that it is given."""
    reply = await ask(Ask("_whoami.example.com", "TXT", server, source="127.3.2.1"))
    assert "127.3.2.1" in str(reply.message)


async def test_options_travel(server: tuple[str, int]) -> None:
    """An EDNS option is sent, and its answer can be read."""
    reply = await ask(Ask(WEB, server=server, options=((3, b""),)))
    assert b"here" in reply.wire


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (Ask("x" * 64), "no domain name"),
        (Ask("a.example", "NONSENSE"), "no record type"),
        (Ask("a.example", source="203.0.113.1"), "cannot be asked"),
        (Ask("a.example", server=("127.0.0.1", 1), timeout=0.2, tries=1), "127.0.0.1 port 1"),
        (Ask("a.example", server=("127.0.0.1", 1), stream=True), "127.0.0.1 port 1"),
    ],
    ids=["name", "type", "source", "nobody there", "nobody there over TCP"],
)
async def test_no_reply_is_a_sentence(question: Ask, sentence: str) -> None:
    """Whatever is in the way, the error names it."""
    with pytest.raises(ClientError, match=sentence):
        await ask(question)


async def test_noise_is_not_believed() -> None:
    """A reply with another id, and then silence: there is no answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as liar:
        liar.bind(("127.0.0.1", 0))
        liar.setblocking(False)
        loop = asyncio.get_running_loop()
        asking = asyncio.create_task(ask(Ask("a.example", server=liar.getsockname(), timeout=0.3, tries=1)))
        packet, client = await loop.sock_recvfrom(liar, 2048)
        await loop.sock_sendto(liar, bytes((packet[0] ^ 1,)) + packet[1:], client)
        await loop.sock_sendto(liar, packet[:2] + b"\x81\x80" + packet[4:13] + b"zz" + packet[15:], client)
        with pytest.raises(ClientError, match="no reply"):
            await asking


async def test_a_reply_that_cannot_be_read_is_an_error() -> None:
    """A server that sends rubbish under our id and question is named."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as broken:
        broken.bind(("127.0.0.1", 0))
        broken.setblocking(False)
        loop = asyncio.get_running_loop()
        asking = asyncio.create_task(ask(Ask("a.example", server=broken.getsockname(), timeout=2, tries=1)))
        packet, client = await loop.sock_recvfrom(broken, 2048)
        question_end = packet.index(0, 12) + 5
        await loop.sock_sendto(broken, packet[:4] + b"\0\1\0\1\0\0\0\0" + packet[12:question_end] + b"\xc0", client)
        with pytest.raises(ClientError, match="cannot be read"):
            await asking
