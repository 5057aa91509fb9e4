"""What the real tier asks: addresses and rcodes as one value, waited for, and held for both workers."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from time import monotonic
from typing import Final, NamedTuple, Self

from dnslib import QTYPE, RCODE

from fedns.client import Ask, ClientError, Reply, ask
from fedns.lab.world import World

STEADY: Final = 10
"""So many equal answers in a row: both workers have the change, and neither takes it back."""
CHANGE_SECONDS: Final = 30.0
ASK_EVERY: Final = 0.05
"""Seconds between two rounds of questions."""
EDE: Final = 15
STALE_ANSWER: Final = 3


class Seen(NamedTuple):
    """An answer as a test compares it: the rcode, and the addresses (of A) in no order."""

    rcode: str
    addresses: frozenset[str] = frozenset()


NXDOMAIN: Final = Seen("NXDOMAIN")
NODATA: Final = Seen("NOERROR")
SILENCE: Final = Seen("no reply")


def addresses(*groups: Collection[str]) -> Seen:
    """The answer that has just these addresses."""
    return Seen("NOERROR", frozenset().union(*groups))


def seen(reply: Reply | None) -> Seen:
    """What a reply says."""
    if reply is None:
        return SILENCE
    found = frozenset(str(record.rdata) for record in reply.message.rr if record.rtype == QTYPE.A)
    return Seen(str(RCODE[reply.message.header.rcode]), found)


async def look(world: World, name: str, source: str = "") -> Seen:
    """What fedns tells a client at `source`."""
    return seen(await world.ask(name, "A", source))


async def through(port: int, name: str, qtype: str = "A") -> Reply | None:
    """What another server on loopback tells."""
    try:
        return await ask(Ask(name, qtype, ("127.0.0.1", port), timeout=1.0, tries=1))
    except ClientError:
        return None


async def settles(
    question: Callable[[], Awaitable[Seen]], expected: Seen, within: float = CHANGE_SECONDS
) -> list[Seen]:
    """Ask until the answer is as expected and stays so; returns what was seen before that, in order."""
    started, before, steady = monotonic(), list[Seen](), 0
    while steady < STEADY:
        found = await question()
        if found == expected:
            steady += 1
            continue
        steady = 0
        before.append(found)
        assert monotonic() - started < within, f"not within {within:g} s: {expected}, but {found}"
        await asyncio.sleep(0.02)
    return before


def errors(reply: Reply) -> set[int]:
    """The codes of the Extended DNS Errors of a reply (RFC 8914)."""
    options = (option for record in reply.message.ar if record.rtype == QTYPE.OPT for option in record.rdata)
    return {int.from_bytes(option.data[:2]) for option in options if option.code == EDE}


class Asker:
    """Asks names all the while; `wrong` keeps what none of them may be told, in order.

    `may` says what each may be told now: while a change is under way the state before and the state after.
    """

    def __init__(self, world: World) -> None:
        self.may: dict[str, set[Seen]] = {}
        self.wrong: list[str] = []
        self.rounds = 0
        self._world = world
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if kind is None:
            assert not self.wrong, "; ".join(self.wrong[:20])
            assert self.rounds

    def allow(self, answers: Mapping[str, Seen]) -> None:
        """From now on this is right, too, of the names that are asked for already."""
        for name in answers.keys() & self.may.keys():
            self.may[name].add(answers[name])

    async def becomes(self, answers: Mapping[str, Seen], within: float = CHANGE_SECONDS) -> None:
        """Wait until these names are told this; from then on nothing else is right (a new name is asked from then)."""
        self.allow(answers)
        async with asyncio.TaskGroup() as tasks:
            for name, answer in answers.items():
                tasks.create_task(settles(partial(self._paced, name), answer, within))
        for name, answer in answers.items():
            self.may[name] = {answer}

    async def _paced(self, name: str) -> Seen:
        """Slowly enough that a worker which hears of a change a little later than the other is met, too."""
        await asyncio.sleep(ASK_EVERY)
        return await look(self._world, name)

    async def _run(self) -> None:
        while True:
            started = monotonic()
            await asyncio.gather(*map(self._ask, self.may))
            self.rounds += 1
            await asyncio.sleep(max(0.0, ASK_EVERY - (monotonic() - started)))

    async def _ask(self, name: str) -> None:
        before = set(self.may[name])
        found = await look(self._world, name)
        if found not in before | self.may[name]:
            self.wrong.append(f"{name}: {found}")
