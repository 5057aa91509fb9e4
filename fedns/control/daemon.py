"""The control process: puts feeds, pipeline, publisher and HTTP servers together, and takes the signals.

SIGHUP reads the configuration again (a wrong one is reported and changes nothing); members also come and go with
Secrets. SIGUSR1 makes fedns unready before
the end, SIGTERM ends it. It also ends when the supervisor is gone. Without workers it answers DNS itself, through the
same socket and the same code as a worker.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.control.directory import Directory
from fedns.control.explaining import Explaining
from fedns.control.feeds import Feeds
from fedns.control.history import History
from fedns.control.membership import Membership
from fedns.control.orders import Orders
from fedns.control.overview import Overview
from fedns.control.paths import Paths
from fedns.control.pipeline import TICK_SECONDS, Pipeline
from fedns.control.preserving import Keeper
from fedns.control.publish import Publisher
from fedns.control.reach import Reach
from fedns.control.readiness import Health, Readiness
from fedns.control.replicas import Others
from fedns.control.saving import Saving
from fedns.control.truth import Truth
from fedns.federation.health import Freshness
from fedns.federation.objects import Cluster
from fedns.servers import worker
from fedns.servers.feed import follow
from fedns.settings import logs
from fedns.settings.child import Child, inherited, started
from fedns.settings.load import ConfigError, load
from fedns.settings.schema import Logging, Settings
from fedns.settings.told import rules

if TYPE_CHECKING:
    from fedns.control.admin import Servers

HEARTBEAT_SECONDS: Final = 0.2
SWITCH_SECONDS: Final = 0.0005
"""A thread that computes (imports, a snapshot) gives the interpreter back so soon when the loop has something to do.

