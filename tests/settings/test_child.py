"""Child: what the supervisor says to a process arrives whole, and counters are shared memory."""

import os
import signal
from collections.abc import Iterator

import pytest

from fedns.answers import counters
from fedns.listening import open_sockets
from fedns.settings.child import VARIABLE, Child, inherited, map_block, started
from fedns.settings.schema import Address

TOLD = Child(
    config="/etc/fedns.yaml",
    overrides={"logging.level": "debug"},
    slot=1,
    slots=(7, 8),
    listener=9,
    path="/tmp/x/control",
    udp=(10,),
    tcp=(11,),
    lifeline=12,
    workers=1,
    gate=13,
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Leave this process, and whatever it starts later, as it was: a child is deaf to Ctrl-C and has a name."""
    handler, mask = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.signal(signal.SIGINT, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_a_child_reads_what_it_was_told() -> None:
    """The environment carries everything; all descriptors are named for inheritance."""
    assert started(TOLD.environment(), "test") == TOLD
    assert sorted(TOLD.descriptors()) == list(range(7, 14))


def test_a_child_started_by_hand_says_who_starts_it() -> None:
    """Without the supervisor's words there is a sentence, no traceback."""
    with pytest.raises(SystemExit, match="fedns serve"):
        started({}, "worker")


def test_blocks_are_shared() -> None:
    """Two mappings of one block see each other's counts."""
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, counters.BYTES)
    one, other = map_block(descriptor), map_block(descriptor)
    one[counters.GENERATION] = 7
    assert other[counters.GENERATION] == 7
    os.close(descriptor)


def test_inherited_sockets_are_usable() -> None:
    """A descriptor becomes a socket of the right kind again."""
    opened = open_sockets((Address("127.0.0.1", 0),))
    again = inherited(tuple(each.detach() for each in opened))
    assert [each.getsockname()[0] for each in again] == ["127.0.0.1"] * 2
    assert VARIABLE in TOLD.environment()
    for each in again:
        each.close()
