"""A process that answers: a replica that follows the control process, and the doors that answer from it.

It reads its sockets once it is loaded, never before; it never exits on its own but when the supervisor is gone.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Collection, Sequence
from time import monotonic, monotonic_ns, time
from typing import Final, Protocol

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.servers.batch import AVAILABLE
from fedns.servers.feed import follow
from fedns.servers.gate import Gate
from fedns.servers.querylog import QueryLog
from fedns.servers.stream import StreamDoor
from fedns.servers.tap import Tap
from fedns.servers.tls import Certificate
from fedns.servers.udp import UdpDoor
from fedns.settings import logs
from fedns.settings.child import Child, inherited, started

TICK_SECONDS: Final = 0.1
SOON_SECONDS: Final = 0.01
"""Ticks follow each other so closely until the doors are open: then somebody waits for the first answer."""
YOUNG_TICKS: Final = 10
"""In so many ticks one round of the garbage collector is for all that is younger than its last full one."""
FULL_TICKS: Final = 6_000
"""In so many ticks (10 minutes) one round is a full one: some milliseconds."""
DRAIN_SECONDS: Final = 0.2
"""After the last accept: time to ask; after the last read: time for the event loop to write what streams still hold."""


class Streams(Protocol):
    """A door that has connections: all of one transport."""

    @property
    def connections(self) -> Collection[object]:
        """What is open now."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take connections."""

    def sweep(self, now: float) -> None:
        """Keep deadlines; called a few times a second."""

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take no more; who is connected may still ask."""

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what is open once it has been answered."""


class Doors:
    """All sockets of one process, opened for answers when its replica is loaded: then `open` is true."""

    def __init__(
        self,
        child: Child,
        replica: Replica,
        sockets: Sequence[socket.socket],
        streams: Sequence[Streams],
        tap: Tap,
        udp: UdpDoor | None = None,
    ) -> None:
        self._replica = replica
        self._sockets = sockets
        self._streams = streams
        self._udp = udp
        self._tap = tap
        self._first = child.slot <= 1
        self.open = False
        self._gate = Gate(child)
        self._ticks = 0

    def tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Heartbeat, ageing, deadlines; opens the doors once there is something to answer from."""
        now = monotonic()
        self._replica.counts[counters.HEARTBEAT] = monotonic_ns()
        self._replica.tick(now, int(time()))
        for door in self._streams:
            door.sweep(now)
        if self._udp is not None and self._first:
            # All workers read the same sockets: one of them tells.
            self._replica.counts[counters.RECEIVE_OVERFLOWS] = self._udp.overflows()
        self._replica.counts[counters.TASKS] = len(asyncio.all_tasks(loop))
        self._replica.counts[counters.CONNECTIONS] = sum(len(door.connections) for door in self._streams)
        if self._replica.loaded and not self.open and self._gate.open(now):
            self.open = True
            self._replica.counts[counters.LOADED] = 1
            if self._udp is not None:
                self._udp.start(loop)
            for door in self._streams:
                door.start(loop)

        self._ticks += 1
        # The collector counts what is new less what is freed: while forgotten answers are freed its own rounds come
        # late, and are pauses of tens of milliseconds. In each tick they are short.
        gc.collect(generation(self._ticks))

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take nothing new; the other processes go on with the same sockets. Who is connected may still ask."""
        if self.open:
            self._replica.counts[counters.LOADED] = 0
            if self._udp is not None:
                self._udp.stop(loop)
            for door in self._streams:
                door.leave(loop)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read no more."""
        if self.open:
            self.open = False
            for door in self._streams:
                door.stop(loop)
        for each in self._sockets:
            each.close()
        self._tap.close()


def generation(tick: int) -> int:
    """Up to which generation the garbage collector looks at the objects of a process in this tick."""
    return 2 if tick % FULL_TICKS == 0 else int(tick % YOUNG_TICKS == 0)


Opened = Callable[[Child, Replica], Doors]
"""Makes the doors of a process."""


def plain(child: Child, replica: Replica) -> Doors:
    """The doors of a worker: UDP, TCP and TLS."""
    udp, tcp, tls = inherited(child.udp), inherited(child.tcp), inherited(child.tls)
    log, tap = QueryLog(replica), Tap(replica)
    datagrams = UdpDoor(udp, replica, log, tap=tap, batches=AVAILABLE and os.environ.get("FEDNS_UDP") != "plain")
    streams = [StreamDoor(tcp, replica, log=log, tap=tap)]
    if tls:
        streams.append(StreamDoor(tls, replica, Certificate(child.cert_file, child.key_file), log, tap=tap))
    return Doors(child, replica, [*udp, *tcp, *tls], streams, tap, datagrams)


async def serve(child: Child, replica: Replica, stop: asyncio.Event, opened: Opened = plain) -> None:
    """Answer at the doors that are opened, until `stop` is set; the caller feeds the replica."""
    loop = asyncio.get_running_loop()
    replica.counts[counters.PID] = os.getpid()
    replica.counts[counters.LOADED] = 0
    replica.counts[counters.STARTS] += 1
    doors = opened(child, replica)
    while not stop.is_set():
        doors.tick(loop)
        try:
            await asyncio.wait_for(stop.wait(), TICK_SECONDS if doors.open else SOON_SECONDS)
        except TimeoutError:
            continue
    # A client that was accepted just now has still to ask; then what was answered has still to be written.
    doors.leave(loop)
    await asyncio.sleep(DRAIN_SECONDS)
    doors.close(loop)
    await asyncio.sleep(DRAIN_SECONDS)


async def run(child: Child, opened: Opened) -> None:
    """The whole life of a process that answers."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(child.lifeline, stop.set)
    replica = Replica(child.block(child.slot), bytes.fromhex(child.master))
    feed = loop.create_task(follow(child.path, child.slot, replica), name="feed")
    feed.add_done_callback(lambda task: None if task.cancelled() else stop.set())
    await serve(child, replica, stop, opened)
    feed.cancel()
    if feed.done() and not feed.cancelled():
        feed.result()


def life(title: str, opened: Opened) -> None:
    """A whole process, as `settings.starting` begins it: its title, and its doors."""
    child = started(os.environ, title)
    logs.configure(child.logging)
    asyncio.run(run(child, opened))


def main() -> None:
    """A worker."""
    life("worker", plain)


if __name__ == "__main__":
    main()
