"""Tokens and certificates of a real API server are replaced under a running fedns: no answer is wrong, all goes on."""

import asyncio
from time import monotonic

import pytest

from tests.real.asking import Asker
from tests.real.siege import MEMBER, ONCE, Services, Siege, replace

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

CURE_SECONDS = 60.0
REFUSED_SECONDS = 60.0
"""An API server remembers for 10 s that a token was good; a stream of 4 s may have begun just before."""
RELOAD_SECONDS = 90.0
"""So long after a file was replaced it is in use at the latest."""


async def test_a_token_is_replaced(siege: Siege, asker: Asker, services: Services) -> None:
    """The old token is refused from one moment on; the new one, in the same file, is used at once and lists nothing."""
    since = len(siege.asked())
    token = await siege.new_token()
    started = monotonic()
    while not any(each.code == 401 for each in siege.asked(since)):
        assert monotonic() - started < REFUSED_SECONDS
        await asyncio.sleep(0.1)
    replace(siege.token_file, token)
    after = await siege.change(services, asker)
    await asker.becomes(after, CURE_SECONDS)
    await siege.turns("fresh")
    while not ONCE.keys() <= {each.resource for each in siege.asked(since) if each.uid == siege.account_uid}:
        assert monotonic() - started < RELOAD_SECONDS
        await asyncio.sleep(0.1)
    assert not siege.readings(since)


async def test_a_certificate_and_its_authority_are_replaced(siege: Siege, asker: Asker, services: Services) -> None:
    """A server that comes back with a certificate of another CA is no member, until the CA file is replaced, too."""
    await siege.server.stop()
    await siege.planes.restart(MEMBER, fresh_certificate=True)
    after = await siege.change(services, asker)
    await siege.turns("stale", "certificate verify failed")
    replace(siege.ca_file, siege.server.ca.read_text())
    await asker.becomes(after, RELOAD_SECONDS)
    await siege.turns("fresh")