With Python's own 5 ms a change would wait for so long at each system call on its way, ten times or more.
"""
HTTP_RETRY_SECONDS: Final = 3.0
FIRST_PAGE_SECONDS: Final = 1.0
"""The HTTP servers open after so long at most."""

log = logging.getLogger(__name__)


class Daemon:
    """One control process; made inside a running event loop."""

    def __init__(self, child: Child, settings: Settings) -> None:
        self._child = child
        self._settings = settings
        self._stop = asyncio.Event()
        self._reread = False
        self._news = asyncio.Event()
        self._moved = asyncio.Event()
        self._own = child.block(child.slot)
        self._answering = [child.block(slot) for slot in child.answering()]
        self._truth = Truth(rules=rules(settings))
        self._publisher = Publisher(self._truth, secrets.token_hex(8), self._meet)
        history = History()
        self._orders = Orders(
            self._truth,
            self._reach,
            self._news.set,
            history=history,
            told=self._publisher.members,
            blocks=self._answering,
        )
        self._orders.configure(settings)
        self._truth.rules = self._orders.added(self._truth.rules)
        self._pipeline = Pipeline(self._truth, self._publisher, history=history)
        self._keeper = Keeper(self._truth, self._publisher, self._pipeline)
        self._others = Others(self._truth, self._pipeline, self._publisher.epoch)
        self._others.use(settings.replicas)
        self._feeds = Feeds(self._pipeline)
        self._paths = Paths(self._pipeline.observed)
        self._membership = Membership(settings, self._news.set)
        self._health = Health(self._answering)
        self._reloads = Counter({"success": 0, "failure": 0})
        self._readiness = Readiness(self._truth, self._own if child.workers else None)
        if not settings.clients_from.nodes:
            self._truth.nodes = {}
        self._keeper.use(settings.snapshot)
        if self._keeper.restore(settings):
            self._readiness.restored = True

    async def run(self) -> None:
        """Work until told to stop; raises what breaks a part that must not end."""
        self._take_signals()
        if self._child.workers:
            self._own[counters.PID] = os.getpid()
            self._own[counters.STARTS] += 1
        parts: dict[str, Coroutine[Any, Any, None]] = {
            "heartbeat": _every(HEARTBEAT_SECONDS, self._beat),
            "pipeline": _every(TICK_SECONDS, self._tick),
            "publisher": self._publisher.serve(inherited((self._child.listener,))[0]),
            "http": self._keep_servers(),
            "changes": self._take_changes(),
            "snapshot": self._keeper.run(),
            "replicas": self._others.run(),
            "failovers": self._orders.failovers.run(),
        }
        # The answers end by themselves when told to stop, after what they have in hand.
        parts |= {"end": _wait(self._stop)} if self._child.workers else self._answer_inside()
        tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
        try:
            await self._membership.configure(self._settings)
            await self._feeds.follow(self._settings)
            await self._paths.follow(self._settings)
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._membership.close()
            await self._feeds.close()
            await self._paths.close()
            await self._keeper.close()

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._leave)
        loop.add_reader(self._child.lifeline, self._stop.set)

    def _reload(self) -> None:
        self._reread = True
        self._news.set()

    def _leave(self) -> None:
        log.info("not ready from now on: shutting down")
        self._readiness.leaving = True

    def _beat(self) -> None:
        self._own[counters.HEARTBEAT] = monotonic_ns()
        self._own[counters.GENERATION] = self._publisher.generation
        statuses = self._truth.statuses.values()
        known = bool(statuses) and all(each.state != Freshness.SYNCING for each in statuses)
        self._own[counters.KNOWN] = known + (known and all(each.synced for each in statuses))

    def _reach(self) -> Reach:
        return Reach(self._publisher, len(self._answering))

    def _tick(self) -> None:
        self._pipeline.tick()
        self._orders.tick()

    def _answer_inside(self) -> dict[str, Coroutine[Any, Any, None]]:
        replica = Replica(self._own, bytes.fromhex(self._child.master))
        return {
            "feed of the answers": follow(self._child.path, self._child.slot, replica),
            "answers": worker.serve(self._child, replica, self._stop),
        }

    async def _keep_servers(self) -> None:
        """An HTTP address that cannot be had must not take DNS down with it: it is tried again and again.

        What serves it is loaded when the first member's services are answered, or a moment later: its imports would be
        0.05 s more until then, and it could say nothing but that. They are loaded beside the loop: a change waits for
        no import.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PAGE_SECONDS):
                while not self._truth.read or self._publisher.acknowledged < self._publisher.generation:  # noqa: ASYNC110 -- the truth is plain data
                    await asyncio.sleep(TICK_SECONDS)
        await asyncio.to_thread(importlib.import_module, "fedns.control.admin")
        servers = self._pages()
        try:
            while True:
                self._moved.clear()
                complete = await servers.open(self._settings)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if complete else HTTP_RETRY_SECONDS):
                        await self._moved.wait()
        finally:
            await servers.close()

    def _pages(self) -> "Servers":
        from fedns.control.admin import Pages, Servers  # noqa: PLC0415 -- loaded before, see above
        from fedns.control.metrics import Metrics  # noqa: PLC0415

        metrics = Metrics(
            truth=self._truth,
            publisher=self._publisher,
            blocks=self._answering,
            pipeline=self._pipeline,
            keeper=self._keeper,
            feeds=lambda: self._feeds.running,
            paths=self._paths,
            others=self._others,
            orders=self._orders,
            tasks=lambda: len(asyncio.all_tasks()),
        )
        metrics.reloads = self._reloads
        overview = Overview(
            truth=self._truth,
            publisher=self._publisher,
            pipeline=self._pipeline,
            feeds=lambda: self._feeds.running,
            paths=self._paths,
            membership=self._membership,
        )
        return Servers(
            Pages(
                overview=overview,
                directory=Directory(self._truth, self._pipeline.conflicts, lambda: self._feeds.running),
                history=self._pipeline.history,
                saving=Saving(self._truth, self._publisher),
                orders=self._orders,
                explaining=Explaining(self._truth),
                others=self._others,
                metrics=metrics,
                readiness=self._readiness,
                health=self._health,
            )
        )

    def _meet(self, clusters: tuple[Cluster, ...]) -> None:
        self._pipeline.meet(clusters, complete=self._membership.told)

    async def _take_changes(self) -> None:
        """Go on with other settings, one after the other, wherever they come from."""
        while True:
            await self._news.wait()
            self._news.clear()
            result = await self._read_again() if self._reread else ""
            await self._use(self._membership.settings)
            if result:
                self._reloads[result] += 1

    async def _read_again(self) -> str:
        """Read the configuration; returns how that went, for the metric."""
        self._reread = False
        try:
            settings = load(Path(self._child.config), self._child.overrides, os.environ)
        except ConfigError as error:
            report(self._child.config, error)
            log.error("the configuration stays as it was")  # noqa: TRY400 -- each problem has its own line
            return "failure"
        await self._membership.configure(settings)
        log.info("the configuration was read again")
        return "success"

    async def _use(self, settings: Settings) -> None:
        """Go on with other settings, in the order that keeps a member which left from speaking once more."""
        before, self._settings = self._settings, settings
        logs.configure(settings.logging)
        if _opened(before) != _opened(settings):
            log.warning("dns.listen, workers, tls, https and quic take effect when fedns is started again")
        self._keeper.use(settings.snapshot)
        self._others.use(settings.replicas)
        self._orders.configure(settings)
        self._pipeline.reload(self._orders.added(rules(settings)), complete=self._membership.told)
        if not settings.clients_from.nodes:
            self._pipeline.located(settings.local.cluster, {}, whole=True)
        await self._feeds.follow(settings)
        await self._paths.follow(settings)
        self._moved.set()


def _opened(settings: Settings) -> tuple[object, ...]:
    """What is decided when fedns starts."""
    return settings.dns.listen, settings.dns.workers, settings.dns.tls, settings.dns.https, settings.dns.quic


def report(config: str, error: ConfigError) -> None:
    """One line for each problem of a configuration."""
    for problem in error.problems:
        log.error("%s:%s: %s: %s", config, problem.line, problem.path, problem.sentence)


async def _every(seconds: float, action: Callable[[], None]) -> None:
    while True:
        action()
        await asyncio.sleep(seconds)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _loop() -> asyncio.AbstractEventLoop:
    """The faster event loop where the extra `speed` is installed."""
    try:
        import uvloop  # noqa: PLC0415 -- optional
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def run(child: Child, settings: Settings) -> None:
    """The whole life of a control process."""
    await Daemon(child, settings).run()


def main() -> None:
    """A whole process, as `settings.starting` begins it."""
    # Either may wait already, and would end a process that has no loop yet; the configuration is read after this.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    child = started(os.environ, "control")
    logs.configure(Logging())
    try:
        settings = load(Path(child.config), child.overrides, os.environ)
    except ConfigError as error:
        report(child.config, error)
        raise SystemExit(2) from None
    logs.configure(settings.logging)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(run(child, settings))


if __name__ == "__main__":
    main()
