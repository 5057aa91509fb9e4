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
    assert [len(each) for each in batch.receive()] == [0, 0]
    clients = [client(asked) for _ in range(5)]
    for number, each in enumerate(clients):
        each.send(b"%d question" % (10 + number))
    rests, keys = batch.receive()
    assert rests == [b" question"] * 5
    assert [batch.packet(at) for at in range(5)] == [b"%d question" % (10 + number) for number in range(5)]
    addresses = [key.to_bytes(4, sys.byteorder) if isinstance(key, int) else key for key in keys]
    assert addresses == [socket.inet_pton(each.family, each.getsockname()[0]) for each in clients]
    assert batch.send([b" answer %d" % n if n != 3 else b"" for n in range(5)]) == (0, 0)
    assert [each.recv(100) for each in clients if each is not clients[3]] == [
        b"%d answer %d" % (10 + n, n) for n in (0, 1, 2, 4)
    ]


def test_more_than_a_batch_takes_several(
    place: tuple[socket.socket, tuple[str, int]],
    client: Callable[[tuple[str, int]], socket.socket],
    kind: type[Batch | Plain],
) -> None:
    """What does not fit into one batch waits for the next; the memory is used again, by longer and shorter packets."""
    server, asked = place
    batch = kind(server)
    sender = client(asked)
    packets = [b"%d" % number * (1 + number % 3) for number in range(SIZE + 3)]
    for packet in packets:
        sender.send(packet)
    seen = []
    for expected in (SIZE, 3):
        rests, _ = batch.receive()
        assert [batch.packet(at)[2:] for at in range(expected)] == rests
        seen += [batch.packet(at) for at in range(expected)]
        assert batch.send([b""] * expected) == (0, 0)
    assert seen == packets


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
    rests, _ = batch.receive()
    assert rests == [b"x" * (PACKET_BYTES - 2)]
    assert batch.packet(0) == b"x" * PACKET_BYTES
    assert batch.send([b"y" * 1230]) == (0, 0)
    assert asker.recv(2048) == b"xx" + b"y" * 1230


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
        assert batch.receive()[0] == [b"estion"]
        assert batch.send([b" the answer"]) == (0, 0)
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
        assert len(batch.receive()[0]) == 3
        if isinstance(batch, Batch):
            batch._out.headers[8 + 1] = 1  # of the second message: a name of one byte is no address
        else:
            batch._senders[1] = ([], ("255.255.255.255", 1))
        assert batch.send([b"0", b"1", b"2"]) == (0, 1)
        assert [asker.recv(10), asker.recv(10)] == [b"qu0", b"qu2"]
