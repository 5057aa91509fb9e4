"""The parent process: owns the sockets and the counters, starts the children, replaces the dead and the hung.

    fedns serve      starts the control process, which imports most   (cli.main)
      run            reads the configuration meanwhile
      Supervisor     opens the sockets, starts the workers, tells each child what it is for
        control      reads the configuration, connects to the members, lists, tells the workers
        worker       connects to the control process, answers

It knows nothing of DNS or Kubernetes: standard library and settings only. It may be PID 1 of a container, so it also
buries orphans. Signals come to it: SIGHUP reloads, SIGTERM and SIGINT shut down after the lame-duck time, a second one
at once.
"""

import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final

from fedns.answers import counters
from fedns.children import Listeners, Words
from fedns.handover import HandoverError, Offer, Succession
from fedns.settings import logs
from fedns.settings.child import Child
from fedns.settings.load import ConfigError, load
from fedns.settings.schema import Settings
from fedns.settings.starting import Newcomer
from fedns.slots import Slot

CONTROL: Final = "fedns.control.daemon"
WATCHED: Final = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT}
ROUND_SECONDS: Final = 0.1
MEASURE_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0
TAKEOVER_SECONDS: Final = 30.0
"""A successor waits so long for all members to be read; then a snapshot has to do, or it gives up."""

log = logging.getLogger("fedns.supervisor")


