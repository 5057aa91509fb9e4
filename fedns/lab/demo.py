"""The first story of the lab: ask, scale, empty a zone, lose clusters in three ways, heal."""

from collections.abc import Awaitable, Callable

from fedns.lab.story import FAILOVER_SECONDS, PROPAGATION_SECONDS, STALE_ANSWER, Place, Pods, Step, Tale, nothing, scale
from fedns.lab.world import World


def _steps(world: World) -> list[Step]:
    eu1, eu2, us1 = world.plan
    eu1_a, eu1_b = ((eu1.name, zone) for zone in eu1.zones)
    us1_a, us1_b = ((us1.name, zone) for zone in us1.zones)
    eu2_c = (eu2.name, eu2.zones[0])
    europe = [(member.name, zone) for member in (eu1, eu2) for zone in member.zones]

    def step(text: str, action: Callable[[], Awaitable[None]], asked_from: Place, expected: Pods) -> Step:
        return Step(text=text, action=action, asked_from=asked_from, expected=expected)

    def pods(*places: Place, count: int = 2, error: int | None = None, within: float = PROPAGATION_SECONDS) -> Pods:
        return Pods(places=places, count=count, error=error, within=within)

    def fault(name: str, verb: str) -> Callable[[], Awaitable[None]]:
        return lambda: world.clusters[name].fault(verb)

    return [
        step("three clusters export web in namespace shop, two pods in each zone", world.deploy, eu1_a, pods(eu1_a)),
        step("the same name, asked in another zone", nothing, us1_b, pods(us1_b)),
        step("scale zone a of eu1 to four pods", lambda: scale(world, eu1_a, 4), eu1_a, pods(eu1_a, count=4)),
        step("empty that zone: its own cluster answers", lambda: scale(world, eu1_a, 0), eu1_a, pods(eu1_b)),
        step("fill it again", lambda: scale(world, eu1_a, 2), eu1_a, pods(eu1_a)),
        step(
            "stop the API server of us1: its clients go to the other region",
            fault("us1", "stop"),
            us1_a,
            pods(*europe, count=8, within=FAILOVER_SECONDS),
        ),
        step(
            "freeze the API server of eu2 (SIGSTOP): its clients stay in their region",
            fault("eu2", "freeze"),
            eu2_c,
            pods(eu1_a, eu1_b, count=4, within=FAILOVER_SECONDS),
        ),
        step(
            "stop the local API server, eu1: its pods go on, so local answers stay, now marked",
            fault("eu1", "stop"),
            eu1_a,
            pods(eu1_a, error=STALE_ANSWER, within=FAILOVER_SECONDS),
        ),
        step("heal eu1", fault("eu1", "heal"), eu1_a, pods(eu1_a, within=FAILOVER_SECONDS)),
        step("heal us1", fault("us1", "heal"), us1_a, pods(us1_a, within=FAILOVER_SECONDS)),
        step("let eu2 go on", fault("eu2", "heal"), eu2_c, pods(eu2_c, within=FAILOVER_SECONDS)),
    ]


DEMO = Tale(steps=_steps)
