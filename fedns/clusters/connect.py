"""Turns a member's credentials into replies of its API server; the one home of `kubernetes` and of its HTTP client.

It knows addresses, tokens, certificates and time limits, and nothing of resources, watches or services. The calls
`param_serialize` and `call_api` are public but undocumented, hence they stand here only.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from msgspec import Struct

from fedns import __version__
from fedns.settings.schema import Member

_CREDENTIALS_AGE: Final = 30.0
"""Seconds after which files with credentials are looked at again: a rotation is sudden."""
_FORCED_AGE: Final = 2.0
"""The least age in seconds of credentials that a 401 or 403 can have replaced."""
_CLOSE_AFTER: Final = 90.0
"""Seconds that a replaced client lives on, for the streams that still use it: longer than any of them."""
_REASON_BYTES: Final = 4096


class LostError(Exception):
    """No reply, or one that broke off: refused, timed out, cut, garbled."""


class RefusedError(Exception):
    """A reply with another status than 200; `retry_after` is in seconds, 0 where the server names none."""

    def __init__(self, status: int, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(f"HTTP {status}{': ' if reason else ''}{reason}")
        self.status = status
        self.retry_after = retry_after


class Timeouts(Struct, frozen=True):
    """Seconds for the whole reply, for the connection, and between two reads; None is no limit."""

    total: float | None
    connect: float = 5.0
    read: float | None = None


class Reply:
    """A reply of status 200 whose body has not been read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._content = response.content

    async def chunk(self) -> bytes:
        """The next bytes; empty at the end."""
        with _as_lost():
            return await self._content.readany()

    async def body(self, limit: int) -> bytes:
        """All of it; raises LostError beyond `limit` bytes."""
        parts, size = [], 0
        while part := await self.chunk():
            size += len(part)
            if size > limit:
                raise LostError(f"reply longer than {limit} bytes")
            parts.append(part)
        return b"".join(parts)


class Connection:
    """The HTTP client of one member, made anew when its credentials change."""

    def __init__(self, open_client: Callable[[], Awaitable["_Client"]], client: "_Client") -> None:
        self._open = open_client
        self._client = client
        self._renewing = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def get(self, path: str, params: Sequence[tuple[str, str]], timeouts: Timeouts) -> AsyncIterator[Reply]:
        """Ask for `path`; raises RefusedError for a status that is not 200, LostError when no whole reply comes."""
        await self.renew(_CREDENTIALS_AGE)
        with _as_lost():
            response = await self._client.request(path, list(params), timeouts)
        whole = False
        try:
            if response.status != 200:
                raise await _refusal(response)
            yield Reply(response)
            whole = response.content.at_eof()
        finally:
            if whole:
                response.release()
            else:
                response.close()  # a stream that is left is no connection to use again

    async def renew(self, age: float = _FORCED_AGE) -> None:
        """Read credentials again if they are older than `age` seconds and changed; failing that, keep the last good."""
        now = asyncio.get_running_loop().time()
        if now - self._client.checked < age or self._renewing.locked():
            return
        async with self._renewing:
            self._client.checked = now
            if self._client.unchanged() and (age > _FORCED_AGE or not self._client.plugin):
                return
            try:
                fresh = await self._open()
            except LostError:
                return
            old, self._client = self._client, fresh
            task = asyncio.create_task(old.close(_CLOSE_AFTER), name="close replaced client")
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)

    async def close(self) -> None:
        """Close every client, also those still in use."""
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        await self._client.close()


async def connect(member: Member) -> Connection:
    """Open what the member's configuration names; raises LostError with the reason when it cannot be used."""

    async def open_client() -> _Client:
        return await _open(member)

    return Connection(open_client, await open_client())


class _Client:
    """One `ApiClient` with its own connector, and the files that its credentials came from."""

    def __init__(self, api: ApiClient, files: tuple[str, ...], *, plugin: bool) -> None:
        self.plugin = plugin
        self._api = api
        self._api.user_agent = f"fedns/{__version__}"
        self._connector = aiohttp.TCPConnector(ssl=api.rest_client.ssl_context, socket_factory=_socket)
        api.configuration.client_session_kwargs = {
            "connector": self._connector,
            "middlewares": (_no_redirects,),
            "auto_decompress": False,  # identity is asked for: what is packed all the same must not unpack to gigabytes
        }
        self._files = files
        self._stamps = _stamps(files)
        self.checked = asyncio.get_running_loop().time()

    async def request(self, path: str, params: list[tuple[str, str]], timeouts: Timeouts) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        method, url, headers, _, _ = await self._api.param_serialize(
            "GET", path, query_params=params, header_params=headers, auth_settings=["BearerToken"]
        )
        limits = aiohttp.ClientTimeout(total=timeouts.total, sock_connect=timeouts.connect, sock_read=timeouts.read)
        reply = await self._api.call_api(method, url, headers, _request_timeout=limits)
        response: aiohttp.ClientResponse = reply.response
        return response

    def unchanged(self) -> bool:
        return bool(self._files) and _stamps(self._files) == self._stamps

    async def close(self, after: float = 0.0) -> None:
        try:
            await asyncio.sleep(after)
        finally:
            await self._api.close()
            await self._connector.close()


