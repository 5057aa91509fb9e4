"""Child: what the supervisor says to a process arrives whole, and counters are shared memory."""

import gc
import os
import signal
import socket
from collections.abc import Iterator

import pytest
from msgspec import structs

from fedns.answers import counters
from fedns.listening import open_sockets
from fedns.settings.child import Child, inherited, map_block, started
from fedns.settings.schema import Address
from fedns.settings.starting import VARIABLE

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
def _process() -> Iterator[None]:
    """Leave this process, and whatever it starts later, as it was: a child is deaf to Ctrl-C and has a name."""
    handler, mask = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    rounds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*rounds)
    signal.signal(signal.SIGINT, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def hear(told: Child) -> Child:
    """What a child takes from what it is told."""
    ours, theirs = socket.socketpair()
    told.tell(ours)
    return started({VARIABLE: str(theirs.detach())}, "test")


def identity(descriptor: int) -> tuple[int, int]:
    """What a descriptor stands for, whatever its number."""
    state = os.fstat(descriptor)
    return state.st_dev, state.st_ino


@pytest.mark.parametrize("slots", [2, 600])
def test_a_child_hears_what_it_is_told(slots: int) -> None:
    """All that was said arrives; every descriptor, however many there are, with a number of its own."""
    opened = [os.memfd_create(f"test {at}") for at in range(slots + 6)]
    *some, listener, udp, tcp, tls, lifeline, gate = opened
    told = structs.replace(
        TOLD, slots=tuple(some), listener=listener, udp=(udp,), tcp=(tcp,), tls=(tls,), lifeline=lifeline, gate=gate
    )
    heard = hear(told)
    assert not {*heard.descriptors()} & {*opened}
    assert list(map(identity, heard.descriptors())) == list(map(identity, told.descriptors()))
    assert heard.numbered(told.descriptors()) == told
    for each in (*opened, *heard.descriptors()):
        os.close(each)


def test_a_child_without_a_gate() -> None:
    """Nothing stands for the gate that has opened already."""
    opened = [os.memfd_create(f"test {at}") for at in range(2)]
    heard = hear(structs.replace(TOLD, slots=(opened[0],), listener=opened[1], udp=(), tcp=(), lifeline=0, gate=-1))
    assert heard.gate == -1
    assert identity(heard.lifeline) == identity(0)
    for each in (*opened, *heard.descriptors()):
        os.close(each)


def test_a_child_that_is_told_nothing_ends() -> None:
    """Its supervisor had no use for it, or has gone: nothing to report."""
    ours, theirs = socket.socketpair()
    ours.close()
    with pytest.raises(SystemExit, match=r"^0$"):
        started({VARIABLE: str(theirs.detach())}, "test")


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
    for each in again:
        each.close()
