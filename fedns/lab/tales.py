"""The stories of the lab by name: the demo, and one for each promise of placement that people ask for."""

from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Final

from fedns.lab.demo import DEMO
from fedns.lab.story import (
    FAILOVER_SECONDS,
    PROPAGATION_SECONDS,
    Nothing,
    Place,
    Pods,
    Shares,
    Step,
    Tale,
    nothing,
    order,
    scale,
)
from fedns.lab.world import World

FILTERED: Final = 17
NO_REACHABLE_AUTHORITY: Final = 22
OTHER: Final = 0
STATE: Final = {"path": "state.json"}
WEB: Final = "shop/web"
NEXT_STEP_SECONDS: Final = 15.0
"""A step of the story's migration comes within so many seconds."""
Action = Callable[[], Awaitable[None]]


def _places(world: World) -> list[Place]:
    """Both zones of eu1, of eu2 and of us1, in this order."""
    return [(member.name, zone) for member in world.plan for zone in member.zones]


def _both(*actions: Action) -> Action:
    async def all_of_them() -> None:
        for action in actions:
            await action()

    return all_of_them


def _shares(within: float = PROPAGATION_SECONDS, **clusters: str) -> Shares:
    return Shares(clusters={name: Fraction(share) for name, share in clusters.items()}, within=within)


def _burst(world: World) -> list[Step]:
    """Cheap clusters first, and the dear one only for what they cannot take."""
    eu1_a, eu1_b, eu2_c, eu2_d, us1_a, _ = _places(world)

    def step(text: str, action: Action, expected: Shares) -> Step:
        return Step(text=text, action=action, asked_from=us1_a, expected=expected)

    return [
        step(
            "eu1 costs 1, eu2 costs 2, us1 costs 9, and each has the four pods that are needed: eu1 takes all",
            world.deploy,
            _shares(eu1="1"),
        ),
        step(
            "eu1 is down to two pods: half goes to eu2", lambda: scale(world, eu1_b, 0), _shares(eu1="1/2", eu2="1/2")
        ),
        step(
            "eu2 is down to one pod: what is left goes to us1, a quarter",
            _both(lambda: scale(world, eu2_c, 1), lambda: scale(world, eu2_d, 0)),
            _shares(eu1="1/2", eu2="1/4", us1="1/4"),
        ),
        step("eu1 has three again", lambda: scale(world, eu1_b, 1), _shares(eu1="3/4", eu2="1/4")),
        step("and four: the burst is over", lambda: scale(world, eu1_a, 3), _shares(eu1="1")),
    ]


def _migrate(world: World) -> list[Step]:
    """A service goes from us1 to eu1 by steps of seconds, waits, goes on, and goes back."""
    eu1_a, eu1_b, *_, us1_a, _ = _places(world)
    move = {"service": WEB, "from": "us1", "to": "eu1", "schedule": "10% now, 50% +5s, 100% +10s"}

    def step(text: str, action: Action, expected: Shares) -> Step:
        return Step(text=text, action=action, asked_from=us1_a, expected=expected)

    async def begin() -> None:
        await order(world, "migrations", "POST", move | {"pauseIf": "ready(eu1) < 2"})

    async def abort() -> None:
        await order(world, "migrations", "DELETE", {"service": WEB})

    empty = _both(lambda: scale(world, eu1_a, 1), lambda: scale(world, eu1_b, 0))
    return [
        step("three clusters have web; its clients in us1 stay there", world.deploy, _shares(us1="1")),
        step("move it to eu1: a tenth at once", begin, _shares(us1="9/10", eu1="1/10")),
        step("half after five seconds", nothing, _shares(NEXT_STEP_SECONDS, us1="1/2", eu1="1/2")),
        step("one pod is left in eu1, and two are wanted: it waits", empty, _shares(us1="1/2", eu1="1/2")),
        step("two again: it goes on to the end", lambda: scale(world, eu1_b, 1), _shares(NEXT_STEP_SECONDS, eu1="1")),
        step("abort: all goes back at once", abort, _shares(us1="1")),
    ]


