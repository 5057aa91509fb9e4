"""Batches and single packets: they come out with their senders, replies go back from the address that was asked."""

import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from fedns.listening import open_sockets
from fedns.servers.batch import PACKET_BYTES, SIZE, Batch
from fedns.servers.plain import Plain
from fedns.settings.schema import Address

PLACES = {
    "IPv4": ("127.0.0.1", "127.0.0.1"),
    "IPv6": ("::1", "::1"),
    "every IPv4 address": ("0.0.0.0", "127.5.6.7"),
    "every IPv6 address": ("::", "::1"),
}


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def place(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """A server socket as the supervisor opens it, and the address at which clients ask it."""
    listen, asked = request.param
    sockets = open_sockets((Address(host=listen, port=0),))
    server = next(each for each in sockets if each.type == socket.SOCK_DGRAM)
    yield server, (asked, server.getsockname()[1])
    for each in sockets:
        each.close()


@pytest.fixture(params=[Batch, Plain])
def kind(request: pytest.FixtureRequest) -> type[Batch | Plain]:
    """Both ways to the same end."""
    kind: type[Batch | Plain] = request.param
    return kind


@pytest.fixture
def client() -> Iterator[Callable[[tuple[str, int]], socket.socket]]:
    """Makes client sockets that are connected, so that a reply from another address would not reach them."""
    made: list[socket.socket] = []

    def make(to: tuple[str, int]) -> socket.socket:
        each = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
        each.settimeout(5)
        each.connect(to)
        made.append(each)
        return each

    yield make
    for each in made:
        each.close()


def test_each_sender_gets_its_own_reply_from_the_address_it_asked(
    place: tuple[socket.socket, tuple[str, int]],
    client: Callable[[tuple[str, int]], socket.socket],
    kind: type[Batch | Plain],
) -> None:
    """Several clients in one batch: packet, sender and reply stay together, silence is possible, order is free."""
    server, asked = place
    batch = kind(server)
    assert batch.receive() == 0
    clients = [client(asked) for _ in range(5)]
    for number, each in enumerate(clients):
        each.send(b"question %d" % number)
    count = batch.receive()
    assert count == 5

    def ask(packet: bytes, sender: int | bytes | None) -> bytes:
        address = sender.to_bytes(4, sys.byteorder) if isinstance(sender, int) else sender
        assert address == socket.inet_pton(clients[0].family, clients[0].getsockname()[0])
        return b"" if packet == b"question 3" else packet.replace(b"question", b"answer")

    assert batch.answer(count, ask) == 4
    assert batch.send() == (0, 0)
    assert [each.recv(100) for each in clients if each is not clients[3]] == [b"answer %d" % n for n in (0, 1, 2, 4)]


def test_more_than_a_batch_takes_several(
    place: tuple[socket.socket, tuple[str, int]],
    client: Callable[[tuple[str, int]], socket.socket],
    kind: type[Batch | Plain],
) -> None:
    """What does not fit into one batch waits for the next; the memory is used again."""
    server, asked = place
    batch = kind(server)
    sender = client(asked)
    for number in range(SIZE + 3):
        sender.send(b"%d" % number)
    seen: list[bytes] = []

    def ask(packet: bytes, _sender: int | bytes | None) -> bytes:
        seen.append(packet)
        return b""

    for expected in (SIZE, 3):
        assert batch.receive() == expected
        assert batch.answer(expected, ask) == 0
    assert seen == [b"%d" % number for number in range(SIZE + 3)]


def test_a_longer_packet_is_cut_at_the_bound(
    place: tuple[socket.socket, tuple[str, int]],
    client: Callable[[tuple[str, int]], socket.socket],
    kind: type[Batch | Plain],
) -> None:
    """No packet reaches beyond its own memory."""
    server, asked = place
    batch = kind(server)
    asker = client(asked)
    asker.send(b"x" * (PACKET_BYTES + 100))
    assert batch.receive() == 1
    assert batch.answer(1, lambda packet, _: b"%d" % len(packet)) == 1
    assert batch.send() == (0, 0)
    assert asker.recv(10) == b"%d" % PACKET_BYTES


def test_replies_carry_df(kind: type[Batch | Plain]) -> None:
    """No reply is ever cut into fragments (RFC 9715)."""
    try:
        tap = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("raw sockets need CAP_NET_RAW")
    server, stream = sorted(open_sockets((Address("127.0.0.1", 0),)), key=lambda each: -each.type)
    with tap, server, stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        tap.settimeout(10)
        tap.bind(("127.0.0.1", 0))
        asker.settimeout(10)
        asker.connect(server.getsockname())
        asker.send(b"question")
        batch = kind(server)
        assert batch.receive() == 1
        batch.answer(1, lambda _packet, _sender: b"the answer")
        assert batch.send() == (0, 0)
        while not (packet := tap.recv(2048)).endswith(b"the answer"):
            pass
    assert packet[6] & 0x40


def test_a_reply_that_cannot_be_sent_is_counted_and_costs_no_other(kind: type[Batch | Plain]) -> None:
    """One with an address that nothing can be sent to fails alone."""
    server, stream = sorted(open_sockets((Address("127.0.0.1", 0),)), key=lambda each: -each.type)
    with server, stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(10)
        asker.connect(server.getsockname())
        for _ in range(3):
            asker.send(b"question")
        batch = kind(server)
        assert batch.receive() == 3
        numbers = iter((b"0", b"1", b"2"))
        batch.answer(3, lambda _packet, _sender: next(numbers))
        if isinstance(batch, Batch):
            batch._out.headers[8 + 1] = 1  # of the second message: a name of one byte is no address
        else:
            batch._queued[1] = (b"1", [], ("255.255.255.255", 1))
        assert batch.send() == (0, 1)
        assert [asker.recv(10), asker.recv(10)] == [b"0", b"2"]
