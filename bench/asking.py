"""Questions from a plain thread: whole answers over TCP, single addresses over UDP, with no event loop in the way."""

import socket
from collections.abc import Collection
from time import monotonic, perf_counter, sleep
from typing import Final

from fedns.answers.records import name as wire_name

NOERROR: Final = 0
NXDOMAIN: Final = 3
TIMEOUT: Final = 2.0
PAUSE: Final = 0.0001
"""Seconds between two polls of one answer: the server's processor time belongs to the change, too."""
LOST_SECONDS: Final = 5.0


def query(name: str) -> bytes:
    """A query for the A records of a name."""
    return b"\0\1\1\0\0\1\0\0\0\0\0\0" + wire_name(name) + b"\0\1\0\1"


def right(reply: bytes, addresses: Collection[str]) -> bool:
    """Whether a reply has these addresses and no more; with none, whether it is NXDOMAIN."""
    return (
        len(reply) > 12
        and reply[3] & 15 == (NOERROR if addresses else NXDOMAIN)
        and int.from_bytes(reply[6:8]) == len(addresses)
        and all(b"\0\4" + socket.inet_aton(each) in reply for each in addresses)
    )


def over_tcp(port: int, packet: bytes) -> bytes:
    """The whole reply; empty when none comes."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as client, client.makefile("rb") as stream:
            client.sendall(len(packet).to_bytes(2) + packet)
            return stream.read(int.from_bytes(stream.read(2)))
    except OSError:
        return b""


def until_right(port: int, name: str, addresses: Collection[str], seconds: float) -> None:
    """Ask until the whole answer is right; SystemExit when it is not within so many seconds."""
    packet, limit = query(name), monotonic() + seconds
    while not right(reply := over_tcp(port, packet), addresses):
        if monotonic() > limit:
            raise SystemExit(f"{name} did not become right within {seconds:g} s; the last answer was {reply[:32]!r}")
        sleep(0.003)


class Poll:
    """Asks one name over one UDP socket."""

    def __init__(self, port: int, name: str) -> None:
        self._packet = query(name)
        self._client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._client.settimeout(0.5)
        self._client.connect(("127.0.0.1", port))

    def until(self, address: str) -> float:
        """Seconds until the answer has the address; SystemExit when it never comes."""
        started = perf_counter()
        while b"\0\4" + socket.inet_aton(address) not in self._ask():
            if perf_counter() - started > LOST_SECONDS:
                raise SystemExit(f"{address} did not show within {LOST_SECONDS:g} s")
            sleep(PAUSE)
        return perf_counter() - started

    def _ask(self) -> bytes:
        self._client.send(self._packet)
        try:
            return self._client.recv(4096)
        except TimeoutError:
            return b""


def percentiles(times: list[float]) -> dict[str, float]:
    """p50, p99 and the longest, in milliseconds."""
    times = sorted(times)
    return {
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "max_ms": times[-1] * 1000,
        "changes": float(len(times)),
    }
