"""The part of the federation that a name means, the wider parts of the names above it, and the aliases between them.

It asks `place` for the decision inside a part; what an answer makes of it is not its business.
"""

from msgspec import structs

from fedns.answers import records
from fedns.answers.answer import Question, State
from fedns.answers.names import Asked
from fedns.answers.packet import Record
from fedns.federation.locality import Location
from fedns.federation.objects import Service
from fedns.federation.placement import Part, Placement, place, policy_for


def placement(question: Question, found: Service) -> Placement:
    """The decision that the name's own answer rests on, before any alias."""
    return decide(question, found, parts(question)[0])


def parts(question: Question) -> list[Part]:
    """The parts of the federation that the name and the names above it mean, the narrowest first."""
    return parts_of(question.asked)


def parts_of(asked: Asked) -> list[Part]:
    """The same, from the name alone."""
    # M4, M5: names of the clusterset zone have addresses, never an alias.
    whole = Part(addressed=asked.zone.kind == "clusterset")
    if asked.port:
        whole = structs.replace(whole, port=asked.port, protocol=asked.protocol)
    if asked.directive:
        pinned = structs.replace(whole, **{asked.anchor: asked.value})
        return [pinned] if asked.directive == "pin" else [pinned, whole]
    if asked.cluster:
        return [structs.replace(whole, cluster=asked.cluster)]
    steps = [whole]
    if asked.region:
        steps.insert(0, structs.replace(whole, region=asked.region))
    if asked.area:
        steps.insert(0, structs.replace(whole, region=asked.region, zone=asked.area))
    return steps


def decide(question: Question, found: Service, part: Part) -> Placement:
    """Who answers this client, inside one part of the federation."""
    return decided(question.state, question.client.location, found, part)


def decided(state: State, location: Location, found: Service, part: Part | None = None) -> Placement:
    """Who answers a client at a place; without a part, under the service's own name."""
    return place(found, location, state.world, policy_for(found, state.rules.policies), part)


def aliases(question: Question, steps: int) -> tuple[tuple[Record, ...], bytes]:
    """The CNAMEs from the name as asked to the one `steps` above it, and that name; `prefer` needs none."""
    asked, owner, labels = question.asked, question.query.name, question.query.labels
    if asked.directive:
        return (), owner
    # The labels that each step takes away: first the zone's, then the region's.
    widths = [1] * bool(asked.area) + [len(asked.region.split("."))]
    at = len(labels) - len(asked.origin) - sum(widths)
    chain = []
    for width in widths[:steps]:
        labels = labels[:at] + labels[at + width :]
        target = records.name(labels)
        chain.append(records.cname(owner, 0, target))
        owner = target
    return tuple(chain), owner
