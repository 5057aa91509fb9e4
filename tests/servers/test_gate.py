"""The gate: open at once for the first, later for those beside whom others answer better."""

import os
from collections.abc import Iterator

import pytest
from msgspec import structs

from fedns.answers import counters
from fedns.servers.gate import PATIENCE_SECONDS, Gate
from fedns.settings.child import Child


@pytest.fixture
def child() -> Iterator[Child]:
    """The second of two workers."""
    slots = tuple(os.memfd_create("test") for _ in range(3))
    for slot in slots:
        os.ftruncate(slot, counters.BYTES)
    yield Child(
        config="", overrides={}, slot=2, slots=slots, listener=-1, path="", udp=(), tcp=(), lifeline=-1, workers=2
    )
    for slot in slots:
        os.close(slot)


def test_nobody_else_answers(child: Child) -> None:
    """Then whatever is known is better than silence."""
    assert Gate(child).open(100.0)


def test_others_answer_and_the_control_process_has_just_begun(child: Child) -> None:
    """It waits until every member is known, be it from a snapshot, and not for ever."""
    child.block(1)[counters.LOADED] = 1
    gate = Gate(child)
    assert not gate.open(100.0)
    assert not gate.open(100.0 + PATIENCE_SECONDS - 1)
    assert gate.open(100.0 + PATIENCE_SECONDS)
    other = Gate(child)
    assert not other.open(100.0)
    child.block(0)[counters.KNOWN] = 1
    assert other.open(100.1)


def test_a_successor_waits_for_its_supervisor(child: Child) -> None:
    """Whatever it knows, until the other end of the gate is closed."""
    read, write = os.pipe()
    gate = Gate(structs.replace(child, gate=read))
    assert not gate.open(100.0)
    os.close(write)
    assert gate.open(100.1)
    assert gate.open(100.2)
