"""Asks a credential plugin: a program of the operator becomes a token, a client certificate, or a reason.

The protocol is client.authentication.k8s.io; whether a kubeconfig may have one is for `kubeconfig` to say.
"""

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from fedns.clusters.credentials import CredentialsError, Plugin, bearer

LIMIT: Final = 30.0
"""Seconds that a plugin may take."""
_FAREWELL: Final = 2.0
"""Seconds until one that was killed is forgotten: the kernel may have it wait for a disk."""
_ANSWER_BYTES: Final = 1 << 20
_WORDS_BYTES: Final = 2048


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


class _Talk(asyncio.SubprocessProtocol):
    """Keeps the beginning of what a plugin says and complains of; `over` is when it and all its pipes are gone.

    The rest is read and forgotten, so that it never waits for room.
    """

    def __init__(self) -> None:
        self.answer, self.words = bytearray(), bytearray()
        self.over = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Some bytes of its output or of its complaints."""
        kept, limit = (self.answer, _ANSWER_BYTES + 1) if fd == 1 else (self.words, _WORDS_BYTES)
        kept += data[: limit - len(kept)]

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        del exc
        self.over.set()


async def ask(plugin: Plugin, limit: float = LIMIT) -> Grant:
    """Run it and read its answer; raises CredentialsError."""
    name = plugin.command[0]
    # A session of its own: what it starts ends with it.
    starting = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            _Talk,
            *plugin.command,
            env=_environment(plugin),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    )
    try:
        async with asyncio.timeout(limit):
            transport, talk = await asyncio.shield(starting)  # half a start would leave its children behind
            await talk.over.wait()
    except TimeoutError as late:
        raise CredentialsError(f"exec: {name} took longer than {limit:g} s") from late
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else fault
        raise CredentialsError(f"exec: cannot run {name}: {reason}. {plugin.hint}".rstrip(". ")) from fault
    finally:
        await _end(starting)
    words = talk.words.decode(errors="replace")
    if code := transport.get_returncode():
        raise CredentialsError(f"exec: {name} ended with {code}: {words}")
    if len(talk.answer) > _ANSWER_BYTES:
        raise CredentialsError(f"exec: {name} said more than {_ANSWER_BYTES} bytes")
    return _grant(plugin, bytes(talk.answer), words)


async def _end(starting: asyncio.Future[tuple[asyncio.SubprocessTransport, _Talk]]) -> None:
    """End a plugin that is still at work, close its pipes, and see it off."""
    try:
        transport, talk = await starting
    except (OSError, ValueError):
        return
    if not talk.over.is_set():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            await talk.over.wait()


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
