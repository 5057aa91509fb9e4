"""Turns a member's credentials into replies of its API server: the home of the HTTP client.

It knows time limits, TLS and refusals, and nothing of resources, watches or services; where credentials come from is
for `renewal`. The `kubernetes` package is not loaded here: it would be half of the time that a start takes, and bodies
are read as raw bytes in any case.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from fedns import __version__
from fedns.clusters.credentials import Credentials, CredentialsError, no_authorities, tls
from fedns.clusters.renewal import Renewal, line
from fedns.settings.schema import Member

with no_authorities():
    # It reads the system's authorities twice at its import, half of the time which that takes, for requests that say
    # nothing of TLS. Ours to https all bring what they believe.
    import aiohttp

_log = logging.getLogger(__name__)
_CREDENTIALS_AGE: Final = 30.0
"""Seconds after which files with credentials are looked at again: a rotation is sudden."""
_FORCED_AGE: Final = 2.0
"""Seconds between two looks at credentials that a server refused, or with which no server was found."""
_CLOSE_AFTER: Final = 90.0
"""Seconds that a replaced client lives on, for the streams that still use it: longer than any of them."""
_BUFFER_BYTES: Final = 1 << 20
"""What is read ahead of a reply before its sender has to wait, about."""
_REASON_BYTES: Final = 4096
_CREDENTIALS_WORDS: Final = 400
JSON: Final = "application/json"
METADATA: Final = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
"""What a request accepts: whole objects; or of each its metadata alone, and whole ones where a server knows no such."""


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

    def __init__(self, renewal: Renewal, client: "_Client") -> None:
        now = asyncio.get_running_loop().time()
        self._renewal = renewal
        self._client = client
        self._looked = now
        self._forced = now
        self._doubted = False
        self._forcing = self._refused = False
        self._renewing: asyncio.Task[None] | None = None
        self._retired: set[asyncio.Task[None]] = set()

    @property
    def fault(self) -> str:
        """Why its newest credentials cannot be used, and older ones are; "" where all is well."""
        return self._renewal.fault

    @asynccontextmanager
    async def get(
        self, path: str, params: Sequence[tuple[str, str]], timeouts: Timeouts, accept: str = JSON
    ) -> AsyncIterator[Reply]:
        """Ask for `path`; raises RefusedError for a status that is not 200, LostError when no whole reply comes."""
        self._look()
        try:
            with _as_lost():
                response = await self._client.request(path, list(params), timeouts, accept)
        except LostError:
            self._doubted = True  # perhaps for another address, or another authority: looked at before the next try
            self._look()
            raise
        whole = False
        try:
            if response.status == 401:
                self._start(forced=True)
            if response.status != 200:
                raise await _refusal(response)
            yield Reply(response)
            whole = response.content.at_eof()
        finally:
            if whole:
                response.release()
            else:
                response.close()  # a stream that is left is no connection to use again

    async def renew(self) -> None:
        """Look for other credentials, for a server refused these, and wait; failing that, keep the last good.

        A 401 has begun that already, and lets a plugin be asked again; a 403 is no reason to run a program.
        """
        if not self._under_way() and asyncio.get_running_loop().time() - self._looked >= _FORCED_AGE:
            self._start(forced=False)
        if self._renewing is not None:
            await asyncio.shield(self._renewing)

    def _look(self) -> None:
        """Renew the credentials beside the requests, if it is time; a request never waits for that."""
        now = asyncio.get_running_loop().time()
        age = _FORCED_AGE if self._doubted else _CREDENTIALS_AGE
        if now - self._looked >= age or self._renewal.due():
            self._start(forced=False)

    def _start(self, *, forced: bool) -> None:
        now = asyncio.get_running_loop().time()
        if forced and now - self._forced < _FORCED_AGE:
            return
        if self._under_way():
            self._refused |= forced and not self._forcing  # what is under way asks no plugin: once more, then
            return
        self._looked, self._doubted, self._refused, self._forcing = now, False, False, forced
        if forced:
            self._forced = now
        self._renewing = asyncio.create_task(self._renew(forced=forced), name="renew credentials")
        self._renewing.add_done_callback(self._renewed)

    def _under_way(self) -> bool:
        return self._renewing is not None and not self._renewing.done()

    def _renewed(self, task: asyncio.Task[None]) -> None:
        if task is self._renewing:
            self._renewing = None
        if not task.cancelled() and (fault := task.exception()):
            _log.error("credentials could not be renewed", exc_info=fault)

    async def _renew(self, *, forced: bool) -> None:
        await self._use(await self._renewal.obtain(forced=forced))
        if self._refused:
            await self._use(await self._renewal.obtain(forced=True))

    async def _use(self, fresh: Credentials) -> None:
        if fresh == self._client.credentials:
            return
        old, self._client = self._client, await _Client.open(fresh)
        task = asyncio.create_task(old.close(_CLOSE_AFTER), name="close replaced client")
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def close(self) -> None:
        """Close every client, also those still in use."""
        tasks = [*self._retired, *([self._renewing] if self._renewing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()


async def connect(member: Member) -> Connection:
    """Open what the member's configuration names; raises LostError with the reason when it cannot be used."""
    renewal = Renewal(member)
    try:
        return Connection(renewal, await _Client.open(await renewal.obtain()))
    except CredentialsError as fault:
        raise LostError(f"credentials: {line(str(fault), _CREDENTIALS_WORDS)}") from fault


class _Client:
    """One HTTP session with its own connector, for credentials that do not change."""

    def __init__(self, credentials: Credentials, context: ssl.SSLContext | None) -> None:
        self.credentials = credentials
        # Not the session's own headers: aiohttp would show those to a proxy, the token among them.
        self._headers = {
            "Accept-Encoding": "identity",
            "User-Agent": f"fedns/{__version__}",
            **({"Authorization": credentials.authorization} if credentials.authorization else {}),
        }
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context or True, socket_factory=_socket),
            middlewares=(_no_redirects,),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # neither the proxies of the environment nor the passwords of ~/.netrc
            auto_decompress=False,  # identity is asked for: what is packed all the same must not unpack to gigabytes
            read_bufsize=_BUFFER_BYTES,
        )

    @classmethod
    async def open(cls, credentials: Credentials) -> "_Client":
        """A client; its TLS is made off the loop, which is busy with other members."""
        secure = credentials.server.startswith("https:")
        return cls(credentials, await asyncio.to_thread(tls, credentials) if secure else None)

    async def request(
        self, path: str, params: list[tuple[str, str]], timeouts: Timeouts, accept: str
    ) -> aiohttp.ClientResponse:
        return await self._session.get(
            self.credentials.server + path,
            params=params,
            headers={"Accept": accept, **self._headers},
            proxy=self.credentials.proxy or None,
            server_hostname=self.credentials.server_name or None,
            timeout=aiohttp.ClientTimeout(total=timeouts.total, sock_connect=timeouts.connect, sock_read=timeouts.read),
        )

    async def close(self, after: float = 0.0) -> None:
        try:
            await asyncio.sleep(after)
        finally:
            await self._session.close()


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
    with _as_lost():
        text = await response.content.read(_REASON_BYTES)
    return RefusedError(response.status, _message(text), _wait(response.headers))


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds that Retry-After asks for, as a number or as a date (RFC 9110, section 10.2.3); 0 where it says nothing.

    A date is looked at with the server's own clock, its Date, where there is one: ours may be wrong.
    """
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit() and len(text) < 6:
        return float(text)
    try:
        now = headers.get("Date")
        since = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(text) - since).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


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
    return line(str(fault), 200) or type(fault).__name__
