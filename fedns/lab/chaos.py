"""Random faults of every kind against a running fedns, while a checker holds every answer to the truth.

A seed makes the plan of faults; how they meet is the machine's. When an answer was wrong, or not everything comes back
in the end, what was done is printed with its times, and the seed.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, Final

from msgspec import Struct, field

from fedns.client import Ask, ClientError, Reply, ask
from fedns.lab.checker import Checker, Wrong, heard
from fedns.lab.clock import Clock, library
from fedns.lab.members import plan
from fedns.lab.mischief import Mischief
from fedns.lab.oracle import Kind, Oracle, ServiceKey
from fedns.lab.simulator import Deployment
from fedns.lab.world import World

LIMIT_SECONDS: Final = 15.0
"""An answer may be so old: a stream's period, three tries, `staleAfter`, and what a busy machine adds."""
MEMORY_SECONDS: Final = 120.0
BACK_SECONDS: Final = 60.0
"""Everything is right again within so long of the last fault."""
AROUND_SECONDS: Final = 20.0
"""What was done so long before a wrong answer is told with it."""
NXDOMAIN: Final = 3
PRIVATE: Final = "private"
"""A namespace whose services may be answered with addresses of European members only."""
SETTINGS: Final[dict[str, Any]] = {
    "freshness": {
        "probeInterval": "500ms",
        "probeTimeout": "500ms",
        "suspectAfter": "1s",
        "staleAfter": "2s",
        "recoverAfter": "1s",
        "watchPeriod": "3s",
    },
    "policies": [{"match": {"namespaces": [PRIVATE]}, "jurisdictions": ["eu"]}],
}


REAL: Final = 2
"""So many of the members of a long run are real, where the servers are."""


