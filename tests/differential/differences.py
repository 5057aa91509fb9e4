"""What fedns and a server of its zone text may answer differently, each with its reason; all else is a bug."""

from typing import Final, NamedTuple

from tests.differential.messages import CNAME, NXDOMAIN, TC, Form
from tests.differential.questions import ANY, ANY_CLASS, IN, NONE, NS
from tests.differential.realm import PLACES

AD, CD = 0x0020, 0x0010
REFUSED: Final = 5
AREAS: Final = frozenset(area.encode() for areas in PLACES.values() for area in areas)
REGIONS: Final = frozenset(area[:2] for area in AREAS)


class Pair(NamedTuple):
    """One question and its two answers."""

    labels: tuple[bytes, ...]
    kind: int
    qclass: int
    ours: Form
    theirs: Form


def _any(pair: Pair) -> bool:
    """RFC 8482 section 4: any of the records, a HINFO, or all of them answer a question for all types."""
    one = {kind for _, kind, _, _ in pair.ours.answer} == {13}
    same = pair.ours.rcode == pair.theirs.rcode == 0 and _flags(pair.ours) | TC == _flags(pair.theirs) | TC
    return pair.kind == ANY and pair.qclass == IN and one and same


def _any_class(pair: Pair) -> bool:
    """RFC 1035 section 3.2.5: what the class * brings from servers of one class is their own affair; fedns refuses."""
    return pair.qclass in {ANY_CLASS, NONE} and pair.ours.rcode == REFUSED and not pair.ours.answer


def _servers(pair: Pair) -> bool:
    """The text names who serves it, and its NS is localhost. where it is not told who that is."""
    own, other = ({(owner, kind, ttl) for owner, kind, ttl, _ in form.answer} for form in (pair.ours, pair.theirs))
    return pair.kind == NS and own == other and {kind for _, kind, _ in own} == {NS}


def _truncated(pair: Pair) -> bool:
    """RFC 2181 section 9: nobody may use what stands in a truncated answer; BIND repeats the client's AD there."""
    return bool(pair.ours.flags & pair.theirs.flags & TC) and _flags(pair.ours) == _flags(pair.theirs)


def _compressed(pair: Pair) -> bool:
    """RFC 1035 section 4.1.4: compression is free. BIND's heeds the case of names, so less fits into its UDP."""
    ours, theirs = pair.ours, pair.theirs
    part = theirs.answer < ours.answer and ours.rcode == theirs.rcode
    return part and bool(theirs.flags & TC) and _flags(ours) | TC == _flags(theirs)


def _area(pair: Pair) -> bool:
    """Any label is a topology zone of a known region, and an alias to the region: a file has those with endpoints."""
    *_, above, area, region, _example, _com = (b"", b"", b"", b"", *pair.labels)
    unknown = above == b"svc" and region in REGIONS and area not in AREAS
    aliased = any(kind == CNAME for _, kind, _, _ in pair.ours.answer)
    return unknown and aliased and pair.theirs.rcode == NXDOMAIN and not pair.theirs.answer


def _checking(pair: Pair) -> bool:
    """RFC 4035 section 3.1.6: authoritative servers should clear CD; BIND repeats the client's."""
    cleared = pair.theirs._replace(flags=pair.theirs.flags & ~CD)
    return cleared != pair.theirs and (pair.ours == cleared or bool(reason(pair._replace(theirs=cleared))))


REASONS: Final = (_any, _any_class, _servers, _truncated, _compressed, _area, _checking)


def reason(pair: Pair) -> str:
    """What allows these two to differ, by its name; "" where nothing does."""
    return next((each.__name__ for each in REASONS if each(pair)), "")


def _flags(form: Form) -> int:
    """All bits that matter where a client has to ask again anyway."""
    return form.flags & ~(AD | CD)


def read(query: bytes) -> tuple[tuple[bytes, ...], int, int]:
    """The labels in lower case, the type and the class of a query."""
    labels = []
    at = 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].lower())
        at += 1 + query[at]
    return tuple(labels), int.from_bytes(query[at + 1 : at + 3]), int.from_bytes(query[at + 3 : at + 5])
