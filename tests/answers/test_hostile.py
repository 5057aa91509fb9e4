"""A corpus of hostile packets: no bug is found, what must be silent is, and each costs little work."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import structs

from fedns.answers import counters
from fedns.answers.respond import respond
from tests.answers.hostile import corpus
from tests.answers.replicas import NOW, RULES, replica

MAX_CALLS = 2500
"""Calls of functions for one packet at most: an honest question that nobody has asked before takes about half."""
TRUSTING = structs.replace(RULES, ecs_from=("127.0.0.1/32",), cookie_secrets=(bytes(16),))


def test_hostile_packets_are_survived() -> None:
    """Over UDP, TCP and TLS: no fault, a reply only to what is a query, with its id, and never too long."""
    held = replica(TRUSTING)
    packets = list(corpus())
    assert len(packets) >= 10_000
    views = [held.view("127.0.0.1", stream=False), held.view("127.0.0.1", stream=True, secure="dot")]
    for packet in packets:
        for view in views:
            reply = respond(packet, view, held, NOW)
            if len(packet) < 12 or packet[2] & 0x80:
                assert not reply, packet.hex()
            else:
                assert reply, packet.hex()
                assert (reply[:2], reply[2] & 0xF8) == (packet[:2], 0x80 | packet[2] & 0x78), packet.hex()
            assert view.stream or len(reply) <= max(1232, len(packet))
    assert held.counts[counters.DROPS + counters.DROP_REASONS.index("fault")] == 0


def test_hostile_packets_cost_little() -> None:
    """Work is counted, not timed: every call of a function, ours or the interpreter's, while a packet is answered."""
    held = replica(TRUSTING)
    view = held.view("127.0.0.1", stream=False)
    worst = max((calls(partial(respond, packet, view, held, NOW)), packet) for packet in corpus())
    assert worst[0] <= MAX_CALLS, worst[1].hex()


def calls(work: Callable[[], Any]) -> int:
    """How many calls a piece of work makes."""
    count = 0

    def counting(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
