"""How the lab tells a story: each step does one thing to the world, asks, checks the answer, and prints both.

A step asks one name from one place until the answer is as expected; the story fails where it does not come in time. It
knows nothing of what any story is about.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from fractions import Fraction
from time import monotonic
from typing import Any, Final, Protocol

import aiohttp
from dnslib import QTYPE, RCODE
from msgspec import Struct, field

from fedns.client import Reply
from fedns.lab.world import SERVICE, World

PROPAGATION_SECONDS: Final = 5.0
FAILOVER_SECONDS: Final = 10.0
"""`staleAfter`: by then an unreachable cluster has left the answers."""
ASK_SECONDS: Final = 0.05
EDE: Final = 15
STALE_ANSWER: Final = 3
SHARED_ASKS: Final = 120
"""Questions that make out shares: many turns of every ring of the stories."""
UNEVEN_ASKS: Final = 6
"""Each worker walks its own ring, so the sum may be in the middle of some turns."""

Place = tuple[str, str]
"""(cluster, zone)"""
Places = Mapping[str, Place]
"""The place of every pod that has ever been, by its address."""


class Expected(Protocol):
    """What the answers to one name must be."""

    @property
    def within(self) -> float:
        """Seconds until then."""

    @property
    def asks(self) -> int:
        """How many answers it takes to tell."""

    def holds(self, replies: Sequence[Reply], places: Places) -> bool:
        """Whether it is so."""


class Pods(Struct, frozen=True, kw_only=True):
    """Pods of these places, how many, and the extended error that marks them, if any."""

    places: Collection[Place]
    count: int
    error: int | None = None
    within: float = PROPAGATION_SECONDS
    asks: int = 1

    def holds(self, replies: Sequence[Reply], places: Places) -> bool:
        """Whether it is so."""
        addresses = addresses_of(replies[0])
        errors = extended_errors(replies[0])
        return (
            len(addresses) == self.count
            and {places.get(each) for each in addresses} == set(self.places)
            and errors == ([] if self.error is None else [self.error])
        )


class Shares(Struct, frozen=True, kw_only=True):
    """So many of all answers are from each cluster; no answer mixes two of them."""

    clusters: Mapping[str, Fraction]
    within: float = PROPAGATION_SECONDS
    asks: int = SHARED_ASKS

    def holds(self, replies: Sequence[Reply], places: Places) -> bool:
        """Whether it is so."""
        counts = dict.fromkeys(self.clusters, 0)
        for reply in replies:
            found = {places.get(each, ("?", ""))[0] for each in addresses_of(reply)}
            if len(found) != 1 or not found <= counts.keys():
                return False
            counts[found.pop()] += 1
        wanted = {name: share * len(replies) for name, share in self.clusters.items()}
        return all(abs(counts[name] - wanted[name]) <= UNEVEN_ASKS for name in counts)


class Nothing(Struct, frozen=True, kw_only=True):
    """The name exists and has no address now; this extended error says why."""

    error: int
    within: float = PROPAGATION_SECONDS
    asks: int = 1

    def holds(self, replies: Sequence[Reply], places: Places) -> bool:  # noqa: ARG002 -- as the others
        """Whether it is so."""
        reply = replies[0]
        return not addresses_of(reply) and reply.message.header.rcode == 0 and extended_errors(reply) == [self.error]


class Step(Struct, frozen=True, kw_only=True):
    """What is told, done, asked from where, and expected."""

    text: str
    action: Callable[[], Awaitable[None]]
    asked_from: Place
    expected: Expected


class Tale(Struct, frozen=True, kw_only=True):
    """A story to be told: its steps in a world, and what this world is configured with."""

    steps: Callable[[World], list[Step]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Story:
    """One telling, in a world of three members that answers."""

    def __init__(self, world: World, tale: Tale) -> None:
        self._world = world
        self._steps = tale.steps(world)

    async def tell(self) -> bool:
        """All steps, in order; True when every one was as expected."""
        started = monotonic()
        good = 0
        for number, step in enumerate(self._steps, 1):
            good += await self._tell(number, step)
        print(f"\n{good} of {len(self._steps)} steps as expected, {monotonic() - started:.1f} s in all")
        return good == len(self._steps)

    async def _tell(self, number: int, step: Step) -> bool:
        member = next(each for each in self._world.plan if each.name == step.asked_from[0])
        source = member.source(step.asked_from[1])
        print(f"\n{number:2}. {step.text}\n    dig @127.0.0.1 -p {self._world.port} -b {source} {SERVICE}")
        await step.action()
        started = monotonic()
        expected = step.expected
        replies: list[Reply] = []
        right = False
        while not right and monotonic() - started < expected.within:
            replies = [each for _ in range(expected.asks) if (each := await self._world.ask(SERVICE, source=source))]
            right = len(replies) == expected.asks and expected.holds(replies, self._places())
            if not right:
                await asyncio.sleep(ASK_SECONDS)
        print(f"    {self._show(replies)}")
        verdict = "as expected" if right else "NOT as expected"
        print(f"    {verdict} after {monotonic() - started:.2f} s (at most {expected.within:g} s)", flush=True)
        return right

    def _show(self, replies: Sequence[Reply]) -> str:
        if not replies:
            return "no reply"
        places = self._places()
        if len(replies) > 1:
            clusters = [",".join(sorted({places.get(a, ("?",))[0] for a in addresses_of(each)})) for each in replies]
            counts = {name: clusters.count(name) for name in sorted(set(clusters))}
            told = ", ".join(f"{count} from {name or 'nobody'}" for name, count in counts.items())
            return f"{len(replies)} answers: {told}"
        reply = replies[0]
        shown = ", ".join(f"{each} ({'/'.join(places.get(each, ('?',)))})" for each in sorted(addresses_of(reply)))
        marks = " ".join(f"EDE {code}" for code in extended_errors(reply))
        return " ".join(filter(None, [RCODE[reply.message.header.rcode], shown, marks]))

    def _places(self) -> Places:
        return {
            address: (name, zone)
            for name, deployment in self._world.deployments.items()
            for address, zone in deployment.places().items()
        }


async def nothing() -> None:
    """A step that only asks."""


async def scale(world: World, place: Place, pods: int) -> None:
    """Have so many pods in a zone of a cluster."""
    deployment = world.deployments[place[0]]
    deployment.scale(place[1], pods)
    await world.clusters[place[0]].put(deployment.objects())


async def order(world: World, page: str, method: str, body: Mapping[str, Any]) -> None:
    """Order something at the running fedns, as `fedns drain` and `fedns migrate` do; raises RuntimeError."""
    url = f"http://127.0.0.1:{world.http_port}/api/v1/{page}"
    async with aiohttp.ClientSession() as session, session.request(method, url, json=dict(body)) as reply:
        if reply.status != 200:
            raise RuntimeError(f"{method} {url}: {reply.status} {await reply.text()}")


def addresses_of(reply: Reply) -> list[str]:
    """The A and AAAA records of a reply's answer."""
    return [str(record.rdata) for record in reply.message.rr if record.rtype in {QTYPE.A, QTYPE.AAAA}]


def extended_errors(reply: Reply) -> list[int]:
    """The codes of RFC 8914 in a reply."""
    return [
        int.from_bytes(option.data[:2])
        for record in reply.message.ar
        if record.rtype == QTYPE.OPT
        for option in record.rdata
        if option.code == EDE
    ]
