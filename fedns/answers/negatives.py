"""The answers that say no, and why: NXDOMAIN, NODATA, SERVFAIL, REFUSED, with their extended errors (RFC 8914).

A no that rests on what members said is only as good as what is known of them: SERVFAIL while one that could own the
name has never been read, marked as stale while one cannot be read now. A no of the grammar or of the type is firm.
"""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import structs

from fedns.answers import codes
from fedns.answers.answer import Answer, Question, State
from fedns.answers.apex import soa
from fedns.federation.catalog import Catalog
from fedns.federation.health import NEVER, Freshness, negatives_unsure

CUT_OFF: Final = "most members went at once: is this server cut off?"
UNSURE_TTL: Final = 5
"""Seconds that an answer may be kept at most when a member in it is not fresh."""
MAX_TEXT_BYTES: Final = 64
"""Bytes of an extended error's text: it is for a human eye in one line, and UDP is small."""
OUTDATED: Final = frozenset(Freshness) - {Freshness.FRESH, Freshness.SUSPECT}
"""What is known of such a member was true once."""


def refused(code: int, text: str) -> Answer:
    """Not for this client, or not from this server."""
    return Answer(rcode=codes.REFUSED, ede=((code, text),), cacheable=False, aa=False)


def nodata(question: Question, *ede: tuple[int, str]) -> Answer:
    """The name exists, with nothing of this type."""
    return Answer(authority=(soa(question),), ede=ede, key=question.key)


def unnamed(question: Question) -> Answer:
    """No name can be spelt like this, whatever members say."""
    asked = question.asked
    top = asked.zone.kind in {"clusterset", "federation"} and len(question.query.labels) == len(asked.origin) + 1
    taken = question.state.grammar.tops(asked.origin) if top else None
    return Answer(rcode=codes.NXDOMAIN, authority=(soa(question),), key=question.key, taken=taken)


class Services:
    """The names of a namespace's services; it follows the catalog."""

    def __init__(self, catalog: Catalog, namespace: str) -> None:
        self._catalog = catalog
        self._namespace = namespace

    def __contains__(self, label: object) -> bool:
        return (self._namespace, label) in self._catalog


def unknown(question: Question) -> Answer:
    """No member exports such a service: the answer for every name of the namespace that has none."""
    asked = question.asked
    if not asked.bare:
        return absent(question, {asked.cluster} if asked.cluster else None)
    taken = Services(question.state.catalog, asked.namespace)
    return structs.replace(absent(question), key=(asked.namespace, ""), taken=taken)


def absent(question: Question, owners: Collection[str] | None = None) -> Answer:
    """No member knows the name; `owners` are the members that could (None: all)."""
    return _believed(question, owners, codes.NXDOMAIN, codes.EDE_STALE_NXDOMAIN)


def empty(question: Question, owners: Collection[str] | None = None) -> Answer:
    """The name exists, and no member that could own something behind it (None: all) has anything."""
    return _believed(question, owners, codes.NOERROR, codes.EDE_STALE_ANSWER)


def tell(question: Question, code: int, generic: str, clusters: Iterable[str]) -> tuple[int, str]:
    """An extended error: members and their ages for those who may see them, a general sentence for all others."""
    if not question.client.diagnostics:
        return code, CUT_OFF if question.state.isolated else generic
    told = ", ".join(f"{name} {_state(question, name)} {age(question, name)}" for name in clusters)
    told = f"cut off? {told}" if question.state.isolated else told
    return code, told.encode()[:MAX_TEXT_BYTES].decode(errors="ignore") or generic


def _state(question: Question, name: str) -> str:
    return f"{question.state.freshness(name)}{' (data path)' if question.state.cut(name) else ''}"


def age(question: Question, cluster: str) -> str:
    """For how long a member has not been heard, as text."""
    status = question.state.statuses.get(cluster)
    if status is None or status.alive == NEVER:
        return "never"
    return f"{max(0, round(question.now - status.alive))}s"


def outdated(question: Question, clusters: Iterable[str]) -> list[str]:
    """Those of the members of which only an older state is known."""
    return [name for name in dict.fromkeys(clusters) if question.state.freshness(name) in OUTDATED]


def unread(state: State, now: float) -> list[str]:
    """The members that have never been read, and may still be: of what they hold nothing can be denied."""
    never = negatives_unsure(state.statuses.values(), now, state.rules.timers)
    names = (cluster.name for cluster in state.rules.clusters)
    return [name for name in names if name in never or name not in state.statuses]


def _believed(question: Question, owners: Collection[str] | None, rcode: int, stale_code: int) -> Answer:
    state = question.state
    possible = [cluster.name for cluster in state.rules.clusters if owners is None or cluster.name in owners]
    unsure = [name for name in unread(state, question.now) if owners is None or name in owners]
    if unsure:
        ede = tell(question, codes.EDE_NOT_READY, "not every member has been read yet", unsure)
        return Answer(rcode=codes.SERVFAIL, ede=(ede,), key=question.key, aa=False)
    stale = outdated(question, possible)
    ttl = question.asked.zone.negative_ttl
    return Answer(
        rcode=rcode,
        authority=(soa(question, min(ttl, UNSURE_TTL) if stale else ttl),),
        ede=(tell(question, stale_code, "a member has not been heard for a while", stale),) if stale else (),
        key=question.key,
    )
