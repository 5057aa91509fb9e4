"""A worker process: a replica that follows the control process, and the doors that answer from it.

It reads its sockets once it is loaded, never before; it never exits on its own but when the supervisor is gone.
"""

import asyncio
import os
import signal
from time import monotonic, monotonic_ns, time
from typing import Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.servers.feed import follow
from fedns.servers.gate import Gate
from fedns.servers.stream import StreamDoor
from fedns.servers.udp import UdpDoor
from fedns.settings import logs
from fedns.settings.child import Child, inherited, started

TICK_SECONDS: Final = 0.1
DRAIN_SECONDS: Final = 0.2
"""After the last read: time for the event loop to write what streams still hold."""


class Doors:
    """All sockets of one process, opened for answers when its replica is loaded."""

    def __init__(self, child: Child, replica: Replica) -> None:
        self._replica = replica
        udp, tcp = inherited(child.udp), inherited(child.tcp)
        self._sockets = [*udp, *tcp]
        self._udp = UdpDoor(udp, replica)
        self._tcp = StreamDoor(tcp, replica)
        self._open = False
        self._gate = Gate(child)

    def tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Heartbeat, ageing, deadlines; opens the doors once there is something to answer from."""
        now = monotonic()
        self._replica.counts[counters.HEARTBEAT] = monotonic_ns()
        self._replica.tick(now, int(time()))
        self._tcp.sweep(now)
        if self._replica.loaded and not self._open and self._gate.open(now):
            self._open = True
            self._replica.counts[counters.LOADED] = 1
            self._udp.start(loop)
            self._tcp.start(loop)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read no more; the other processes go on with the same sockets."""
        if self._open:
            self._open = False
            self._replica.counts[counters.LOADED] = 0
            self._udp.stop(loop)
            self._tcp.stop(loop)
        for each in self._sockets:
            each.close()


async def serve(child: Child, replica: Replica, stop: asyncio.Event) -> None:
    """Answer until `stop` is set; the caller feeds the replica."""
    loop = asyncio.get_running_loop()
    replica.counts[counters.PID] = os.getpid()
    replica.counts[counters.LOADED] = 0
    replica.counts[counters.STARTS] += 1
    doors = Doors(child, replica)
    while not stop.is_set():
        doors.tick(loop)
        try:
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
        except TimeoutError:
            continue
    doors.close(loop)
    await asyncio.sleep(DRAIN_SECONDS)


async def run(child: Child) -> None:
    """The whole life of a worker process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(child.lifeline, stop.set)
    replica = Replica(child.block(child.slot), bytes.fromhex(child.master))
    feed = loop.create_task(follow(child.path, child.slot, replica), name="feed")
    feed.add_done_callback(lambda task: None if task.cancelled() else stop.set())
    await serve(child, replica, stop)
    feed.cancel()
    if feed.done() and not feed.cancelled():
        feed.result()


def main() -> None:
    """`python -m fedns.servers.worker`, started by the supervisor."""
    child = started(os.environ, "worker")
    logs.configure(child.logging)
    asyncio.run(run(child))


if __name__ == "__main__":
    main()
