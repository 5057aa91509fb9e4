"""Questions about a zone, as its text has it: names that are there, that are above others, and that are not.

They are drawn by chance from a seed: every type, class, flag, case and EDNS in all mixtures, each name at least once.
"""

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DS, HTTPS, ANY = 1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 65, 255
COMMON: Final = (A, A, A, AAAA, AAAA, SRV, SRV)
TYPES: Final = (*COMMON, TXT, MX, NS, SOA, PTR, CNAME, NAPTR, DS, HTTPS, ANY, 99, 65_280)
IN, HS, NONE, ANY_CLASS = 1, 4, 254, 255
LABELS: Final = (b"no", b"svc", b"_tcp", b"_udp", b"_http", b"eu1", b"pet-0", b"fleet", b"0", b"xn--a", b"a b", b"\xff")
"""What is put in front of names, in place of their labels, or between them."""


class Zone(NamedTuple):
    """A zone as the questions need it: its labels, and those of every name with records."""

    origin: tuple[bytes, ...]
    names: tuple[tuple[bytes, ...], ...]


def read(text: str) -> Zone:
    """The names of a zone's text as `fedns zone print` writes it: no label here has anything to escape."""
    lines = (line for line in text.splitlines() if line[0] not in ";$")
    origin = next(line.split()[1] for line in text.splitlines() if line.startswith("$ORIGIN"))
    top = tuple(origin.encode().rstrip(b".").split(b"."))
    owners = dict.fromkeys(line.partition("\t")[0] for line in lines)
    return Zone(top, tuple(top if each == "@" else (*each.encode().split(b"."), *top) for each in owners))


def questions(zone: Zone, number: int, seed: int, *, without: Iterable[bytes] = ()) -> Iterator[bytes]:
    """So many queries about a zone; names with one of the labels `without` are never asked."""
    chance, excluded = Random(seed), frozenset(without)
    names = [name for name in zone.names if not excluded.intersection(name)]
    above = sorted({name[at:] for name in names for at in range(1, len(name) - len(zone.origin) + 1)})
    for at in range(number):
        if at < len(names):
            name, kind = names[at], COMMON[at % len(COMMON)]
        else:
            draw = chance.random()
            name, kind = chance.choice(above if draw < 0.2 else names), chance.choice(TYPES)
            if draw > 0.7:
                name = _spoilt(chance, name, len(zone.origin))
        yield query(chance, name, kind)


def _spoilt(chance: Random, name: tuple[bytes, ...], kept: int) -> tuple[bytes, ...]:
    """Another name below the zone, most likely one that is not there."""
    label, at = chance.choice(LABELS), chance.randrange(len(name) - kept + 1)
    changed = (*name[:at], label, *name[at + (chance.random() < 0.5 and at < len(name) - kept) :])
    return changed if sum(map(len, changed)) + len(changed) < 250 else name


def query(chance: Random, labels: Sequence[bytes], kind: int) -> bytes:
    """A query with an id of zero: half of them in a mixture of cases, some with EDNS, few in another class."""
    name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if chance.random() < 0.5:
        name = bytes(
            byte ^ 0x20 if chr(byte).isalpha() and byte < 0x80 and chance.random() < 0.5 else byte for byte in name
        )
    # RD, AD and CD as they come; other bits of a query are zero.
    flags = chance.choice((0, 0x0100)) | chance.choice((0, 0, 0x0020)) | chance.choice((0, 0, 0x0010))
    qclass = IN if chance.random() < 0.98 else chance.choice((HS, NONE, ANY_CLASS))
    edns = chance.choice((b"", b"", _opt(512, 0), _opt(1232, 0), _opt(4096, 0x8000)))
    head = bytes(2) + flags.to_bytes(2) + b"\0\1\0\0\0\0" + (b"\0\1" if edns else b"\0\0")
    return head + name + kind.to_bytes(2) + qclass.to_bytes(2) + edns


def _opt(payload: int, flags: int) -> bytes:
    return b"\0\0\x29" + payload.to_bytes(2) + b"\0\0" + flags.to_bytes(2) + b"\0\0"
