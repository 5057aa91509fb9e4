"""Batches: packets come out with their senders, replies go back to each, from the address that was asked."""

import socket
from collections.abc import Callable, Iterator

import pytest

from fedns.servers.batch import PACKET_BYTES, SIZE, Batch
from fedns.settings.schema import Address
from fedns.supervisor import open_sockets

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
    place: tuple[socket.socket, tuple[str, int]], client: Callable[[tuple[str, int]], socket.socket]
) -> None:
    """Several clients in one batch: packet, sender and reply stay together, silence is possible, order is free."""
    server, asked = place
    batch = Batch(server)
    assert batch.receive() == 0
    clients = [client(asked) for _ in range(5)]
    for number, each in enumerate(clients):
        each.send(b"question %d" % number)
    count = batch.receive()
    assert count == 5
    for at in range(count):
        packet, sender = batch.packet(at)
        assert sender == socket.inet_pton(clients[0].family, clients[0].getsockname()[0])
        if packet != b"question 3":
            batch.reply(at, packet.replace(b"question", b"answer"))
    assert batch.send() == (0, 0)
    assert [each.recv(100) for each in clients if each is not clients[3]] == [b"answer %d" % n for n in (0, 1, 2, 4)]


def test_more_than_a_batch_takes_several(
    place: tuple[socket.socket, tuple[str, int]], client: Callable[[tuple[str, int]], socket.socket]
) -> None:
    """What does not fit into one batch waits for the next; the memory is used again."""
    server, asked = place
    batch = Batch(server)
    sender = client(asked)
    for number in range(SIZE + 3):
        sender.send(b"%d" % number)
    seen = []
    for expected in (SIZE, 3):
        assert batch.receive() == expected
        seen += [batch.packet(at)[0] for at in range(expected)]
    assert seen == [b"%d" % number for number in range(SIZE + 3)]


def test_a_longer_packet_is_cut_at_the_bound(
    place: tuple[socket.socket, tuple[str, int]], client: Callable[[tuple[str, int]], socket.socket]
) -> None:
    """No packet reaches beyond its own memory."""
    server, asked = place
    batch = Batch(server)
    client(asked).send(b"x" * (PACKET_BYTES + 100))
    assert batch.receive() == 1
    assert len(batch.packet(0)[0]) == PACKET_BYTES
