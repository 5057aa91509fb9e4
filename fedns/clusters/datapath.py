"""Asks for a sign of a member's data path, for ever: a TCP connection, an HTTP reply, or a DNS answer.

What is asked stands in the configuration and nowhere else: no object of a member can make fedns connect anywhere.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Final

import aiohttp

from fedns.federation.health import PathBad, PathEvidence, PathGood
from fedns.settings.schema import Address, Lookup, PathProbe

REFUSING: Final = 500
"""From this HTTP status on nobody answered who could serve; who asks for a password, or knows no such page, could."""


async def probe(path: PathProbe, say: Callable[[PathEvidence], None]) -> None:
    """Ask at a steady pace, and say what came of it."""
    loop, failures = asyncio.get_running_loop(), 0
    due = loop.time()
    while True:
        reason = await failure(path)
        failures = failures + 1 if reason else 0
        say(PathBad(reason, lost=failures >= path.failures) if reason else PathGood())
        due = max(due + path.interval, loop.time())
        await asyncio.sleep(due - loop.time())


async def failure(path: PathProbe) -> str:
    """Why nothing was reached, in a few words that name what was asked; or ""."""
    try:
        async with asyncio.timeout(path.timeout):
            reason = await _asked(path)
    except TimeoutError:
        reason = "timed out"
    except (OSError, aiohttp.ClientError) as error:
        # The loop's own words repeat the address, which the target names already.
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number and number > 0 else str(error) or type(error).__name__
    return f"{path.target}: {reason}" if reason else ""


async def _asked(path: PathProbe) -> str:
    if path.tcp is not None:
        return await _over_tcp(path.tcp)
    if path.http:
        return await _over_http(path.http)
    assert path.dns is not None
    return await _over_dns(path.dns, path.timeout)


async def _over_tcp(address: Address) -> str:
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.close()
    return ""


async def _over_http(url: str) -> str:
    """One new connection each time: an old one would say nothing of the path for those that come."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as reply:
        return f"HTTP {reply.status}" if reply.status >= REFUSING else ""


async def _over_dns(question: Lookup, seconds: float) -> str:
    from fedns.client import Ask, ClientError, ask  # noqa: PLC0415 -- few probe so, and a start is to be quick

    server = (question.server.host, question.server.port)
    try:
        reply = await ask(Ask(question.name, "A", server, timeout=seconds, tries=1))
    except ClientError as error:
        return str(error)
    code = reply.message.header.rcode
    return f"response code {code}" if code else ""
