"""Fuzzing of the packet door by hand: `./dev fuzz [SECONDS]`. The tests run the fixed corpus of hostile.py instead.

Guided by coverage with atheris where it is installed (`./dev python -m pip install atheris`; only this needs it), else
Hypothesis makes packets and changes good ones. A packet that breaks a promise is printed in hexadecimal and ends the
run: it belongs into hostile.py.
"""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from time import monotonic
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports() if atheris is not None else nullcontext():
    from fedns.answers import counters
    from fedns.answers.respond import respond
    from tests.answers.hostile import valid
    from tests.answers.replicas import NOW, replica
    from tests.answers.test_hostile import TRUSTING

SECONDS = 60
FAULT = counters.DROPS + counters.DROP_REASONS.index("fault")
held = replica(TRUSTING)
views = [
    held.view(source, stream=stream, secure=secure)
    for source in ("127.0.0.1", "192.0.2.1")
    for stream, secure in ((False, ""), (True, ""), (True, "dot"), (True, "https"))
]


def check(packet: bytes) -> None:
    """Hold the door's promises to one packet, over one transport that the packet itself selects."""
    view = views[sum(packet[:2]) % len(views)]
    reply = respond(packet, view, held, NOW)
    silent = len(packet) < 12 or packet[2] & 0x80
    kept = not reply if silent else reply[:2] == packet[:2] and reply[2] & 0x80
    short = view.stream or len(reply) <= max(1232, len(packet))
    if held.counts[FAULT] or not kept or not short:
        raise AssertionError(packet.hex())


def guided(seconds: int) -> None:
    """Let atheris find new paths through the code."""
    words = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=600", "-print_final_stats=1"]
    atheris.Setup(words, check)
    atheris.Fuzz()


def unguided(seconds: int, run: Callable[[bytes], None] = check) -> int:
    """Let Hypothesis make packets; returns how many."""
    end = monotonic() + seconds
    count = 0
    damage = st.lists(st.tuples(st.integers(2, 200), st.binary(max_size=8)), max_size=4)

    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=600) | st.tuples(st.sampled_from(valid()), damage))
    def packets(made: Any) -> None:
        nonlocal count
        packet = made if isinstance(made, bytes) else made[0]
        for at, content in () if isinstance(made, bytes) else made[1]:
            packet = packet[:at] + content + packet[at + len(content) :]
        run(packet)
        count += 1

    while monotonic() < end:
        packets()
    return count


def main() -> None:
    """For so many seconds."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    if atheris is not None:
        guided(seconds)
    else:
        sys.stderr.write(f"{unguided(seconds)} packets by Hypothesis, no broken promise\n")


if __name__ == "__main__":
    main()
