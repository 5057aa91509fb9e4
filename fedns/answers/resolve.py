"""One question into one answer: who may ask, what the name means, and which part of fedns answers it.

Pure: the same question, client, state and time give the same answer. The order of the checks is the order of the lines:
nothing is looked up for a client that may not ask.
"""

from collections.abc import Callable
from typing import Final

from msgspec import structs

from fedns.answers import codes, records
from fedns.answers.answer import Answer, AnswerGroup, Client, Question, State, one
from fedns.answers.apex import apex, server, version
from fedns.answers.explain import clusters, digested, explain, state, whoami
from fedns.answers.names import Subject
from fedns.answers.negatives import absent, nodata, refused, unnamed
from fedns.answers.oldnames import old_name
from fedns.answers.packet import Query
from fedns.answers.reverse import pointer
from fedns.answers.services import service

__all__ = ["Answer", "AnswerGroup", "Client", "State", "resolve"]

HINFO_TTL = 3600
"""Seconds; RFC 8482 section 4.2: long enough that an ANY flood is answered from caches."""

_DIAGNOSTIC = frozenset({Subject.WHOAMI, Subject.CLUSTERS, Subject.STATE, Subject.DIGEST})


def resolve(query: Query, client: Client, held: State, now: float) -> Answer:
    """The answer to one query; `now` is CLOCK_MONOTONIC seconds."""
    if not client.allowed:
        return refused(codes.EDE_PROHIBITED, "this client may not ask here")
    asked = held.grammar.read(query.labels) if query.qclass == codes.IN else None
    if asked is None:
        return refused(codes.EDE_NOT_AUTHORITATIVE, "no zone of this server")
    if query.qtype in {codes.AXFR, codes.IXFR}:
        return refused(codes.EDE_PROHIBITED, "no zone transfers")
    if (asked.explain or asked.subject in _DIAGNOSTIC) and not client.diagnostics:
        return refused(codes.EDE_PROHIBITED, "diagnostics are not for this client")
    question = Question(query=query, asked=asked, client=client, state=held, now=now)
    answer = _about(question)
    if query.qtype == codes.ANY and answer.rcode == codes.NOERROR and not answer.groups:
        answer = Answer(groups=one(records.hinfo(query.name, HINFO_TTL)), key=question.key)
    return structs.replace(answer, zone=asked.zone.kind)


def _about(question: Question) -> Answer:
    about = _SUBJECTS.get(question.asked.subject)
    return about(question) if about is not None else unnamed(question)


def _service(question: Question) -> Answer:
    if question.asked.explain:
        return explain(question)
    return old_name(question) if question.asked.zone.kind == "old" else service(question)


def _namespace(question: Question) -> Answer:
    return nodata(question) if question.state.catalog.has_namespace(question.asked.namespace) else absent(question)


_SUBJECTS: Final[dict[Subject, Callable[[Question], Answer]]] = {
    Subject.SERVICE: _service,
    Subject.NAMESPACE: _namespace,
    Subject.EMPTY: nodata,
    Subject.APEX: lambda question: apex(question) or nodata(question),
    Subject.VERSION: lambda question: version(question) or nodata(question),
    Subject.SERVER: lambda question: server(question) or nodata(question),
    Subject.ADDRESS: pointer,
    Subject.WHOAMI: whoami,
    Subject.CLUSTERS: clusters,
    Subject.STATE: state,
    Subject.DIGEST: digested,
}
"""Which part of fedns answers for which kind of name; a name that cannot be spelt has none."""
