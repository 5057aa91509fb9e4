"""Replies by the hundred thousand: asked over UDP in batches, and made comparable by a parser that is quick and plain.

Two replies are the same when their forms are: rcode and flags, the set of answers, the set in the authority section.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

BATCH: Final = 64
"""Packets on the way at once: they fit the receive buffer of any server."""
PATIENCE: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds that a try waits for the next reply; what is missing then is asked again."""
TC: Final = 0x0200
NOERROR, NXDOMAIN = 0, 3
NS, CNAME, SOA, PTR, SRV, OPT = 2, 5, 6, 12, 33, 41
_ONE_NAME: Final = frozenset({NS, CNAME, PTR})

Set = frozenset[tuple[bytes, int, int, bytes]]
"""(owner in lower case, type, TTL, data with its names whole and in lower case) of each record."""


class Form(NamedTuple):
    """What is compared; `flags` has all bits of the header's second word but the rcode's."""

    rcode: int
    flags: int
    answer: Set
    authority: Set
    edns: bool


def ask(port: int, queries: Sequence[bytes]) -> Iterator[bytes]:
    """The reply to each query (ids are set here), in order; raises AssertionError for silence.

    While the caller looks at the replies to one batch, the next is on its way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        client.connect(("127.0.0.1", port))
        held: dict[int, bytes] = {}
        _send(client, queries, range(min(BATCH, len(queries))))
        for first in range(0, len(queries), BATCH):
            wanted = range(first, min(first + BATCH, len(queries)))
            _send(client, queries, range(wanted.stop, min(wanted.stop + BATCH, len(queries))))
            yield from _collect(client, queries, wanted, held)


def _send(client: socket.socket, queries: Sequence[bytes], places: Iterable[int]) -> None:
    for at in places:
        client.send((at & 0xFFFF).to_bytes(2) + queries[at][2:])


def _collect(client: socket.socket, queries: Sequence[bytes], wanted: range, held: dict[int, bytes]) -> Iterator[bytes]:
    """The replies to a batch, asked again where one does not come; `held` keeps those that come early."""
    for patience in PATIENCE:
        missing = {at & 0xFFFF for at in wanted} - held.keys()
        client.settimeout(patience)
        try:
            while missing:
                reply = client.recv(65_535)
                number = int.from_bytes(reply[:2])
                held[number] = reply
                missing.discard(number)
        except TimeoutError:
            _send(client, queries, (at for at in wanted if at & 0xFFFF in missing))
            continue
        return map(held.pop, (at & 0xFFFF for at in wanted))
    silent = [queries[at].hex() for at in wanted if at & 0xFFFF not in held]
    raise AssertionError(f"no reply to {silent[:3]}")


def ask_stream(port: int, queries: list[bytes]) -> list[bytes]:
    """The replies over one TCP connection, in order."""
    replies = []
    with socket.create_connection(("127.0.0.1", port), 30.0) as connection, connection.makefile("rb") as read:
        for query in queries:
            connection.sendall(len(query).to_bytes(2) + query)
            replies.append(read.read(int.from_bytes(read.read(2))))
    return replies


def form(query: bytes, reply: bytes) -> Form:
    """What a reply says; it must repeat the question to the letter, case included, unless it is a bare header."""
    flags, questions = int.from_bytes(reply[2:4]), int.from_bytes(reply[4:6])
    counts = [int.from_bytes(reply[at : at + 2]) for at in (6, 8, 10)]
    end = query.index(b"\0", 12) + 5 if questions else 12
    # A length byte may be 0 inside no name: labels have 1 to 63 bytes, and these names have no zero bytes in them.
    assert reply[12:end] == query[12:end], f"another question in {reply.hex()}"
    asked = query[12 : end - 4].lower()
    at = end
    sections = []
    edns = False
    for number in counts:
        found = []
        for _ in range(number):
            owner, at = (asked, at + 2) if reply[at : at + 2] == b"\xc0\x0c" else _name(reply, at)
            kind, ttl = int.from_bytes(reply[at : at + 2]), int.from_bytes(reply[at + 4 : at + 8])
            start = at + 10
            at = start + int.from_bytes(reply[at + 8 : start])
            if kind == OPT:
                edns = True
            else:
                found.append((owner, kind, ttl, _content(reply, kind, start, at)))
        sections.append(found)
    answer, authority = frozenset(sections[0]), frozenset(sections[1])
    assert len(answer) == len(sections[0]), f"a record twice in {reply.hex()}"
    return Form(flags & 0xF, flags & 0xFFF0, answer, authority, edns)


def _content(reply: bytes, kind: int, start: int, end: int) -> bytes:
    if kind in _ONE_NAME:
        return _name(reply, start)[0]
    if kind == SRV:
        return reply[start : start + 6] + _name(reply, start + 6)[0]
    if kind == SOA:
        server, at = _name(reply, start)
        mailbox, at = _name(reply, at)
        return server + mailbox + reply[at:end]
    return reply[start:end]


def _name(reply: bytes, at: int) -> tuple[bytes, int]:
    """A whole name in lower case, and where it ends in the message."""
    parts = []
    end = 0
    while length := reply[at]:
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | reply[at + 1]
            continue
        parts.append(reply[at : at + 1 + length])
        at += 1 + length
    return b"".join(parts).lower() + b"\0", end or at + 1
