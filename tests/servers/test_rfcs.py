"""RFC 8906 section 8 case by case, and what other RFCs want of every transport, over all of them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from ssl import create_default_context
from struct import pack
from typing import Any, Final

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
import pytest_asyncio
from msgspec import structs

from fedns.listening import open_sockets
from fedns.servers.tls import Certificate
from fedns.servers.udp import UdpDoor
from fedns.settings.schema import Address
from tests.answers.replicas import RULES, WEB, ZONE, replica
from tests.servers import browsers
from tests.servers.dialers import dialled
from tests.servers.dialers import door as door_of_quic
from tests.servers.streams import connect, framed, opened
from tests.settings.certificates import write_pair

APEX: Final = "example.com"
Ask = Callable[[bytes], Awaitable[bytes]]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["UDP", "TCP", "TLS", "HTTPS", "QUIC"])
async def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ask]:
    """Sends a packet over a transport and returns the reply, empty when none comes before that to the next packet."""
    pair = write_pair(tmp_path_factory.mktemp("tls"), "one")
    held = replica(structs.replace(RULES, cookie_secrets=(bytes(16),)), pods=100)
    stream, datagram = sorted(open_sockets((Address("127.0.0.1", 0),)), key=lambda each: each.type)
    secure = request.param == "TLS"
    if request.param == "QUIC":
        async with door_of_quic(datagram, pair, held):
            yield partial(_over_quic, datagram, pair[0])
        stream.close()
        datagram.close()
        return
    if request.param == "HTTPS":
        async with browsers.door(stream, pair, held):
            session = await browsers.Session.to(stream, pair[0])
            yield partial(_over_https, session)
            session.writer.close()
        stream.close()
        datagram.close()
        return
    door = UdpDoor([datagram], held)
    loop = asyncio.get_running_loop()
    door.start(loop)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(opened(stream, Certificate(*map(str, pair)) if secure else None, held))
        yield (
            (lambda packet: _over_udp(datagram, packet))
            if request.param == "UDP"
            else (lambda packet: _over_stream(stream, packet, pair[0] if secure else None))
        )
    door.stop(loop)
    stream.close()
    datagram.close()


async def _over_udp(server: socket.socket, packet: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(server.getsockname())
        client.send(packet)
        client.send(dns.message.make_query(APEX, "SOA", id=0xFFFF).to_wire())
        reply = await asyncio.wait_for(loop.sock_recv(client, 4096), 10)
    return b"" if reply[:2] == b"\xff\xff" else reply


async def _over_quic(server: socket.socket, certificate: Path, packet: bytes) -> bytes:
    """With the id that QUIC wants; what is no query ends the connection."""
    async with dialled(server.getsockname(), certificate) as dialer:
        reply = await asyncio.wait_for(dialer.ask(bytes(2) + packet[2:]), 20)
    return packet[:2] + reply[2:] if reply else b""


async def _over_https(session: browsers.Session, packet: bytes) -> bytes:
    answer = await session.answer(session.browser.post(packet))
    return answer.body if answer.status == 200 else b""


async def _over_stream(listener: socket.socket, packet: bytes, certificate: Path | None) -> bytes:
    context = create_default_context(cafile=str(certificate)) if certificate is not None else None
    reader, writer = await connect(listener, context)
    writer.write(framed(packet))
    try:
        async with asyncio.timeout(10):
            return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()


def query(
    name: str = APEX,
    qtype: str = "SOA",
    *,
    edns: int = -1,
    flags: int = 0,
    ednsflags: int = 0,
    options: tuple[tuple[int, bytes], ...] = (),
    payload: int = 1232,
    opcode: int = 0,
) -> bytes:
    """A question by dnspython, whose flags are exactly these."""
    made = dns.message.make_query(name, qtype, id=0x1234)
    if edns >= 0:
        said: list[dns.edns.Option] = [
            dns.edns.GenericOption(dns.edns.OptionType.make(code), content) for code, content in options
        ]
        made.use_edns(edns, ednsflags, payload, options=said)
    wire = bytearray(made.to_wire())
    wire[2:4] = pack("!H", flags | opcode << 11)
    return bytes(wire)


NSID: Final = (3, b"")
UNKNOWN: Final = (100, b"")
SUBNET: Final = (8, pack("!HBB", 1, 24, 0) + ip_address("192.0.2.0").packed[:3])
COOKIE: Final = (10, b"8 bytes!")
EXPIRE: Final = (9, b"")
DO: Final = 0x8000
# Expected: rcode, flags beside QR, sections answered (answer, authority), EDNS (-1: no OPT), options by code.
CASES: Final[dict[str, tuple[bytes, tuple[Any, ...]]]] = {
    "8.1.1 plain": (query(), ("NOERROR", {"AA"}, (1, 0), -1, set())),
    "8.1.2 unknown type": (query(qtype="TYPE1000"), ("NOERROR", {"AA"}, (0, 1), -1, set())),
    "8.1.3.1 CD": (query(flags=0x0010), ("NOERROR", {"AA"}, (1, 0), -1, set())),
    "8.1.3.2 AD": (query(flags=0x0020), ("NOERROR", {"AA"}, (1, 0), -1, set())),
    "8.1.3.3 reserved bit": (query(flags=0x0040), ("NOERROR", {"AA"}, (1, 0), -1, set())),
    "8.1.3.4 RD": (query(flags=0x0100), ("NOERROR", {"AA", "RD"}, (1, 0), -1, set())),
    "8.1.4 unknown opcode": (query(opcode=15), ("NOTIMP", set(), (0, 0), -1, set())),
    "8.1.4 unknown opcode, header only": (query(opcode=15)[:12], ("NOTIMP", set(), (0, 0), -1, set())),
    "8.1.4 unknown opcode with flags": (query(opcode=15, flags=0x05F0), ("NOTIMP", set(), (0, 0), -1, set())),
    "8.2.1 EDNS 0": (query(edns=0), ("NOERROR", {"AA"}, (1, 0), 0, set())),
    "8.2.2 EDNS 1": (query(edns=1), ("BADVERS", set(), (0, 0), 0, set())),
    "8.2.3 unknown option": (query(edns=0, options=(UNKNOWN,)), ("NOERROR", {"AA"}, (1, 0), 0, set())),
    "8.2.4 EDNS 1, unknown option": (query(edns=1, options=(UNKNOWN,)), ("BADVERS", set(), (0, 0), 0, set())),
    "8.2.5 unknown flag": (query(edns=0, ednsflags=0x0040), ("NOERROR", {"AA"}, (1, 0), 0, set())),
    "8.2.6 EDNS 1, unknown flag": (query(edns=1, ednsflags=0x0040), ("BADVERS", set(), (0, 0), 0, set())),
    "8.2.7 truncation": (
        query(f"_http._tcp.{WEB}", "SRV", edns=0, payload=512),
        ("NOERROR", {"AA"}, "truncated or whole", 0, set()),
    ),
    "8.2.8 DO": (query(edns=0, ednsflags=DO), ("NOERROR", {"AA"}, (1, 0), 0, set())),
    "8.2.9 EDNS 1, DO": (query(edns=1, ednsflags=DO), ("BADVERS", set(), (0, 0), 0, set())),
    "8.2.10 many options": (
        query(edns=0, options=(NSID, EXPIRE, COOKIE, SUBNET)),
        ("NOERROR", {"AA"}, (1, 0), 0, {3, 8, 10}),
    ),
    "RFC 2136 UPDATE": (query(opcode=5), ("NOTIMP", set(), (0, 0), -1, set())),
    "RFC 1996 NOTIFY": (query(opcode=4), ("NOTIMP", set(), (0, 0), -1, set())),
    "RFC 5936 AXFR": (query(qtype="AXFR"), ("REFUSED", set(), (0, 0), -1, set())),
    "RFC 1995 IXFR": (query(qtype="IXFR"), ("REFUSED", set(), (0, 0), -1, set())),
    "RFC 8482 ANY": (query(f"shop.{ZONE}", "ANY"), ("NOERROR", {"AA"}, (1, 0), -1, set())),
    "RFC 2308 NXDOMAIN": (query(f"none.shop.{ZONE}", "A"), ("NXDOMAIN", {"AA"}, (0, 1), -1, set())),
    "RFC 8914 with REFUSED": (query("example.org", edns=0), ("REFUSED", set(), (0, 0), 0, {15})),
    "RFC 1035 outside the zones": (query("example.org"), ("REFUSED", set(), (0, 0), -1, set())),
    "RFC 9619 two questions": (
        pack("!HHHHHH", 0x1234, 0, 2, 0, 0, 0) + query()[12:] * 2,
        ("FORMERR", set(), (0, 0), -1, set()),
    ),
    "RFC 9619 no question": (pack("!HHHHHH", 0x1234, 0, 0, 0, 0, 0), ("FORMERR", set(), (0, 0), -1, set())),
    "RFC 7873 a cookie alone": (
        pack("!HHHHHH", 0x1234, 0, 0, 0, 0, 1) + query(edns=0, options=(COOKIE,))[29:],
        ("NOERROR", set(), (0, 0), 0, {10}),
    ),
    "RFC 7873 a cookie of 9 bytes": (query(edns=0, options=((10, bytes(9)),)), ("FORMERR", set(), (0, 0), 0, set())),
    "RFC 7871 a malformed subnet": (query(edns=0, options=((8, b"\0\1\x18\0"),)), ("FORMERR", set(), (0, 0), 0, set())),
    "RFC 6891 two OPT records": (
        pack("!HHHHHH", 0x1234, 0, 1, 0, 0, 2) + query()[12:] + query(edns=0)[-11:] * 2,
        ("FORMERR", set(), (0, 0), 0, set()),
    ),
    "RFC 4343 case": (query("eXaMpLe.CoM"), ("NOERROR", {"AA"}, (1, 0), -1, set())),
    "trailing bytes": (query() + b"\0", ("FORMERR", set(), (0, 0), -1, set())),
}


@pytest.mark.parametrize(("wire", "expected"), CASES.values(), ids=CASES)
async def test_a_case(ask: Ask, wire: bytes, expected: tuple[Any, ...]) -> None:
    """The reply has the id, the opcode and the question, and what the RFC wants; nothing unknown is echoed."""
    raw = await ask(wire)
    reply = dns.message.from_wire(raw)
    rcode, flags, sections, edns, options = expected
    assert reply.id == 0x1234
    assert raw[2] & 0x78 == wire[2] & 0x78
    assert dns.rcode.to_text(reply.rcode()) == rcode
    shown = set(dns.flags.to_text(reply.flags).split())
    assert shown - {"TC"} == {"QR", *flags}
    if sections == "truncated or whole":
        assert ("TC" in shown) == (not reply.answer)
        assert len(raw) <= 512 or not {"TC"} & shown
    else:
        assert (len(reply.answer), len(reply.authority)) == sections
        assert "TC" not in shown
    assert reply.edns == edns
    assert {int(each.otype) for each in reply.options} == options
    if rcode == "NOERROR" and edns == 0:
        assert reply.ednsflags == dns.message.from_wire(wire).ednsflags & DO
    if rcode not in {"FORMERR", "NOTIMP"} and wire[4:6] == b"\0\1":
        assert raw[12 : 12 + 13] == wire[12 : 12 + 13]


@pytest.mark.parametrize(
    "packet",
    [b"", b"x" * 11, pack("!HHHHHH", 1, 0x8000, 1, 0, 0, 0) + query()[12:], pack("!HHHHHH", 1, 0xF800, 0, 0, 0, 0)],
    ids=["nothing", "less than a header", "a response", "a response with an unknown opcode"],
)
async def test_what_is_no_query_gets_no_reply(ask: Ask, packet: bytes) -> None:
    """A reply to a reply could go round for ever."""
    assert await ask(packet) == b""
