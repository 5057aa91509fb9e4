"""How many services may go to other clusters at once because of health alone: what a loss would move, and what is left.

A limit of one that is set by people, not a law of nature: it holds back only what silence would do. Drains, migrations,
jurisdictions, and what members say of their endpoints stay what they are.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct, structs

from fedns.federation.health import Freshness
from fedns.federation.locality import Location
from fedns.federation.objects import Service, ServiceKey
from fedns.federation.placement import Policy, World, place


class Failover(Struct, frozen=True, kw_only=True):
    """At most this share of all services may change cluster within `window` seconds; a `budget` of 1 is no limit."""

    budget: float = 1.0
    window: float = 300.0


class Loss(NamedTuple):
    """A cluster, and the world in which it is heard, and in which it is heard no more."""

    cluster: str
    before: World
    after: World


def loss(cluster: str, world: World) -> Loss:
    """The loss of a cluster, everything else being as it is."""
    heard = structs.replace(world, states={**world.states, cluster: Freshness.FRESH})
    return Loss(cluster, heard, structs.replace(world, states={**world.states, cluster: Freshness.STALE}))


def moves(service: Service, lost: Loss, policy: Policy, places: Iterable[Location]) -> bool:
    """Whether clients at one of these places would be answered from other clusters than before."""
    for each in places:
        before = _answering(service, each, lost.before, policy)
        if lost.cluster in before and before != _answering(service, each, lost.after, policy):
            return True
    return False


def allowed(
    moved: Collection[ServiceKey], spent: Iterable[Collection[ServiceKey]], services: int, failover: Failover
) -> bool:
    """Whether these services may move, too, out of so many; one that has moved already costs nothing again."""
    return len({*moved, *(key for each in spent for key in each)}) <= failover.budget * services


def near(places: Sequence[Location], cluster: str, world: World) -> list[Location]:
    """The same places, first those from where the cluster is likely to answer: there a loss is seen first."""
    own = world.clusters[cluster]

    def distance(place: Location) -> tuple[bool, bool, bool]:
        return place.cluster != cluster, place.region != own.region, place.jurisdiction != own.jurisdiction

    return sorted(places, key=distance)


def _answering(service: Service, where: Location, world: World, policy: Policy) -> set[str]:
    groups = place(service, where, world, policy).groups
    return {each.cluster for group in groups for each in group.candidates}
