"""Waits grow, stay short while the member lives, and end when it comes back."""

import asyncio
from random import Random

import pytest

from fedns.clusters.backoff import FIRST, LONGEST, Backoff, Pulse


@pytest.mark.parametrize(("tries", "span"), [(0, FIRST), (1, 1.6), (5, 25.6), (6, LONGEST), (1000, LONGEST)])
def test_waits_double_up_to_a_bound(tries: int, span: float) -> None:
    """0.8 s, doubled with each try, 30 s at most."""
    backoff = Backoff(Pulse(), Random(1))
    backoff.tries = tries
    assert backoff.span() == pytest.approx(span)
    backoff.reset()
    assert backoff.span() == FIRST


async def test_the_first_good_probe_ends_the_wait() -> None:
    """A member that comes back is tried at once, however long the wait was to be."""
    pulse = Pulse()
    backoff = Backoff(pulse, Random(1))
    backoff.tries = 10
    waiting = asyncio.create_task(backoff.pause())
    await asyncio.sleep(0)
    pulse.beat()
    await asyncio.wait_for(waiting, 2.0)
    assert backoff.tries == 11


async def test_a_beat_of_a_living_member_ends_no_wait() -> None:
    """Only the first good probe after bad ones is news."""
    pulse = Pulse()
    pulse.beat()
    waiting = asyncio.create_task(pulse.back(0.05))
    await asyncio.sleep(0)
    pulse.beat()
    assert await waiting is False


async def test_what_the_server_asked_for_is_waited() -> None:
    """Retry-After holds even when the member comes back in the meantime."""
    pulse = Pulse()
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.create_task(Backoff(pulse, Random(1)).pause(0.2))
    await asyncio.sleep(0)
    pulse.beat()
    await waiting
    assert loop.time() - began >= 0.19


async def test_waits_begin_anew_when_the_member_comes_back() -> None:
    """Tries at a dead member count no more: a refusal of one that has just started costs one short wait."""
    pulse = Pulse()
    backoff = Backoff(pulse, Random(1))
    backoff.tries = 10
    pulse.beat()
    await asyncio.wait_for(backoff.pause(), 2 * FIRST)
    assert backoff.tries == 1
    pulse.beat()  # goes on living, which is no return
    assert backoff.tries == 1


async def test_a_return_while_waiting_as_asked_is_not_missed() -> None:
    """A server that starts says Retry-After before its first good probe: the wait is that, and not half a minute."""
    pulse = Pulse()
    backoff = Backoff(pulse, Random(1))
    backoff.tries = 10
    waiting = asyncio.create_task(backoff.pause(0.2))
    await asyncio.sleep(0)
    pulse.beat()
    await asyncio.wait_for(waiting, 3.0)
