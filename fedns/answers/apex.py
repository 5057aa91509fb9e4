"""The records of a zone itself: SOA, NS, and the version of the names' schema."""

from typing import Final

from fedns.answers import codes, records
from fedns.answers.answer import Answer, Question, one
from fedns.answers.packet import Record

SCHEMA: Final = "1.0.0"
"""The version of the Multi-Cluster Services DNS specification that the clusterset zone follows."""
SCHEMA_TTL: Final = 28_800
"""Seconds, as in the specification's example."""
MAX_SOA_TTL: Final = 300
"""Seconds, as CoreDNS has it."""


def soa(question: Question, ttl: int | None = None) -> Record:
    """The zone's SOA as it stands in negative answers; RFC 2308: its TTL is how long they are kept."""
    zone, origin = question.asked.zone, question.asked.origin
    return records.soa(
        records.name(origin),
        zone.negative_ttl if ttl is None else ttl,
        records.name(("ns", "dns", *origin)),
        records.name(("hostmaster", *origin)),
        question.state.serial,
        minimum=zone.negative_ttl,
    )


def apex(question: Question) -> Answer | None:
    """The answer at the zone's own name; None when it has nothing of the type."""
    owner, zone = question.query.name, question.asked.zone
    match question.query.qtype:
        case codes.SOA:
            return Answer(groups=one(soa(question, min(zone.ttl, MAX_SOA_TTL))._replace(owner=owner)))
        case codes.NS:
            return Answer(groups=one(records.ns(owner, zone.ttl, records.name(("ns", "dns", *question.asked.origin)))))
        case _:
            return None


def version(question: Question) -> Answer | None:
    """`dns-version` (M2); None when it has nothing of the type."""
    if question.query.qtype != codes.TXT:
        return None
    return Answer(groups=one(records.txt(question.query.name, SCHEMA_TTL, SCHEMA)))