async def _open(member: Member) -> _Client:
    settings = type.__call__(Configuration)
    try:
        if member.kubeconfig is not None:
            path = _existing(member.kubeconfig.path)
            loader = await config.load_kube_config(
                config_file=path,
                context=member.kubeconfig.context or None,
                client_configuration=settings,
                persist_config=False,
            )
            files = [path, *_token_file(loader, path)]
            plugin = "exec" in (loader._user or ())  # noqa: SLF001 -- no public way to ask who gives the token
            if plugin:
                settings.refresh_api_key_hook = _plugin_token(loader)
        else:
            plugin = False
            config.load_incluster_config(client_configuration=settings, try_refresh_token=False)
            files = [config.incluster_config.SERVICE_TOKEN_FILENAME]
        _strip_tokens(settings)
        files += [name for name in (settings.ssl_ca_cert, settings.cert_file, settings.key_file) if name]
        return _Client(ApiClient(configuration=settings), tuple(files), plugin=plugin)
    except Exception as fault:  # the loader fails in a dozen ways on a file that is absent, cut or wrong
        raise LostError(f"credentials: {_sentence(fault)}") from fault


def _existing(path: str) -> str:
    """The file's own path; raises OSError where there is none (the loader would only log that)."""
    found = Path(path).expanduser()
    found.stat()
    return str(found)


def _token_file(loader: Any, path: str) -> list[str]:
    """Where the user's token is read from, as the loader resolves it: relative to the kubeconfig."""
    name = loader._user.safe_get("tokenFile") if loader._user else None  # noqa: SLF001 -- not told otherwise
    return [str(Path(path).parent / name)] if isinstance(name, str) else []


def _plugin_token(loader: Any) -> Callable[[Any], Awaitable[None]]:
    """Ask the exec plugin again, at most once a minute; the loader itself keeps a token until it expires."""
    lock = asyncio.Lock()
    asked = asyncio.get_running_loop().time()

    async def refresh(settings: Any) -> None:
        nonlocal asked
        now = asyncio.get_running_loop().time()
        if now - asked < 60.0 or lock.locked():
            return
        async with lock:
            asked = now
            if await loader.load_from_exec_plugin() and getattr(loader, "token", None):
                settings.api_key["BearerToken"] = loader.token.strip()

    return refresh


def _strip_tokens(settings: Any) -> None:
    """A newline at the end of a token file is no part of the token, and HTTP forbids it."""
    for name, value in settings.api_key.items():
        settings.api_key[name] = value.strip()


def _stamps(files: Sequence[str]) -> list[tuple[int, int, int]]:
    """What tells that a file was replaced; a file that is gone for a moment is a change, too."""
    stamps = []
    for name in files:
        try:
            state = os.stat(name)  # noqa: PTH116 -- twice as cheap, and on the loop
            stamps.append((state.st_ino, state.st_mtime_ns, state.st_size))
        except OSError:
            stamps.append((0, 0, 0))
    return stamps


def _socket(address: Any) -> socket.socket:
    """A socket that notices a dead peer: probes after 10 s, every 5 s, three times; unacknowledged bytes 30 s."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))
    for name, value in options:
        if option := getattr(socket, name, None):  # Linux has all of them
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


async def _no_redirects(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A redirect could carry the token to another host: it is an error."""
    response = await send(request)
    if response.status in {301, 302, 303, 307, 308}:
        response.close()
        raise aiohttp.ClientError(f"redirected (HTTP {response.status})")
    return response


async def _refusal(response: aiohttp.ClientResponse) -> RefusedError:
    """The status, and the message of the Status object where there is one."""
    wait = response.headers.get("Retry-After", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0.0
    with _as_lost():
        text = await response.content.read(_REASON_BYTES)
    return RefusedError(response.status, _message(text), seconds)


def _message(text: bytes) -> str:
    try:
        return _sentence(msgspec.json.decode(text, type=_Status).message)
    except msgspec.MsgspecError:
        return ""


class _Status(Struct):
    message: str = ""


class _as_lost:  # noqa: N801 -- a context manager reads as a function
    """Turn the HTTP client's many errors into LostError; cancellation and deadlines of others pass through."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, TimeoutError) and not isinstance(fault, aiohttp.ClientError):
            raise LostError("timed out") from fault
        if isinstance(fault, (aiohttp.ClientError, OSError, ValueError)):
            raise LostError(_sentence(fault)) from fault


def _sentence(fault: object) -> str:
    """One bounded line of printable text."""
    text = " ".join(str(fault).split()) or type(fault).__name__
    return "".join(char if char.isprintable() else "?" for char in text[:200])
