"""A worker's UDP door that is asked twice as much as it can answer for some seconds, then a quarter of that.

Told are the part of the offered load that is answered within a second, how long that takes, and how soon after the load
all is as before; once as it is, and once without throwing away what has waited for too long. The questions are dear
(`_explain`), so that this program can ask more than the door can answer; the receive buffer is large.
"""

import asyncio
import multiprocessing
import socket
import struct
from math import inf
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Any, Final

from bench.asking import query
from fedns.servers import udp
from tests.answers.replicas import WEB, replica

BUFFER_BYTES: Final = 4 << 20
"""As on a node that is tuned for it (net.core.rmem_max); the kernel doubles it."""
SO_RCVBUFFORCE: Final = 33
QUESTION: Final = query(f"_explain.{WEB}")[:-4] + b"\0\x10\0\1"
PODS: Final = 8
WINDOW: Final = 32
OVERLOAD: Final = 2.0
AFTER: Final = 0.25
TIMEOUT: Final = 1.0
"""Whoever waits longer has asked somebody else."""
NORMAL: Final = 0.02
"""An answer within so long is one without a queue."""


def _door(ready: Any, *, sheds: bool) -> None:
    """A process with one door, for ever."""
    if not sheds:
        udp.SHED_SECONDS = inf  # type: ignore[misc]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
    sock.bind(("127.0.0.1", 0))

    async def serve() -> None:
        udp.UdpDoor([sock], replica(pods=PODS)).start(asyncio.get_running_loop())
        ready.send(sock.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


class Load:
    """Questions at a steady pace, and when each was answered."""

    def __init__(self, port: int) -> None:
        self._client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._client.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 * BUFFER_BYTES)
        self._client.settimeout(0.2)
        self._client.connect(("127.0.0.1", port))
        self._sent: dict[int, tuple[int, float]] = {}
        self._done = False
        self.times: list[tuple[float, float]] = []
        """When each was sent, and how long its answer took; infinite for none in time."""

    def capacity(self, seconds: float) -> float:
        """Answers in a second, with a few questions on their way at any time."""
        ends, answers = perf_counter() + seconds, 0
        for _ in range(WINDOW):
            self._client.send(b"\0\0" + QUESTION[2:])
        while perf_counter() < ends:
            self._client.recv(4096)
            self._client.send(b"\0\0" + QUESTION[2:])
            answers += 1
        for _ in range(WINDOW):
            self._client.recv(4096)
        return answers / seconds

    def run(self, *phases: tuple[float, float]) -> None:
        """Ask so many times a second for so many seconds, one phase after the other."""
        reader = Thread(target=self._read)
        reader.start()
        number, due = 0, perf_counter()
        for rate, seconds in phases:
            for _ in range(int(rate * seconds)):
                due += 1 / rate
                if (left := due - perf_counter()) > 0.001:
                    sleep(left)
                identity = number & 0xFFFF
                self._sent[identity] = (len(self.times), perf_counter())
                self.times.append((self._sent[identity][1], inf))
                self._client.send(struct.pack("!H", identity) + QUESTION[2:])
                number += 1
        sleep(TIMEOUT)
        self._done = True
        reader.join()

    def _read(self) -> None:
        while not self._done:
            try:
                reply = self._client.recv(4096)
            except TimeoutError:
                continue
            at, sent = self._sent[struct.unpack("!H", reply[:2])[0]]
            took = perf_counter() - sent
            if took <= TIMEOUT:
                self.times[at] = (sent, took)


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Both ways; `directory` is not used."""
    del directory
    return {
        "as it is": await asyncio.to_thread(_measured, seconds, sheds=True),
        "without shedding": await asyncio.to_thread(_measured, seconds, sheds=False),
    }


def _measured(seconds: int, *, sheds: bool) -> dict[str, float]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_door, args=(there,), kwargs={"sheds": sheds})
    process.start()
    try:
        load = Load(here.recv())
        capacity = load.capacity(2.0)
        load.run((capacity * OVERLOAD, seconds), (capacity * AFTER, 3.0))
    finally:
        process.kill()
        process.join()
    first = load.times[0][0]
    over = [took for sent, took in load.times if sent < first + seconds]
    served = sorted(took for took in over if took < inf)
    late = [sent for sent, took in load.times if sent >= first + seconds and took > NORMAL]
    return {
        "capacity": capacity,
        "offered": len(over) / seconds,
        "answered_of_capacity": len(served) / seconds / capacity,
        "p50_ms": served[len(served) // 2] * 1000 if served else inf,
        "p99_ms": served[len(served) * 99 // 100] * 1000 if served else inf,
        "normal_after_s": max(late, default=first + seconds) - first - seconds,
    }
