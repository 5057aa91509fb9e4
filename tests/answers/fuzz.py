"""Fuzzing by hand: `./dev fuzz [SECONDS] [TARGET]`. The tests run the fixed corpus of hostile.py instead.

Targets: `packet` is the packet door, `feed` what a worker reads of its control process. Guided by coverage with atheris
where it is installed (`./dev python -m pip install atheris`; only this needs it), and what it finds is kept in
.fuzz/TARGET; else Hypothesis makes packets and changes good ones. What breaks a promise is printed in hexadecimal and
ends the run: it belongs into found.txt, as do packets that take a new path through the code.
"""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports() if atheris is not None else nullcontext():
    from fedns.answers import counters
    from fedns.answers.respond import respond
    from fedns.answers.wire import (
        BrokenStreamError,
        Frames,
        Generation,
        Hello,
        Members,
        NewRules,
        Replace,
        frame,
        to_control,
        to_worker,
    )
    from tests.answers.hostile import corpus, valid
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


def check_feed(stream: bytes) -> None:
    """However a stream is split, the same frames come out of it; each is a message, or is said to be none."""
    whole = cut(stream, len(stream) or 1)
    if whole != cut(stream, 1 + stream[0] if stream else 1):
        raise AssertionError(stream.hex())
    for body in whole:
        for read in (to_worker, to_control):
            try:
                message = read(body)
            except BrokenStreamError:
                continue
            if read(frame(message)[4:]) != message:
                raise AssertionError(stream.hex())


def cut(stream: bytes, size: int) -> list[bytes]:
    """The frames of a stream that comes in pieces of this size."""
    frames, out = Frames(), list[bytes]()
    try:
        for at in range(0, len(stream), size):
            out += frames.feed(stream[at : at + size])
    except BrokenStreamError:
        return out
    return out


def messages() -> list[bytes]:
    """Streams that are well-formed."""
    status, exports = held.statuses["eu1"], tuple(held.catalog.exports_of("eu1"))
    replaced = Replace("eu1", exports, first=True, last=True)
    made = (NewRules(TRUSTING), Members((status,)), replaced, Generation("epoch", 7), Hello(1, 2, "epoch", 7))
    return [frame(each) for each in made]


TARGETS: Final[dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]], int]]] = {
    "packet": (check, lambda: [*valid(), *list(corpus())[::40]], 600),
    "feed": (check_feed, messages, 1500),
}
"""What is done with bytes, good examples of them, and how long they get."""


def guided(seconds: int, target: str) -> None:
    """Let atheris find new paths through the code, from good examples and what earlier runs found."""
    run, examples, longest = TARGETS[target]
    kept = Path(".fuzz", target)
    kept.mkdir(parents=True, exist_ok=True)
    for at, example in enumerate(examples()):
        (kept / f"example-{at}").write_bytes(example)
    words = [sys.argv[0], f"-max_total_time={seconds}", f"-max_len={longest}", "-print_final_stats=1", str(kept)]
    atheris.Setup(words, run)
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
        guided(seconds, sys.argv[2] if len(sys.argv) > 2 else "packet")
    else:
        sys.stderr.write(f"{unguided(seconds)} packets by Hypothesis, no broken promise\n")


if __name__ == "__main__":
    main()