class Supervisor:
    """All children of one `fedns serve`."""

    def __init__(
        self,
        config: Path,
        overrides: dict[str, Any],
        settings: Settings,
        directory: Path,
        newcomer: Newcomer | None = None,
        succession: Succession | None = None,
    ) -> None:
        self._succession = succession
        self._settings = settings
        workers = settings.dns.workers
        workers = workers if workers is not None else len(os.sched_getaffinity(0))
        self._lifeline, self._gate = os.pipe(), os.pipe()
        listener = socket.socket(socket.AF_UNIX)
        path = directory / "control"
        listener.bind(str(path))
        listener.listen(128)
        listeners = Listeners(settings.dns, succession)
        self._sockets = [*listeners.all(), listener]
        self._offer = Offer(settings.dns.listen, self._sockets[:-1])
        parts = list(listeners.parts(workers))
        master = secrets.token_hex(32)
        slots = tuple(_memory(f"fedns slot {at}") for at in range(len(parts) + 1))

        def child(slot: int, words: Words) -> Child:
            return Child(
                config=str(config),
                overrides=overrides,
                slot=slot,
                slots=slots,
                listener=listener.fileno(),
                path=str(path),
                lifeline=self._lifeline[0],
                workers=workers,
                master=master,
                gate=self._gate[0],
                logging=settings.logging,
                **words,
            )

        most = settings.memory
        self._control = Slot("the control process", CONTROL, child(0, listeners.plain()), most.control, newcomer)
        self._answering = [
            Slot(each.name, each.module, child(at, each.words), most.worker) for at, each in enumerate(parts, 1)
        ]
        self._measured = 0.0
        self._slots = [self._control, *self._answering]

    def run(self) -> int:
        """Keep all children alive until a signal says stop; 0 after an orderly shutdown, 1 when it cannot take over."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        good = self._succession is None or self._take_over(self._succession)
        if good:
            self._open_gate()
            self._serve()
        self._offer.close()
        for slots in (self._answering, [self._control]):
            self._stop(slots)
        return 0 if good else 1

    def _serve(self) -> None:
        """Until a signal and the time after it, or until a successor answers."""
        asked = self._watch(self._offer.poll)
        if asked is None:
            log.info("another process has taken over: stopping")
            return
        log.info("%s: answering for %g s more, then stopping", asked.name, self._settings.dns.lameduck)
        self._control.send(signal.SIGUSR1)
        end = monotonic() + self._settings.dns.lameduck
        self._watch(lambda: monotonic() >= end)

    def _take_over(self, other: Succession) -> bool:
        """Get ready behind the other's sockets, answer, and let the other end; False leaves all as it was."""
        log.info("taking over from process %d, fedns %s", other.pid, other.version)
        began = monotonic()
        asked = self._watch(lambda: other.lost or monotonic() - began >= TAKEOVER_SECONDS or self._knows(2))
        good = asked is None and (other.lost or self._knows(1))
        if asked is None and not good:
            log.error("not taking over: process %d knows members that could not be read here", other.pid)
        if not good:
            other.close()
            return False
        self._open_gate()
        self._watch(lambda: all(slot.block[counters.LOADED] for slot in self._answering or self._slots))
        other.done()
        self._watch(lambda: other.lost)
        other.close()
        log.info("took over from process %d within %.1f s", other.pid, monotonic() - began)
        return True

    def _knows(self, least: int) -> bool:
        """Whether every member is known (1) or has been read (2), and every worker has been told of it."""
        control = self._control.block
        told = [slot.block[counters.GENERATION] >= control[counters.GENERATION] > 0 for slot in self._answering]
        return control[counters.KNOWN] >= least and all(told)

    def _open_gate(self) -> None:
        """Let the processes read their sockets."""
        if self._gate[1] >= 0:
            os.close(self._gate[1])
            self._gate = (self._gate[0], -1)

    def _watch(self, enough: Callable[[], bool]) -> signal.Signals | None:
        """Supervise until it is enough, or until a signal to stop, which is returned."""
        while not enough():
            now = monotonic()
            for slot in self._slots:
                slot.bury(now, expected=False)
                slot.start_if_due(now)
                slot.kill_if_hung(now)
            self._bury_orphans()
            self._measure(now)
            caught = signal.sigtimedwait(WATCHED, ROUND_SECONDS)
            if caught is None or caught.si_signo == signal.SIGCHLD:
                continue
            if caught.si_signo == signal.SIGHUP:
                log.info("SIGHUP: %s reads the configuration again", self._control.name)
                self._control.send(signal.SIGHUP)
                continue
            return signal.Signals(caught.si_signo)
        return None

    def _measure(self, now: float) -> None:
        """Once a second: one of those that have too much memory is replaced, while all others are at work."""
        if now - self._measured >= MEASURE_SECONDS:
            self._measured = now
            oversized = [slot for slot in self._slots if slot.measure()]
            if self._control.alive and all(slot.alive and slot.block[counters.LOADED] for slot in self._answering):
                any(slot.renew(now) for slot in oversized)

    def _stop(self, slots: list[Slot]) -> None:
        """End these children: asked first, killed when they take too long."""
        for slot in slots:
            slot.send(signal.SIGTERM)
        limit = monotonic() + STOP_SECONDS
        while any(slot.alive for slot in slots):
            if monotonic() > limit:
                for slot in slots:
                    slot.send(signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, ROUND_SECONDS)
            for slot in slots:
                slot.bury(monotonic(), expected=True)

    def _bury_orphans(self) -> None:
        """As PID 1 of a container: take the exit codes of processes that others have left behind."""
        if os.getpid() != 1:
            return
        own = {slot.pid for slot in self._slots}
        with contextlib.suppress(ChildProcessError):
            # WNOWAIT looks without taking: our own children are buried by their slots, which need the code.
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and found.si_pid not in own:
                os.waitpid(found.si_pid, os.WNOHANG)


def run(config: Path, overrides: dict[str, Any], newcomer: Newcomer | None = None, *, takeover: bool = False) -> int:
    """`fedns serve`: 0 after an orderly stop, 1 when the sockets cannot be had, 2 when the configuration is wrong.

    `newcomer` becomes the first control process. With `takeover` the sockets come from the fedns that serves the same
    addresses, which then ends.
    """
    try:
        settings = load(config, overrides, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            print(f"{config}:{problem.line}: {problem.path}: {problem.sentence}", file=sys.stderr)  # noqa: T201
        return 2
    logs.configure(settings.logging)
    try:
        succession = Succession(settings.dns.listen) if takeover else None
        # The socket between control process and workers lies here: for this user only.
        with tempfile.TemporaryDirectory(prefix="fedns-", ignore_cleanup_errors=True) as directory:
            return Supervisor(config, overrides, settings, Path(directory), newcomer, succession).run()
    except (OSError, HandoverError) as error:
        log.error("%s", error)  # noqa: TRY400 -- a sentence for the operator, no traceback
        return 1


def _memory(name: str) -> int:
    """An anonymous counter block that outlives the processes which map it."""
    descriptor = os.memfd_create(name)
    os.ftruncate(descriptor, counters.BYTES)
    return descriptor
