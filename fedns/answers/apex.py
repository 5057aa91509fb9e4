"""The records of a zone itself: SOA, NS, and the version of the names' schema."""

from fractions import Fraction
from functools import lru_cache
from typing import Final

from msgspec import structs

from fedns.answers import codes, records
from fedns.answers.answer import Answer, AnswerGroup, Question, one
from fedns.answers.names import Labels
from fedns.answers.packet import Record

SCHEMA: Final = "1.0.0"
"""The version of the Multi-Cluster Services DNS specification that the clusterset zone follows."""
SCHEMA_TTL: Final = 28_800
"""Seconds, as in the specification's example."""
MAX_SOA_TTL: Final = 300
"""Seconds, as CoreDNS has it."""


def soa(question: Question, ttl: int | None = None) -> Record:
    """The zone's SOA as it stands in negative answers; RFC 2308: its TTL is how long they are kept."""
    negative = question.asked.zone.negative_ttl
    return _soa(question.asked.origin, negative if ttl is None else ttl, question.state.serial, negative)


@lru_cache(maxsize=256)
def _soa(origin: Labels, ttl: int, serial: int, minimum: int) -> Record:
    """Made once for all negative answers of a zone: under a flood of random names it is all that they have."""
    server, mailbox = records.name(("ns", "dns", *origin)), records.name(("hostmaster", *origin))
    return records.soa(records.name(origin), ttl, server, mailbox, serial, minimum=minimum)


def apex(question: Question) -> Answer | None:
    """The answer at the zone's own name; None when it has nothing of the type."""
    owner, zone = question.query.name, question.asked.zone
    match question.query.qtype:
        case codes.SOA:
            return Answer(groups=one(structs.replace(soa(question, min(zone.ttl, MAX_SOA_TTL)), owner=owner)))
        case codes.NS:
            name = records.name(("ns", "dns", *question.asked.origin))
            glue = tuple(_address(name, zone.ttl, each) for each in question.state.rules.advertise)
            return Answer(groups=(AnswerGroup(Fraction(1), (records.ns(owner, zone.ttl, name),), glue),))
        case _:
            return None


def server(question: Question) -> Answer | None:
    """The addresses of the zone's own name server, as they were configured; None when it has none of the type."""
    query, ttl = question.query, question.asked.zone.ttl
    known = (_address(query.name, ttl, each) for each in question.state.rules.advertise)
    own = [each for each in known if each.rtype == query.qtype]
    return Answer(groups=one(*own)) if own else None


def version(question: Question) -> Answer | None:
    """`dns-version` (M2); None when it has nothing of the type."""
    if question.query.qtype != codes.TXT:
        return None
    return Answer(groups=one(records.txt(question.query.name, SCHEMA_TTL, SCHEMA)))


def _address(owner: bytes, ttl: int, address: bytes) -> Record:
    return records.a(owner, ttl, address) if len(address) == 4 else records.aaaa(owner, ttl, address)
