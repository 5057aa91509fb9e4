"""Starting: a child waits, deaf to signals, until it is told; one that never is told ends."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from fedns.settings.starting import VARIABLE, command, environment, start

MODULE = """
import gc, os, signal, socket

def main():
    with socket.socket(fileno=int(os.environ["FEDNS_CHILD"])) as connection:
        connection.send(b"deaf" if signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()) else b"hears")
        while connection.recv(100) != b"go":
            pass
        connection.send(b"on" if gc.isenabled() else b"off")
"""
"""Says first whether it hears signals, and once it is told, whether its garbage collector runs."""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "infant.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_child_waits_to_be_told() -> None:
    """It runs before it is told anything, hears no signal, and its garbage collector sleeps."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with start("infant") as child:
        assert child.connection.recv(100) == b"deaf"
        child.process.send_signal(signal.SIGTERM)
        child.process.send_signal(signal.SIGHUP)
        with child.connection:
            child.connection.send(b"go")
            assert child.connection.recv(100) == b"off"
    assert child.process.wait(30) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_child_that_is_not_needed_ends() -> None:
    """It is killed and buried with the context, whatever it does."""
    with start("infant") as child:
        assert child.connection.recv(100) == b"deaf"
    assert child.process.returncode == -signal.SIGKILL


def test_who_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors are closed, and signals are heard as before."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before, opened = signal.pthread_sigmask(signal.SIG_BLOCK, ()), set(Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="nowhere"):
        start("infant")
    assert set(Path("/proc/self/fd").iterdir()) == opened
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_the_module_is_in_the_words() -> None:
    """Who looks for a child in the process table finds it by its module, and its socket in its environment."""
    assert any("infant" in word for word in command("infant"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert environment(theirs) == {**os.environ, VARIABLE: str(theirs.fileno())}
