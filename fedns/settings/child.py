"""How the supervisor starts a child: by exec, with these words in the environment and the descriptors inherited."""

import ctypes
import gc
import mmap
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from fedns.answers import counters
from fedns.settings.schema import Logging

IP_PKTINFO: Final = 8
"""The socket option of Linux, which Python 3.11 does not name."""
VARIABLE: Final = "FEDNS_CHILD"
ROUND_OBJECTS: Final = 10_000
"""New objects until the garbage collector looks at them."""
_PR_SET_NAME: Final = 15


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

    def descriptors(self) -> tuple[int, ...]:
        """Everything that must be inherited."""
        gate = () if self.gate < 0 else (self.gate,)
        return (*self.slots, self.listener, *self.udp, *self.tcp, *self.tls, self.lifeline, *gate)

    def environment(self) -> dict[str, str]:
        """The environment of the child."""
        return {**os.environ, VARIABLE: msgspec.json.encode(self).decode()}

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


def inherited(descriptors: tuple[int, ...]) -> list[socket.socket]:
    """Inherited sockets as objects."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def started(environment: Mapping[str, str], title: str) -> Child:
    """What this process was told; also takes the title that `ps` and `top` show, and lets signals in again.

    All that was imported is for good: the garbage collector looks at it no more, which saves it 10 ms each time. What
    comes by the thousand later is outside its rounds (`gc=False`), so those need not be frequent.
    """
    if VARIABLE not in environment:
        raise SystemExit(f"fedns {title} is started by `fedns serve`, never by hand")
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(ROUND_OBJECTS, 10, 10)
    ctypes.CDLL(None).prctl(_PR_SET_NAME, f"fedns {title}".encode()[:15], 0, 0, 0)
    return msgspec.json.decode(environment[VARIABLE], type=Child)
