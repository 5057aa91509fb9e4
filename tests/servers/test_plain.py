"""Single packets do what batches do: the tests of both are in test_batch.py and test_udp.py. Here: what is bounded."""

import socket

from fedns.servers.batch import SIZE
from fedns.servers.plain import Plain


def test_no_more_than_a_batch_at_once(sockets: dict[int, socket.socket]) -> None:
    """What comes after it waits in the kernel."""
    server = sockets[socket.SOCK_DGRAM]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(SIZE + 1):
            client.sendto(b"question", server.getsockname())
        plain = Plain(server)
        rests, _ = plain.receive()
        assert len(rests) == SIZE
        assert plain.send(rests) == (0, 0)
        assert len(plain.receive()[0]) == 1
