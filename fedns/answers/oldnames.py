"""The in-cluster names of Kubernetes federation v1, `svc.ns.<federation>.svc.cluster.local`, for clients that ask them.

As its kube-dns did: the client's own cluster while it has something ready, else an alias to the name of the client's
zone and region in the federation zone, and what that name answers. Addresses stand under the asked name itself, since a
client behind a forwarder would not find another name of cluster.local here.
"""

from msgspec import structs

from fedns.answers import codes, records
from fedns.answers.answer import Answer, Question, one
from fedns.answers.negatives import absent, nodata, unknown
from fedns.answers.parts import decide
from fedns.answers.services import KNOWN, answer, service
from fedns.federation.placement import Part

_ADDRESSES = frozenset({codes.A, codes.AAAA})


def old_name(question: Question) -> Answer:
    """The answer for an old name of a service, or of one of its ports."""
    asked, state = question.asked, question.state
    found = state.catalog.service((asked.namespace, asked.service))
    if found is None:
        return unknown(question)
    home = question.client.location.cluster or state.rules.local.cluster
    # SRV has always led on: its targets are names of the federation zone.
    if home and not asked.protocol and question.query.qtype in _ADDRESSES:
        decision = decide(question, found, Part(cluster=home))
        if decision.groups and decision.groups[0].tier in KNOWN:
            return answer(question, found, decision, question.query.name)
    return _alias(question)


def _alias(question: Question) -> Answer:
    """The name of the client's zone and region, as an alias, with what it answers."""
    query, labels = question.query, _target(question)
    try:
        target = records.name(labels)
    except ValueError:
        return nodata(question)  # M18: a name over the limits is never told
    inner = question.state.grammar.read(labels)
    assert inner is not None, "a name of the federation zone is one of ours"
    follow = structs.replace(query, name=target)
    led = service(structs.replace(question, query=follow, asked=inner))
    if led.rcode != codes.NOERROR:
        return absent(question)  # an alias never leads to nothing: no such port
    ttl = min([inner.zone.ttl, *(each.ttl for group in led.groups for each in group.records)])
    alias = records.cname(query.name, ttl, target)
    if query.qtype in {codes.CNAME, codes.ANY}:
        return Answer(groups=one(alias), ede=led.ede, key=question.key)
    return structs.replace(led, chain=(alias, *led.chain))


def _target(question: Question) -> tuple[bytes, ...]:
    """The labels of the name in the federation zone; a region that no member is in has no names there."""
    asked, rules, place = question.asked, question.state.rules, question.client.location
    zone = next(each for each in rules.zones if each.kind == "federation" and each.federation == asked.zone.federation)
    region = place.region if place.region in {cluster.region for cluster in rules.clusters} else ""
    where = ((place.zone, region) if place.zone else (region,)) if region else ()
    above = ".".join((zone.federation, "svc", *where, zone.name)).lower().split(".")
    kept = len(question.query.labels) - len(asked.origin)
    return (*question.query.labels[:kept], *(label.encode() for label in above))
