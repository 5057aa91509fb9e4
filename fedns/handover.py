"""How one supervisor hands its sockets to its successor: over a Unix socket, to a process of the same user only.

The successor says which version it is of, gets the sockets, starts its own children behind them, and says when these
answer. Until then nothing changes for the one that runs, and a successor that fails or goes away has changed nothing.
The Unix socket has no file: its name is made from the addresses that are listened on, so whoever is to serve the same
addresses finds it.
"""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from time import monotonic
from typing import Any, Final

from fedns import __version__
from fedns.settings.schema import Address

FORMAT: Final = 1
"""The version of what the two say to each other."""
MAX_SOCKETS: Final = 250
"""The kernel passes 253 descriptors at one go."""
MAX_WORD_BYTES: Final = 4096
PATIENCE_SECONDS: Final = 5.0
DONE: Final = b"done"


class HandoverError(Exception):
    """There is nothing to take over; the message says why."""


class Offer:
    """The side of the one that runs; `poll` is called all the while and never waits."""

    def __init__(self, addresses: Iterable[Address], sockets: Sequence[socket.socket]) -> None:
        self._name = _name(addresses)
        self._sockets = sockets
        self._listener: socket.socket | None = None
        self._successor: socket.socket | None = None
        self._told = False
        self._since = 0.0

    def poll(self) -> bool:
        """Talk to successors; True once one of them answers, so that this one may end."""
        if self._listener is None:
            self._listen()
        if self._successor is None and self._listener is not None:
            with contextlib.suppress(OSError):
                self._successor, _ = self._listener.accept()
                self._told, self._since = False, monotonic()
        return self._successor is not None and self._talk(self._successor)

    def close(self) -> None:
        """Offer nothing any more."""
        for each in (self._listener, self._successor):
            if each is not None:
                each.close()
        self._listener = self._successor = None

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.setblocking(False)
        try:
            listener.bind(self._name)
        except OSError:  # a predecessor has it until it ends
            listener.close()
            return
        listener.listen(1)
        self._listener = listener

    def _talk(self, successor: socket.socket) -> bool:
        successor.setblocking(False)
        try:
            word = successor.recv(MAX_WORD_BYTES)
            if word == DONE and self._told:
                return True
            if word and not self._told and self._answer(successor, word):
                self._told = True
                return False
        except BlockingIOError:
            if self._told or monotonic() - self._since < PATIENCE_SECONDS:
                return False
        except OSError:
            pass
        # It has gone, was refused, or says nothing: the next one, please.
        successor.close()
        self._successor = None
        return False

    def _answer(self, successor: socket.socket, word: bytes) -> bool:
        """Give it the sockets, or say why not; whether it got them."""
        reply: dict[str, Any] = {"format": FORMAT, "version": __version__, "pid": os.getpid()}
        if refusal := self._refusal(successor, word):
            successor.send(json.dumps(reply | {"refused": refusal}).encode())
            return False
        socket.send_fds(successor, [json.dumps(reply).encode()], [each.fileno() for each in self._sockets])
        return True

    def _refusal(self, successor: socket.socket, word: bytes) -> str:
        """Why this successor gets nothing; empty when it does."""
        if _user(successor) != os.geteuid():
            return f"it runs as user {os.geteuid()}: start the new one as the same user"
        try:
            asked = json.loads(word)
            if asked["format"] != FORMAT:
                return f"it speaks version {FORMAT} of the handover, the new one version {asked['format']}"
        except (ValueError, TypeError, KeyError):
            return "it was asked in words that it does not know"
        if os.getpid() == 1:
            return "it is process 1, and its end would end the container with the new one: replace the pod"
        if len(self._sockets) > MAX_SOCKETS:
            return f"it has more than {MAX_SOCKETS} sockets"
        return ""


class Succession:
    """The side of the successor: the sockets of the one that runs. Raises HandoverError when they cannot be had."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        where = ", ".join(map(str, addresses))
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(PATIENCE_SECONDS)
        try:
            self._connection.connect(_name(addresses))
        except OSError:
            self.close()
            raise HandoverError(f"no fedns serves {where} here: start this one without --takeover") from None
        try:
            reply, self.sockets = self._ask()
        except (OSError, ValueError) as fault:
            self.close()
            raise HandoverError(f"the fedns that serves {where} does not hand over: {fault}") from None
        self.pid = int(reply.get("pid", 0))
        self.version = str(reply.get("version", ""))
        if reason := str(reply.get("refused", "")):
            self.close()
            raise HandoverError(f"the fedns that serves {where} (process {self.pid}) does not hand over: {reason}")

    def take(self, kind: int, host: str, port: int) -> socket.socket | None:
        """The socket of this kind and address, if there is one."""
        for each in self.sockets:
            if each.type == kind and each.getsockname()[:2] == (host, port):
                self.sockets.remove(each)
                return each
        return None

    @property
    def lost(self) -> bool:
        """Whether the one that runs has gone; what it answered is then for this one alone."""
        self._connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            return not self._connection.recv(MAX_WORD_BYTES)
        return False

    def done(self) -> None:
        """This one answers: the other may end."""
        self._connection.setblocking(True)
        with contextlib.suppress(OSError):
            self._connection.send(DONE)

    def close(self) -> None:
        """Give up, or be finished with it; sockets that were not taken are closed."""
        self._connection.close()
        for each in getattr(self, "sockets", ()):
            each.close()

    def _ask(self) -> tuple[dict[str, Any], list[socket.socket]]:
        if _user(self._connection) not in {os.geteuid(), 0}:
            raise ValueError(f"it runs as user {_user(self._connection)}, and this one as user {os.geteuid()}")
        self._connection.send(json.dumps({"format": FORMAT, "version": __version__}).encode())
        reply, descriptors, _, _ = socket.recv_fds(self._connection, MAX_WORD_BYTES, MAX_SOCKETS)
        sockets = [socket.socket(fileno=each) for each in descriptors]
        told = json.loads(reply or b"{}")
        if not told:
            raise ValueError("it has ended")
        return told, sockets


def _name(addresses: Iterable[Address]) -> bytes:
    """In the abstract namespace of this machine's, or container's, network."""
    return b"\0fedns-" + sha256(" ".join(sorted(map(str, addresses))).encode()).hexdigest()[:32].encode()


def _user(connection: socket.socket) -> int:
    """The user of the process at the other end."""
    _pid, user, _group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(user)
