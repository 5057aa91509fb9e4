"""CPU time of the packet door for each packet of the hostile corpus, asked of a server that has answered none of them.

Every pass has a new replica, so that nothing is remembered from the last one; the best pass of each packet counts, for
what the machine does besides is not the packet's fault.
"""

import asyncio
import gc
from pathlib import Path
from time import thread_time_ns
from typing import Any, Final

from fedns.answers.respond import respond
from tests.answers.hostile import corpus
from tests.answers.replicas import NOW, replica
from tests.answers.test_hostile import TRUSTING

PASSES: Final = 7
PODS: Final = 10
"""Endpoints of the service that is asked: the first question about one costs more with each, whatever its bytes."""
WORST: Final = 5


async def measure(_directory: Path, _seconds: int) -> dict[str, Any]:
    """Microseconds for each packet: p50, p99 and the longest, over UDP and TLS; and the packets that took longest."""
    return await asyncio.to_thread(_measure)


def _measure() -> dict[str, Any]:
    packets = list(corpus())
    figures: dict[str, Any] = {"packets": float(len(packets))}
    for transport, stream in (("UDP", False), ("TLS", True)):
        passes = [_pass(packets, stream=stream) for _ in range(PASSES)]
        best = [min(each) / 1000 for each in zip(*passes, strict=True)]
        ranked = sorted(range(len(packets)), key=best.__getitem__)
        at = {"p50_us": len(ranked) // 2, "p99_us": len(ranked) * 99 // 100, "max_us": -1}
        figures[transport] = {name: best[ranked[place]] for name, place in at.items()}
        for place in ranked[: -WORST - 1 : -1]:
            shown = packets[place].hex()
            shown = shown if len(shown) <= 160 else f"{shown[:150]}... ({len(packets[place])} bytes)"
            figures[f"{transport}, {shown}"] = {"us": best[place]}
    return figures


def _pass(packets: list[bytes], *, stream: bool) -> list[int]:
    """Nanoseconds for each packet."""
    held = replica(TRUSTING, pods=PODS)
    view = held.view("127.0.0.1", stream=stream, secure="dot" if stream else "")
    times = []
    gc.collect()
    gc.disable()
    try:
        for packet in packets:
            started = thread_time_ns()
            respond(packet, view, held, NOW)
            times.append(thread_time_ns() - started)
    finally:
        gc.enable()
    return times
