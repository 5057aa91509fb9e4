"""The told story of the lab: ask, scale, empty a zone, lose clusters in three ways, heal; every step is checked.

Each step does one thing to the world, asks one name from one place until the answer is as expected, and prints the
answer and the seconds until it changed. The story fails where an answer does not come, or comes too late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from time import monotonic
from typing import Final

from dnslib import QTYPE, RCODE
from msgspec import Struct

from fedns.client import Reply
from fedns.lab.world import SERVICE, World

PROPAGATION_SECONDS: Final = 5.0
FAILOVER_SECONDS: Final = 10.0
"""`staleAfter`: by then an unreachable cluster has left the answers."""
ASK_SECONDS: Final = 0.05
EDE: Final = 15
STALE_ANSWER: Final = 3


class Expected(Struct, frozen=True, kw_only=True):
    """What the next answer must be: pods of these (cluster, zone) places, how many, marked as stale or not."""

    places: Collection[tuple[str, str]]
    count: int
    marked: bool = False
    within: float = PROPAGATION_SECONDS


class Step(Struct, frozen=True, kw_only=True):
    """What is told, done, asked from where, and expected."""

    text: str
    action: Callable[[], Awaitable[None]]
    asked_from: tuple[str, str]
    expected: Expected


class Story:
    """One run of the story in a world of three members that answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments = world.deployments

    async def tell(self) -> bool:
        """All steps, in order; True when every one was as expected."""
        started = monotonic()
        good = 0
        steps = self.steps()
        for number, step in enumerate(steps, 1):
            good += await self._tell(number, step)
        print(f"\n{good} of {len(steps)} steps as expected, {monotonic() - started:.1f} s in all")
        return good == len(steps)

    def steps(self) -> list[Step]:
        """The story."""
        eu1, eu2, us1 = self._world.plan
        eu1_a, eu1_b = ((eu1.name, zone) for zone in eu1.zones)
        us1_a, us1_b = ((us1.name, zone) for zone in us1.zones)
        eu2_c = (eu2.name, eu2.zones[0])
        europe = [(member.name, zone) for member in (eu1, eu2) for zone in member.zones]
        clusters = self._world.clusters

        def step(
            text: str, action: Callable[[], Awaitable[None]], asked_from: tuple[str, str], expected: Expected
        ) -> Step:
            return Step(text=text, action=action, asked_from=asked_from, expected=expected)

        def pods(*places: tuple[str, str], count: int = 2, marked: bool = False, within: float = 0) -> Expected:
            return Expected(places=places, count=count, marked=marked, within=within or PROPAGATION_SECONDS)

        return [
            step(
                "three clusters export web in namespace shop, two pods in each zone",
                self._world.deploy,
                eu1_a,
                pods(eu1_a),
            ),
            step("the same name, asked in another zone", _nothing, us1_b, pods(us1_b)),
            step("scale zone a of eu1 to four pods", lambda: self._scale(eu1_a, 4), eu1_a, pods(eu1_a, count=4)),
            step("empty that zone: its own cluster answers", lambda: self._scale(eu1_a, 0), eu1_a, pods(eu1_b)),
            step("fill it again", lambda: self._scale(eu1_a, 2), eu1_a, pods(eu1_a)),
            step(
                "stop the API server of us1: its clients go to the other region",
                lambda: clusters["us1"].fault("stop"),
                us1_a,
                pods(*europe, count=8, within=FAILOVER_SECONDS),
            ),
            step(
                "freeze the API server of eu2 (SIGSTOP): its clients stay in their region",
                lambda: clusters["eu2"].fault("freeze"),
                eu2_c,
                pods(eu1_a, eu1_b, count=4, within=FAILOVER_SECONDS),
            ),
            step(
                "stop the local API server, eu1: its pods go on, so local answers stay, now marked",
                lambda: clusters["eu1"].fault("stop"),
                eu1_a,
                pods(eu1_a, marked=True, within=FAILOVER_SECONDS),
            ),
            step("heal eu1", lambda: clusters["eu1"].fault("heal"), eu1_a, pods(eu1_a, within=FAILOVER_SECONDS)),
            step("heal us1", lambda: clusters["us1"].fault("heal"), us1_a, pods(us1_a, within=FAILOVER_SECONDS)),
            step("let eu2 go on", lambda: clusters["eu2"].fault("heal"), eu2_c, pods(eu2_c, within=FAILOVER_SECONDS)),
        ]

    async def _tell(self, number: int, step: Step) -> bool:
        member = next(each for each in self._world.plan if each.name == step.asked_from[0])
        source = member.source(step.asked_from[1])
        print(f"\n{number:2}. {step.text}\n    dig @127.0.0.1 -p {self._world.port} -b {source} {SERVICE}")
        await step.action()
        started = monotonic()
        reply = None
        right = False
        while not right and monotonic() - started < step.expected.within:
            reply = await self._world.ask(SERVICE, source=source)
            right = reply is not None and self._as_expected(reply, step.expected)
            if not right:
                await asyncio.sleep(ASK_SECONDS)
        print(f"    {self._show(reply)}")
        verdict = "as expected" if right else "NOT as expected"
        print(f"    {verdict} after {monotonic() - started:.2f} s (at most {step.expected.within:g} s)", flush=True)
        return right

    def _as_expected(self, reply: Reply, expected: Expected) -> bool:
        places = self._places()
        addresses = addresses_of(reply)
        seen = {places.get(each) for each in addresses}
        return (
            len(addresses) == expected.count
            and seen == set(expected.places)
            and (STALE_ANSWER in extended_errors(reply)) == expected.marked
        )

    def _show(self, reply: Reply | None) -> str:
        if reply is None:
            return "no reply"
        places = self._places()
        shown = ", ".join(f"{each} ({'/'.join(places.get(each, ('?',)))})" for each in sorted(addresses_of(reply)))
        marks = " ".join(f"EDE {code}" for code in extended_errors(reply))
        return " ".join(filter(None, [RCODE[reply.message.header.rcode], shown, marks]))

    def _places(self) -> dict[str, tuple[str, str]]:
        """The place of every pod that has ever been: address -> (cluster, zone)."""
        return {
            address: (name, zone)
            for name, deployment in self._deployments.items()
            for address, zone in deployment.places().items()
        }

    async def _scale(self, place: tuple[str, str], pods: int) -> None:
        deployment = self._deployments[place[0]]
        deployment.scale(place[1], pods)
        await self._world.clusters[place[0]].put(deployment.objects())


async def _nothing() -> None:
    """A step that only asks."""


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
