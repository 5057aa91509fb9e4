"""All services from all places at once: who depends on what is drained, and who would lose what with a lost cluster.

Every decision is `place`'s own, so what is told here is what clients get. Places are those of the configuration: the
local one, one for each place that `clients` names, and the zones of the local cluster's nodes.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct, structs

from fedns.answers.answer import State
from fedns.answers.parts import decided
from fedns.federation.drains import Drain
from fedns.federation.locality import Location, Locator
from fedns.federation.objects import Service
from fedns.federation.placement import Placement, Reason, Tier


class Dependent(Struct, frozen=True):
    """A service that nobody but the drained can answer, for clients of these places, and whether these still do."""

    service: str
    answered: bool
    places: tuple[str, ...]


class Loss(Struct, frozen=True):
    """What becomes of one service, for clients of these places.

    `effect` is "no answer", "constraint" (others are ready, but a jurisdiction or a closed policy forbids them) or
    "region" (it is answered from another region).
    """

    service: str
    effect: str
    places: tuple[str, ...]
    detail: str = ""


def locations(state: State) -> dict[str, Location]:
    """Every place where clients are known to be, by a short name."""
    clusters = {cluster.name: cluster for cluster in state.rules.clusters}
    locator = Locator(state.rules.clients, state.rules.local, clusters)
    found = {name(each): each for each in locator.places()}
    for zone in sorted(state.zones):
        place = locator.complete(Location(state.rules.local.cluster, zone))
        found.setdefault(name(place), place)
    return found


def name(location: Location) -> str:
    """A place in a few words: the narrowest that is known of it."""
    parts = [location.cluster or location.region or location.jurisdiction, location.zone]
    told = "/".join(filter(None, parts)) or "anywhere"
    return f"{told} ({location.network})" if location.network not in {"", "default"} else told


def services(state: State, clusters: Iterable[str] | None = None) -> Iterator[Service]:
    """All services in the order of their names; with `clusters`, those that one of these exports."""
    wanted = set(clusters) if clusters is not None else None
    for key in sorted(state.catalog.keys()):
        found = state.catalog.service(key)
        if found is not None and (wanted is None or any(export.cluster in wanted for export in found.exports)):
            yield found


def with_drains(state: State, drains: Iterable[Drain]) -> State:
    """The state as if these were drained, too."""
    every = tuple(dict.fromkeys((*state.rules.drains, *drains)))
    return structs.replace(state, rules=structs.replace(state.rules, drains=every))


def dependents(state: State, drains: Sequence[Drain]) -> list[Dependent]:
    """The services that depend on what is drained, or is about to be."""
    drained = with_drains(state, drains)
    places = locations(drained)
    found = []
    for service in services(drained, {each.cluster for each in drained.rules.drains}):
        for answered in (True, False):
            at = tuple(name for name, each in places.items() if _depends(decided(drained, each, service)) is answered)
            if at:
                found.append(Dependent("/".join(service.key), answered, at))
    return found


def losses(state: State, lost: Sequence[Drain], places: Collection[str] | None = None) -> list[Loss]:
    """What would change for the worse without these clusters and zones, which give nothing any more.

    `places` are those of the clients that count, by name; None is all.
    """
    after = with_drains(state, [structs.replace(each, force=True) for each in lost])
    found = []
    there = {name: each for name, each in locations(state).items() if places is None or name in places}
    for service in services(state, {each.cluster for each in lost}):
        effects: dict[tuple[str, str], list[str]] = {}
        for name, location in there.items():
            effect = _effect(state, decided(state, location, service), decided(after, location, service), location)
            if effect is not None:
                effects.setdefault(effect, []).append(name)
        key = "/".join(service.key)
        found += [Loss(key, effect, tuple(at), detail) for (effect, detail), at in effects.items()]
    return found


def single(state: State) -> list[tuple[str, str]]:
    """(service, cluster) of every service that is ready in one cluster alone."""
    found = []
    for service in services(state):
        ready = {
            export.cluster
            for export in service.exports
            if any(endpoint.ready for each in export.slices for endpoint in each.endpoints())
        }
        if len(ready) == 1:
            found.append(("/".join(service.key), ready.pop()))
    return found


def _depends(decision: Placement) -> bool | None:
    """Whether drained ones answer (True), or would have, but for force or a closed policy (False)."""
    if decision.groups:
        return True if decision.groups[0].tier is Tier.DRAINED else None
    out = any(each.reason is Reason.FORCED or each.tier is Tier.DRAINED for each in decision.left_out)
    return False if out else None


def _effect(state: State, before: Placement, after: Placement, location: Location) -> tuple[str, str] | None:
    """What a client there loses, with a detail."""
    if _nobody(before):
        return None
    if _nobody(after):
        reasons = {each.reason for each in after.left_out if each.candidates[0].ready}
        if Reason.JURISDICTION in reasons:
            return "constraint", "others are ready where its jurisdictions forbid them"
        if Reason.CLOSED in reasons:
            return "constraint", "its policy is closed to what is left"
        return "no answer", ""
    was, now = _regions(state, before), _regions(state, after)
    if now - was - {location.region}:
        return "region", f"answered from {', '.join(sorted(now))} instead of {', '.join(sorted(was))}"
    return None


def _nobody(decision: Placement) -> bool:
    """Whether no endpoint is behind the answer: there is none, or its addresses have nobody ready."""
    return not decision.groups or decision.groups[0].tier is Tier.UNREADY_ADDRESS


def _regions(state: State, decision: Placement) -> set[str]:
    clusters = state.world.clusters
    return {clusters[each.cluster].region or each.cluster for group in decision.groups for each in group.candidates}