class Outcome(Struct, kw_only=True):
    """What came of a run: answers by kind, questions without a reply, what was done when, and what was wrong."""

    seed: int
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    oldest: float = 0.0
    deeds: list[tuple[float, str]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    back: float | None = None
    """Seconds from the end of the faults until all was right again; None: not within the bound."""
    began: float = 0.0

    @property
    def good(self) -> bool:
        """Nothing was wrong, and everything came back."""
        return not self.wrong and self.back is not None

    @property
    def denied(self) -> int:
        """How many of the wrong answers were NXDOMAIN."""
        return sum(each.heard.rcode == NXDOMAIN for each in self.wrong)

    @property
    def strayed(self) -> int:
        """How many of the wrong answers gave an address that may not be told outside its jurisdiction."""
        return sum(each.key[0] == PRIVATE and each.verdict.age == inf for each in self.wrong)

    def lines(self) -> list[str]:
        """The counts, for people, and where something was wrong, what was done before it."""
        told = [
            f"seed {self.seed}, {self.seconds:.0f} s, {len(self.deeds)} deeds",
            ", ".join(f"{kind} {count}" for kind, count in sorted(self.counts.items())) + f", no reply {self.lost}",
            f"of the wrong ones, false NXDOMAIN {self.denied}, outside their jurisdiction {self.strayed}",
            f"the oldest answer that passed was {self.oldest:.1f} s old",
            f"all was right again after {self.back:.1f} s" if self.back is not None else "NOT all was right in the end",
        ]
        if self.good:
            return told
        since = min((each.at for each in self.wrong), default=monotonic()) - self.began - AROUND_SECONDS
        story = [(at, text) for at, text in self.deeds if at >= since]
        story += [(each.at - self.began, f"WRONG {each.key}: {each.verdict.detail}") for each in self.wrong[:50]]
        return [*told, f"what happened, with --seed {self.seed}:", *(f"{at:8.2f} {text}" for at, text in sorted(story))]


class Chaos:
    """One run in an embedded world; `every` is the time from one change of a service to the next.

    Processes are killed in the first part of the run, `killing`, the whole of it unless it is less than 1.
    """

    def __init__(
        self, world: World, *, seed: int, every: float = 0.2, snapshot: Path | None = None, killing: float = 1.0
    ) -> None:
        self.outcome = Outcome(seed=seed)
        self.checker = self._checker(world)
        self._world = world
        self._every = every
        self._killing = killing
        self._snapshot = snapshot
        self._mischief = Mischief(world, seed, self._note)
        self._services = {name: list(_services(name, at)) for at, name in enumerate(sorted(world.clusters))}

    def services(self) -> list[ServiceKey]:
        """Every service that there is from the start."""
        return sorted({(each.namespace, each.name) for made in self._services.values() for each in made})

    async def prepare(self) -> None:
        """Have the services in the members."""
        for name, deployments in self._services.items():
            for each in deployments:
                await self._world.clusters[name].put(each.objects())

    async def run(self, seconds: float) -> Outcome:
        """Let it happen for so long, then heal all and see that everything comes back."""
        outcome, world = self.outcome, self._world
        outcome.began, outcome.seconds = monotonic(), seconds
        async with self.checker:
            async with AsyncExitStack() as stack:
                actors = [
                    self._mischief.members(),
                    _until(self._mischief.processes(), seconds * self._killing),
                    self._mischief.churn(self._services, self._every, lambda: self.checker.oracle.look(monotonic())),
                ]
                if self._snapshot is not None:
                    actors.append(self._mischief.disk(self._snapshot))
                if world.clock is not None:
                    actors.append(self._mischief.clock(world.clock))
                for actor in actors:
                    await stack.enter_async_context(_doing(actor))
                await asyncio.sleep(seconds)
            await self._mischief.heal()
            self._note("all: healed")
            ended = monotonic()
            while outcome.back is None and monotonic() - ended < BACK_SECONDS:
                if await self._right(world):
                    outcome.back = monotonic() - ended
                await asyncio.sleep(0.2)
        outcome.counts = {str(kind): self.checker.counts[kind] for kind in Kind}
        outcome.lost, outcome.oldest, outcome.wrong = self.checker.lost, self.checker.oldest, self.checker.wrong
        return outcome

    async def _right(self, world: World) -> bool:
        """Whether every name is answered by the truth of now, and without a mark."""
        oracle = self.checker.oracle
        for key in sorted(oracle.services()):
            reply = await world.ask(_federal(key))
            if reply is None:
                return False
            answer = heard(reply.message)
            if answer.marked or oracle.judge(answer, key, monotonic()).kind is not Kind.CORRECT:
                return False
        return True

    def _note(self, text: str) -> None:
        self.outcome.deeds.append((monotonic() - self.outcome.began, text))

    def _checker(self, world: World) -> Checker:
        """Asks over UDP and TCP, in both zones, once for each worker."""

        def permits(cluster: str, key: ServiceKey, _address: str) -> bool:
            return key[0] != PRIVATE or cluster.startswith("eu")

        local = world.plan[0].name
        oracle = Oracle(world.stores, limit=LIMIT_SECONDS, permits=permits, kept=(local,), memory=MEMORY_SECONDS)
        forms = cycle([(_federal, False), (_strict, False), (_federal, True), (_federal, False)])

        async def question(key: ServiceKey) -> Reply | None:
            name, stream = next(forms)
            try:
                return await ask(Ask(name(key), "A", ("127.0.0.1", world.port), stream=stream, timeout=1.0, tries=1))
            except ClientError:
                return None

        return Checker(oracle, question, copies=world.workers)


def _federal(key: ServiceKey) -> str:
    return f"{key[1]}.{key[0]}.myfed.svc.example.com"


def _strict(key: ServiceKey) -> str:
    return f"{key[1]}.{key[0]}.svc.clusterset.local"


def _services(cluster: str, number: int) -> list[Deployment]:
    """Two services of its own, one that all have, and one that may not leave Europe, all without a place in common."""
    made = []
    for at, (namespace, name) in enumerate(
        (("shop", f"{cluster}-a"), ("shop", f"{cluster}-b"), ("shop", "common"), (PRIVATE, "secret"))
    ):
        block = number * 4 + at
        pods = f"10.{block >> 3}.{(block & 7) << 5}.0/19"
        made.append(Deployment(namespace=namespace, name=name, zones={"z": 2}, pod_range=pods, headless=True))
    return made


@asynccontextmanager
async def _doing(actor: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """With somebody at work; what they die of is told."""
    task = asyncio.create_task(actor)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(actor: Coroutine[Any, Any, None], seconds: float) -> None:
    """Let somebody work for so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await actor


def made(directory: Path, *, members: int, workers: int, port: int, real: int = 0) -> tuple[World, Path]:
    """A world for chaos, and where its snapshot lies; so many members are `real`, and one is a process of its own."""
    # Connections that a fault has cut off under a reply are no errors here.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    snapshot = directory / "state" / "snapshot"
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    names = [member.name for member in plan(members)]
    simulated = names[: members - real]
    faketime = library()
    world = World(
        directory,
        members=members,
        workers=workers,
        port=port,
        embedded=True,
        # The local one stays in this process.
        apart=simulated[1:][-1:],
        real=names[len(simulated) :],
        settings={**SETTINGS, "snapshot": {"path": str(snapshot), "interval": "500ms"}},
        clock=Clock(directory / "clock", faketime) if faketime else None,
    )
    return world, snapshot
