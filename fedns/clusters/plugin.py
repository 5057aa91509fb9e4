"""Asks a credential plugin: a program of the operator becomes a token, a client certificate, or a reason.

The protocol is client.authentication.k8s.io; whether a kubeconfig may have one is for `kubeconfig` to say.
"""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from subprocess import DEVNULL, PIPE
from typing import IO, Final

import msgspec
from msgspec import Struct

from fedns.clusters.credentials import CredentialsError, Plugin, bearer

LIMIT: Final = 30.0
"""Seconds that a plugin may take."""
_FAREWELL: Final = 2.0
"""Seconds until one that was killed is forgotten: the kernel may have it wait for a disk."""
_ANSWER_BYTES: Final = 1 << 20
_WORDS_BYTES: Final = 2048
_READ_BYTES: Final = 1 << 16


class Grant(Struct, frozen=True):
    """What a plugin gave: header and PEM, as in Credentials; `expires` is Unix seconds, 0 where it does not say."""

    authorization: str = ""
    identity: str = ""
    expires: float = 0.0
    words: str = ""
    """What it wrote to its standard error."""


class _Status(Struct, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _Answer(Struct, rename="camel"):
    api_version: str
    kind: str
    status: _Status | None = None


class _Talk:
    """What a plugin that runs says and complains of; `over` is when it and all its pipes are gone.

    Its beginning is kept; the rest is read and forgotten, so that it never waits for room. (asyncio's own subprocesses
    will not do: one whose start is cancelled, as when a member goes away, is waited for without end.)
    """

    def __init__(self, plugin: Plugin) -> None:
        self.answer, self.words = bytearray(), bytearray()
        self.over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # A session of its own: what it starts ends with it.
        self._process = subprocess.Popen(  # noqa: S603 -- the operator allowed it: `allowExec`
            plugin.command, env=_environment(plugin), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        self._gone = asyncio.Event()
        self._open: set[int] = set()
        self._watch(os.pidfd_open(self._process.pid), self._ended)
        self._watch(_own(self._process.stdout), self._read, self.answer, _ANSWER_BYTES + 1)
        self._watch(_own(self._process.stderr), self._read, self.words, _WORDS_BYTES)

    @property
    def code(self) -> int | None:
        """How it ended, as Popen has it."""
        return self._process.returncode

    async def end(self) -> None:
        """End it if it is still at work, close its pipes, and see it off."""
        if not self.over.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._gone.wait()
        for file in tuple(self._open):
            self._forget(file)

    def _watch(self, file: int, do: Callable[..., None], *words: object) -> None:
        self._open.add(file)
        self._loop.add_reader(file, do, file, *words)

    def _forget(self, file: int) -> None:
        self._open.discard(file)
        self._loop.remove_reader(file)
        os.close(file)
        if not self._open:
            self.over.set()

    def _read(self, file: int, kept: bytearray, limit: int) -> None:
        if heard := os.read(file, _READ_BYTES):
            kept += heard[: limit - len(kept)]
        else:
            self._forget(file)

    def _ended(self, file: int) -> None:
        self._process.wait()
        self._gone.set()
        self._forget(file)


async def ask(plugin: Plugin, limit: float = LIMIT) -> Grant:
    """Run it and read its answer; raises CredentialsError."""
    name = plugin.command[0]
    try:
        talk = _Talk(plugin)
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else fault
        raise CredentialsError(f"exec: cannot run {name}: {reason}. {plugin.hint}".rstrip(". ")) from fault
    try:
        async with asyncio.timeout(limit):
            await talk.over.wait()
    except TimeoutError as late:
        raise CredentialsError(f"exec: {name} took longer than {limit:g} s") from late
    finally:
        await talk.end()
    words = talk.words.decode(errors="replace")
    if talk.code:
        raise CredentialsError(f"exec: {name} ended with {talk.code}: {words}")
    if len(talk.answer) > _ANSWER_BYTES:
        raise CredentialsError(f"exec: {name} said more than {_ANSWER_BYTES} bytes")
    return _grant(plugin, bytes(talk.answer), words)


def _own(pipe: IO[bytes] | None) -> int:
    """The file of a pipe, which is ours to close."""
    assert pipe is not None
    with pipe:
        return os.dup(pipe.fileno())


def _environment(plugin: Plugin) -> dict[str, str]:
    spec = {"interactive": False} | ({} if plugin.cluster is None else {"cluster": plugin.cluster})
    question = {"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec}
    return {**os.environ, **dict(plugin.variables), "KUBERNETES_EXEC_INFO": json.dumps(question)}


def _grant(plugin: Plugin, text: bytes, words: str) -> Grant:
    at = f"exec: {plugin.command[0]}"
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except msgspec.MsgspecError as fault:
        raise CredentialsError(f"{at} did not answer with an ExecCredential: {fault}") from fault
    if answer.api_version != plugin.version or answer.kind != "ExecCredential":
        raise CredentialsError(f"{at} answered in another version than {plugin.version}")
    status = answer.status or _Status()
    if bool(status.client_certificate_data) != bool(status.client_key_data):
        raise CredentialsError(f"{at} gave a certificate without a key, or a key without a certificate")
    if not status.token and not status.client_key_data:
        raise CredentialsError(f"{at} gave neither token nor certificate")
    until = status.expiration_timestamp
    return Grant(
        authorization=bearer(status.token, at) if status.token else "",
        identity=f"{status.client_certificate_data}\n{status.client_key_data}" if status.client_key_data else "",
        expires=until.timestamp() if until else 0.0,
        words=words,
    )
