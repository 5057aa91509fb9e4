"""Packets as an attacker would make them: more than 10,000, the same ones on every run."""

import random
from collections.abc import Iterator
from pathlib import Path
from struct import pack
from typing import Final

import dns.edns
import dns.message
import dns.rdatatype

from tests.answers.replicas import WEB, ZONE

HEADER: Final = pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0)
NAME: Final = b"\3web\4shop\5myfed\3svc\7example\3com\0"
QUESTION: Final = NAME + b"\0\1\0\1"
FOUND: Final = Path(__file__).with_name("found.txt")
"""What fuzzing has found: its bytes in hexadecimal, a packet a line."""
OPT_FIXED: Final = b"\0\0\x29\x04\xd0\0\0\0\0"


def header(*counts: int, flags: int = 0x0100) -> bytes:
    """A header with these section counts."""
    return pack("!HHHHHH", 0x1234, flags, *counts)


def opt(content: bytes, length: int | None = None) -> bytes:
    """An OPT record that may lie about its length."""
    return OPT_FIXED + pack("!H", len(content) if length is None else length) + content


def option(code: int, content: bytes, length: int | None = None) -> bytes:
    """An option that may lie about its length."""
    return pack("!HH", code, len(content) if length is None else length) + content


def valid() -> list[bytes]:
    """What honest clients send: each is cut and damaged below."""
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes(24))
    subnet = dns.edns.ECSOption("10.9.0.0", 24)
    nsid = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
    names = [WEB, f"_http._tcp.{WEB}", f"eu1.{WEB}", ZONE, "_whoami.example.com", f"{'a' * 63}.{'b' * 63}.{WEB}", "."]
    made = [dns.message.make_query(name, qtype, id=1).to_wire() for name in names for qtype in ("A", "SRV", "ANY")]
    made += [
        dns.message.make_query(name, "A", id=1, use_edns=0, payload=size, options=[cookie, subnet, nsid]).to_wire()
        for name in names
        for size in (0, 512, 65_535)
    ]
    return made


def corpus() -> Iterator[bytes]:
    """Every packet."""
    chance = random.Random(8906)
    for packet in valid():
        yield packet
        yield from (packet[:size] for size in range(len(packet)))
        yield from (packet + bytes(size) for size in (1, 2, 11, 500))
        for _ in range(60):
            damaged = bytearray(packet)
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(2, len(damaged))] = chance.randrange(256)
            yield bytes(damaged)
    yield from _headers()
    yield from _names()
    yield from _records(chance)
    yield from (chance.randbytes(chance.randrange(600)) for _ in range(500))
    yield from (bytes.fromhex(line) for line in FOUND.read_text(encoding="ascii").splitlines() if line[0] != "#")


def _headers() -> Iterator[bytes]:
    """Every opcode and flag, and counts that promise what is not there."""
    yield from (header(1, 0, 0, 0, flags=flags << 4) + QUESTION for flags in range(4096))
    for count in (0, 1, 2, 3, 255, 65_535):
        for section in range(4):
            counts = [1, 0, 0, 0]
            counts[section] = count
            yield header(*counts) + QUESTION
            yield header(*counts) + QUESTION * 3 + opt(b"") * 2
    yield header(10_878, 0, 0, 0) + QUESTION + b"\xc0\x0c\0\1\0\1" * 600


def _names() -> Iterator[bytes]:
    """Pointers to everywhere, ladders of them, labels of every length and kind, names that never end."""
    for target in range(512):
        yield HEADER + pack("!H", 0xC000 | target) + b"\0\1\0\1"
        yield HEADER + b"\1a" + pack("!H", 0xC000 | target) + b"\0\1\0\1"
    for steps in (1, 100, 2000):
        yield HEADER + b"".join(pack("!H", 0xC000 | 12 + 2 * step + 2) for step in range(steps)) + b"\0\0\1\0\1"
    for length in range(256):
        yield HEADER + bytes((length,)) + b"a" * length + b"\0\0\1\0\1"
        yield HEADER + bytes((length,)) * 300
        yield HEADER + b"\1a" * length + b"\0\0\1\0\1"
        yield HEADER + b"\5" + bytes((length,)) * 5 + NAME + b"\0\1\0\1"
    yield HEADER + b"\1a" * 2000 + b"\0\0\1\0\1"
    yield HEADER + b"\x3f" + b"a" * 4080


def _records(chance: random.Random) -> Iterator[bytes]:
    """OPT records and options in every wrong number, place, length and shape."""
    start = header(1, 0, 0, 1) + QUESTION
    for count in (0, 1, 2, 31, 32, 33, 100, 900):
        yield start + opt(option(10, bytes(8)) * min(count, 330))
        yield start + opt(option(3, b"") * count)
        yield start + opt(b"\0\x0a\0\0" * count)
        yield header(1, 0, 0, count) + QUESTION + opt(b"") * min(count, 300)
        yield header(1, count, 0, 0) + QUESTION + opt(b"")
    for code in (3, 8, 10, 11, 12, 15, 65_353, 65_535):
        for length in range(64):
            yield start + opt(option(code, chance.randbytes(length)))
            yield start + opt(option(code, bytes(8), length))
    for length in range(256):
        yield start + opt(bytes(8), length)
        yield header(0, 0, 0, 1) + opt(option(10, bytes(8)), length)
        yield start + OPT_FIXED[:5] + bytes((0, length, 0, 0)) + b"\0\0"
    for family in range(4):
        for bits in range(0, 256, 5):
            for held in (0, 1, 4, 16):
                yield start + opt(option(8, pack("!HBB", family, bits, bits & 1) + b"\xff" * held))