def _jurisdiction(world: World) -> list[Step]:
    """What a jurisdiction forbids answers nobody, whatever fails."""
    eu1_a, eu1_b, eu2_c, eu2_d, us1_a, _ = _places(world)
    europe = (eu1_a, eu1_b, eu2_c, eu2_d)
    clusters = world.clusters

    def step(text: str, action: Action, asked_from: Place, expected: Pods | Nothing) -> Step:
        return Step(text=text, action=action, asked_from=asked_from, expected=expected)

    def empty(*places: Place) -> Action:
        return _both(*(lambda place=each: scale(world, place, 0) for each in places))

    async def annotate() -> None:
        deployment = world.deployments["us1"]
        deployment.annotations["fedns.io/jurisdictions"] = "us"
        await clusters["us1"].put(deployment.objects())

    return [
        step(
            "web may be answered from the EU only: clients in us1 go there",
            world.deploy,
            us1_a,
            Pods(places=europe, count=8),
        ),
        step("eu2 is emptied: eu1 is left", empty(eu2_c, eu2_d), us1_a, Pods(places=europe[:2], count=4)),
        step(
            "eu2 is stopped, too: nothing changes",
            lambda: clusters["eu2"].fault("stop"),
            us1_a,
            Pods(places=europe[:2], count=4),
        ),
        step(
            "eu1 is emptied: rather nobody than us1, which is ready",
            empty(eu1_a, eu1_b),
            us1_a,
            Nothing(error=FILTERED),
        ),
        step("and so for clients in the EU", nothing, eu1_a, Nothing(error=FILTERED)),
        step("eu1 has pods again", lambda: scale(world, eu1_a, 2), us1_a, Pods(places=[eu1_a], count=2)),
        step("us1 annotates its Service with us: that narrows to nothing", annotate, us1_a, Nothing(error=FILTERED)),
    ]


def _drain(world: World) -> list[Step]:
    """A zone and a cluster give way, also while they are dead; the last ones stay, unless by force."""
    eu1_a, eu1_b, eu2_c, eu2_d, us1_a, us1_b = _places(world)
    europe = (eu1_a, eu1_b, eu2_c, eu2_d)

    def step(text: str, action: Action, asked_from: Place, expected: Pods | Nothing) -> Step:
        return Step(text=text, action=action, asked_from=asked_from, expected=expected)

    def drain(*targets: str, method: str = "POST", **more: bool) -> Action:
        return _both(
            *(lambda target=each: order(world, "drains", method, {"target": target, **more}) for each in targets)
        )

    own = Pods(places=[us1_a], count=2)
    away = Pods(places=europe, count=8, within=FAILOVER_SECONDS)
    back = Pods(places=[us1_a], count=2, within=2 * FAILOVER_SECONDS)
    marked = Pods(places=[us1_a], count=2, error=OTHER)
    everywhere = [f"{WEB}@{each.name}" for each in world.plan]
    put_back = _both(lambda: world.clusters["us1"].fault("heal"), drain("us1", f"us1/{us1_a[1]}", method="DELETE"))
    dead = "stop the API server of us1, which is drained: nothing changes"
    nobody = Nothing(error=NO_REACHABLE_AUTHORITY)
    return [
        step("three clusters have web; clients in us1 stay in their zone", world.deploy, us1_a, own),
        step("drain that zone: the other one answers", drain(f"us1/{us1_a[1]}"), us1_a, Pods(places=[us1_b], count=2)),
        step("drain us1: Europe answers", drain("us1"), us1_a, away),
        step(dead, lambda: world.clusters["us1"].fault("stop"), us1_a, away),
        step("heal it, and undrain it", put_back, us1_a, back),
        step("drain web in every cluster: its clients keep their answers, marked", drain(*everywhere), us1_a, marked),
        step("the same by force: nobody answers", drain(*everywhere, force=True), us1_a, nobody),
        step("undrain all", drain(*everywhere, method="DELETE"), us1_a, own),
    ]


TALES: Final[dict[str, Tale]] = {
    "demo": DEMO,
    "burst": Tale(
        steps=_burst,
        settings={"policies": [{"ladder": ["any"], "minReady": 4}]},
        entries={"eu1": {"cost": 1}, "eu2": {"cost": 2}, "us1": {"cost": 9}},
    ),
    "drain": Tale(steps=_drain, settings={"state": STATE}),
    "jurisdiction": Tale(steps=_jurisdiction, settings={"policies": [{"jurisdictions": ["eu"]}]}),
    "migrate": Tale(steps=_migrate, settings={"state": STATE}),
}
"""Every story, by the word that `fedns lab --script` takes."""
