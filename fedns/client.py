"""The DNS client of `fedns query`, the lab and the benchmarks: one question over UDP or TCP, one reply.

A client for tools, not a resolver: it asks the server it is told to ask, from the address it is told to use, and
believes a reply only when id and question match.
"""

import asyncio
import secrets
import socket
import struct
from time import monotonic
from typing import Final, NamedTuple

import asyncio_dgram
from asyncio_dgram.aio import DatagramClient
from dnslib import EDNS0, QTYPE, DNSError, DNSHeader, DNSQuestion, DNSRecord, EDNSOption
from dnslib.label import DNSLabel

DEFAULT_BUFFER: Final = 1232


class ClientError(Exception):
    """No reply could be had; the text is a sentence for people."""


class Ask(NamedTuple):
    """What to ask whom: `buffer` is the EDNS UDP size (0: no EDNS), `options` are EDNS options as (code, bytes)."""

    name: str
    qtype: str = "A"
    server: tuple[str, int] = ("127.0.0.1", 53)
    source: str = ""
    buffer: int = DEFAULT_BUFFER
    stream: bool = False
    timeout: float = 2.0
    tries: int = 2
    options: tuple[tuple[int, bytes], ...] = ()


class Reply(NamedTuple):
    """What came back: the message, its bytes, the seconds it took, and over which transport."""

    message: DNSRecord
    wire: bytes
    seconds: float
    transport: str


async def ask(question: Ask) -> Reply:
    """Ask once; over UDP repeat after a timeout, and go to TCP when the reply is truncated. Raises ClientError."""
    packet = _packet(question)
    started = monotonic()
    if not question.stream:
        wire = await _over_udp(question, packet)
        message = _parse(wire)
        if not message.header.tc:
            return Reply(message, wire, monotonic() - started, "udp")
    wire = await _over_tcp(question, packet)
    return Reply(_parse(wire), wire, monotonic() - started, "tcp")


def _packet(question: Ask) -> bytes:
    number = _type_number(question.qtype)
    try:
        label = DNSLabel(question.name)
        record = DNSRecord(DNSHeader(id=secrets.randbits(16), rd=1), q=DNSQuestion(label, number))
        if question.buffer:
            record.add_ar(EDNS0(udp_len=question.buffer, opts=[EDNSOption(*each) for each in question.options]))
        return bytes(record.pack())
    except (DNSError, UnicodeError) as error:
        raise ClientError(f"{question.name!r} is no domain name: {error}") from error


def _type_number(text: str) -> int:
    if text.upper().startswith("TYPE") and text[4:].isdigit():
        return int(text[4:])
    try:
        return int(getattr(QTYPE, text.upper()))
    except (AttributeError, DNSError) as error:
        raise ClientError(f"{text!r} is no record type that is known here (TYPE123 works for any)") from error


def _parse(wire: bytes) -> DNSRecord:
    try:
        return DNSRecord.parse(wire)
    except Exception as error:
        # dnslib lets several kinds of exception out for malformed messages.
        raise ClientError(f"the reply cannot be read: {error}") from error


async def _over_udp(question: Ask, packet: bytes) -> bytes:
    try:
        stream = await (_bound(question) if question.source else asyncio_dgram.connect(question.server))
    except OSError as error:
        raise ClientError(_sentence(question, error)) from error
    try:
        for _ in range(question.tries):
            try:
                await stream.send(packet)
                # No wait_for: that of Python 3.11 loses a cancellation which comes together with the reply.
                async with asyncio.timeout(question.timeout):
                    return await _matching(stream, packet)
            except TimeoutError:
                continue
            except OSError as error:
                raise ClientError(_sentence(question, error)) from error
    finally:
        stream.close()
    host, port = question.server
    raise ClientError(f"no reply from {host} port {port} within {question.timeout:g} s ({question.tries} tries)")


async def _bound(question: Ask) -> DatagramClient:
    """A socket with an address of its own. asyncio_dgram cannot take one over on uvloop, which tools do not use."""
    sock = socket.socket(socket.AF_INET6 if ":" in question.server[0] else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.bind((question.source, 0))
        sock.connect(question.server)
        stream = await asyncio_dgram.from_socket(sock)
    except OSError:
        sock.close()
        raise
    assert isinstance(stream, DatagramClient)
    return stream


async def _matching(stream: DatagramClient, packet: bytes) -> bytes:
    """The first reply whose id and question are ours; others are somebody's noise."""
    while True:
        wire, _address = await stream.recv()
        wire = bytes(wire)
        end = packet.index(0, 12) + 5
        if wire[:2] == packet[:2] and wire[12:end].lower() in {packet[12:end].lower(), b""}:
            return wire


async def _over_tcp(question: Ask, packet: bytes) -> bytes:
    try:
        async with asyncio.timeout(question.timeout * question.tries):
            return await _exchange(question, packet)
    except TimeoutError as error:
        raise ClientError(f"no reply over TCP within {question.timeout * question.tries:g} s") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise ClientError(_sentence(question, error)) from error


async def _exchange(question: Ask, packet: bytes) -> bytes:
    local = (question.source, 0) if question.source else None
    reader, writer = await asyncio.open_connection(*question.server, local_addr=local)
    try:
        writer.write(struct.pack("!H", len(packet)) + packet)
        size = int.from_bytes(await reader.readexactly(2))
        return await reader.readexactly(size)
    finally:
        writer.close()


def _sentence(question: Ask, error: Exception) -> str:
    host, port = question.server
    origin = f" from {question.source}" if question.source else ""
    return f"{host} port {port} cannot be asked{origin}: {error}"
