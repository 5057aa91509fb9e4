"""PTR: the names of an address in the reverse zones (RFC 1035 section 3.5, RFC 3596 section 2.5).

An address has the names under which the federation zone hands it out: of a ready endpoint of a headless service its own
name, of all other addresses the cluster's name of their service. Whoever asks gets the same names: who may be told an
address depends on the place, but this client has it already.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from fedns.answers import codes, records
from fedns.answers.answer import Answer, Question, one
from fedns.answers.negatives import UNSURE_TTL, absent, nodata, outdated, tell
from fedns.answers.rules import Zone
from fedns.federation.candidates import endpoint_at
from fedns.federation.health import Freshness
from fedns.federation.holders import addresses
from fedns.federation.hosts import host_label
from fedns.federation.objects import Export, Service

MAX_NAMES: Final = 100
"""Names of one address: what a secondary of the zone takes (BIND's max-records-per-type)."""


def pointer(question: Question) -> Answer:
    """The answer for an address, or for the first part of one."""
    address, holders = question.asked.address, question.state.holders
    if len(address) < 2 * question.asked.width:
        return nodata(question) if holders.any_below(question.asked.width, address) else absent(question)
    packed = bytes.fromhex(address)
    names: dict[bytes, str] = {}
    for found in filter(None, map(question.state.catalog.service, holders.of(packed))):
        names.update(_names(question, found, packed))
    if not names:
        return absent(question)
    chosen = sorted(names)[:MAX_NAMES]
    if question.query.qtype != codes.PTR:
        return nodata(question)
    return _answer(question, chosen, sorted({names[name] for name in chosen}))


def _answer(question: Question, names: Sequence[bytes], clusters: Sequence[str]) -> Answer:
    ttl = question.asked.zone.ttl
    if any(question.state.freshness(cluster) is not Freshness.FRESH for cluster in clusters):
        ttl = min(ttl, UNSURE_TTL)
    stale = outdated(question, clusters)
    ede = (tell(question, codes.EDE_STALE_ANSWER, "last known names of a member that is not heard", stale),)
    pointers = (records.ptr(question.query.name, ttl, name) for name in names)
    return Answer(groups=one(*pointers), ede=ede if stale else (), key=question.key)


def _names(question: Question, found: Service, address: bytes) -> Iterator[tuple[bytes, str]]:
    """(name, cluster) of an address in one service; a name over the limits is none (M18)."""
    for export in found.exports:
        for zone in question.state.rules.zones:
            if zone.kind == "federation":
                for labels in _labels(export, address, zone, headless=found.headless):
                    try:
                        yield records.name(labels), export.cluster
                    except ValueError:
                        continue


def _labels(export: Export, address: bytes, zone: Zone, *, headless: bool) -> Iterator[tuple[str, ...]]:
    home = (export.name, export.namespace, zone.federation, "svc", *zone.name.lower().split("."))
    cluster = (*export.cluster.split("."), *home)
    if headless:
        endpoint = endpoint_at(export, address)
        if endpoint is not None and endpoint.ready:
            yield (host_label(endpoint.hostname, address), *cluster)
    elif address in addresses(export):
        yield cluster
