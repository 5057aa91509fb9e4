"""Asks a credential plugin: a program of the operator becomes a token, a client certificate, or a reason.

The protocol is client.authentication.k8s.io; whether a kubeconfig may have one is for `kubeconfig` to say.
"""

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from fedns.clusters.credentials import CredentialsError, Plugin, bearer

LIMIT: Final = 30.0
"""Seconds that a plugin may take."""
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


async def ask(plugin: Plugin, limit: float = LIMIT) -> Grant:
    """Run it and read its answer; raises CredentialsError."""
    name = plugin.command[0]
    try:
        # A session of its own: what it starts ends with it.
        process = await asyncio.create_subprocess_exec(
            *plugin.command, env=_environment(plugin), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else fault
        raise CredentialsError(f"exec: cannot run {name}: {reason}. {plugin.hint}".rstrip(". ")) from fault
    try:
        async with asyncio.timeout(limit):
            answer, words, code = await _finish(process)
    except TimeoutError as late:
        raise CredentialsError(f"exec: {name} took longer than {limit:g} s") from late
    finally:
        _end(process)
        await process.wait()
    text = words.decode(errors="replace")
    if code:
        raise CredentialsError(f"exec: {name} ended with {code}: {text}")
    if len(answer) > _ANSWER_BYTES:
        raise CredentialsError(f"exec: {name} said more than {_ANSWER_BYTES} bytes")
    return _grant(plugin, answer, text)


def _environment(plugin: Plugin) -> dict[str, str]:
    spec = {"interactive": False} | ({} if plugin.cluster is None else {"cluster": plugin.cluster})
    question = {"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec}
    return {**os.environ, **dict(plugin.variables), "KUBERNETES_EXEC_INFO": json.dumps(question)}


async def _finish(process: Process) -> tuple[bytes, bytes, int]:
    """What it says, the beginning of what it complains of, and its exit code."""
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(_head(process.stdout, _ANSWER_BYTES + 1))
        words = tasks.create_task(_head(process.stderr, _WORDS_BYTES))
    return answer.result(), words.result(), await process.wait()


async def _head(stream: asyncio.StreamReader, limit: int) -> bytes:
    """The first `limit` bytes; the rest is read, so that nobody waits for room, and forgotten."""
    kept = bytearray()
    while part := await stream.read(1 << 16):
        kept += part[: limit - len(kept)]
    return bytes(kept)


def _end(process: Process) -> None:
    """End it and what it left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


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
