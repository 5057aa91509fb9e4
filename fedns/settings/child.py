"""What the supervisor tells a child, and the descriptors that it gives it, over the socket that both have."""

import ctypes
import gc
import mmap
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from fedns.answers import counters
from fedns.settings.schema import Logging
from fedns.settings.starting import VARIABLE

IP_PKTINFO: Final = 8
"""The socket option of Linux, which Python 3.11 does not name."""
ROUND_OBJECTS: Final = 10_000
"""New objects until the garbage collector looks at them."""
_PR_SET_NAME: Final = 15
_AT_ONCE: Final = 250
"""Descriptors in one message: the kernel passes 253 at most."""
_READ_BYTES: Final = 64 * 1024


class Child(Struct, frozen=True, kw_only=True):
    """What one child is told: all numbers but `slot` and `workers` are file descriptors.

    `slots` are the counter blocks, the control process's first, then each worker's; `slot` is this child's own index.
    `listener` is the Unix socket on which the control process hears the workers, `path` its place in the file system.
    `tls` are listening sockets, for the certificate and key in these files; a process for HTTPS or QUIC has its own in
    `tls` or `udp`, and answers at `url_path`. `workers` are the plain ones: with none of them the control process
    answers, too. `lifeline` reaches its end when the supervisor is gone. `master`, in hexadecimal, is what the DNS
    cookies of all workers are made from when the configuration has no secrets. Nothing reads its sockets before `gate`
    has reached its end (-1: it has).
    """

    config: str
    overrides: dict[str, Any]
    slot: int
    slots: tuple[int, ...]
    listener: int
    path: str
    udp: tuple[int, ...]
    tcp: tuple[int, ...]
    tls: tuple[int, ...] = ()
    cert_file: str = ""
    key_file: str = ""
    url_path: str = ""
    lifeline: int
    workers: int
    master: str = ""
    gate: int = -1
    logging: Logging = Logging()

    def tell(self, connection: socket.socket) -> None:
        """Say all this to a child, and be done with the socket; raises OSError when it has ended."""
        descriptors = self.descriptors()
        with connection:
            for at in range(0, len(descriptors), _AT_ONCE):
                # A blank carries them: it means nothing before JSON.
                socket.send_fds(connection, [b" "], descriptors[at : at + _AT_ONCE])
            connection.sendall(msgspec.json.encode(self))

    def descriptors(self) -> tuple[int, ...]:
        """Everything that a child gets, in the order in which it gets it."""
        gate = () if self.gate < 0 else (self.gate,)
        return (*self.slots, self.listener, *self.udp, *self.tcp, *self.tls, self.lifeline, *gate)

    def numbered(self, descriptors: Sequence[int]) -> "Child":
        """The same with the numbers that its descriptors have in another process."""
        new = dict(zip(self.descriptors(), descriptors, strict=True))
        single = {name: new.get(getattr(self, name), -1) for name in ("listener", "lifeline", "gate")}
        several = {name: tuple(new[each] for each in getattr(self, name)) for name in ("slots", "udp", "tcp", "tls")}
        return structs.replace(self, **single, **several)

    def answering(self) -> list[int]:
        """The slots of all processes that answer."""
        own = [] if self.workers else [0]
        return [*own, *range(1, len(self.slots))]

    def block(self, slot: int) -> memoryview:
        """The counters of one slot, shared with every process that maps it."""
        return map_block(self.slots[slot])


def map_block(descriptor: int) -> memoryview:
    """A counter block as unsigned 64-bit words."""
    return memoryview(mmap.mmap(descriptor, counters.BYTES)).cast("Q")


def resident_bytes(pid: int | str) -> int:
    """How much memory a process has, 0 for one that is not there."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def inherited(descriptors: tuple[int, ...]) -> list[socket.socket]:
    """Inherited sockets as objects."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def started(environment: Mapping[str, str], title: str) -> Child:
    """What this process is told; also takes the title that `ps` and `top` show, and lets signals in again.

    All that was imported is for good: the garbage collector looks at it no more, which saves it 10 ms each time. What
    comes by the thousand later is outside its rounds (`gc=False`), so those need not be frequent; processes that answer
    have short ones in their ticks, too.
    """
    if VARIABLE not in environment:
        raise SystemExit(f"fedns {title} is started by `fedns serve`, never by hand")
    with socket.socket(fileno=int(environment[VARIABLE])) as connection:
        child = _hear(connection)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(ROUND_OBJECTS, 10, 10)
    gc.enable()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, f"fedns {title}".encode()[:15], 0, 0, 0)
    return child


def _hear(connection: socket.socket) -> Child:
    """All that is told; SystemExit where the supervisor ended, or had no use for this process."""
    words, descriptors = bytearray(), list[int]()
    while (found := socket.recv_fds(connection, _READ_BYTES, _AT_ONCE))[0]:
        words += found[0]
        descriptors += found[1]
    if not words:
        raise SystemExit(0)
    return msgspec.json.decode(words, type=Child).numbered(descriptors)
