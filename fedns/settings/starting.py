"""Starts a child process before it is known what it is told: it imports meanwhile, which is most of a start.

What it is told, and which descriptors it gets, follows over a socket (`child`). Standard library only, and little of
it: whoever starts something has loaded nothing yet.
"""

import os
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Final, Self

VARIABLE: Final = "FEDNS_CHILD"
"""The environment variable with the number of the socket over which a child is told."""
_DEAF: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""What would end a process that has no loop yet; it waits until the child can hear."""


class Newcomer:
    """A child that waits to be told over `connection`; as a context it ends one that never is."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self.process = process
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.connection.fileno() >= 0:
            self.connection.close()
            self.process.kill()
            self.process.wait()


def start(module: str) -> Newcomer:
    """A Python of its own for `main` of a module."""
    ours, theirs = socket.socketpair()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _DEAF)
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                command(module), env=environment(theirs), pass_fds=(theirs.fileno(),)
            )
    except BaseException:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Newcomer(process, ours)


def command(module: str) -> list[str]:
    """The words that run it; the garbage collector, which finds nothing in imports, is let loose after them."""
    return [sys.executable, "-c", f"import gc; gc.disable(); from {module} import main; main()"]


def environment(connection: socket.socket) -> dict[str, str]:
    """The environment of a child that inherits this end of the socket."""
    return {**os.environ, VARIABLE: str(connection.fileno())}
