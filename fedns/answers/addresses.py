"""Candidates into records: A and AAAA in groups that share the answers, SRV with priorities and weights.

It does not decide who answers: it is given a placement, and leaves out only what DNS cannot say, that is names over the
limits of RFC 1035 and doubles.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from fedns.answers import codes, records
from fedns.answers.answer import AnswerGroup
from fedns.answers.packet import Record
from fedns.answers.tallies import Tally, words
from fedns.federation.placement import Bunch, Candidate, Group, Placement, in_order

MAX_RDATA_BYTES: Final = {codes.A: 4, codes.AAAA: 16}
MAX_SET_BYTES: Final = 60_000
"""Records of one response at most: what is left of 64 KiB after header, question, aliases and options."""
WEIGHT_SUM: Final = 100
"""What the weights of equal SRV records add up to, as in CoreDNS."""
FINE_WEIGHT_SUM: Final = 10_000
"""The same where shares cannot be told in hundredths; weights have 16 bits."""

Target = Callable[[Candidate], Sequence[str]]
"""The labels of the name under which SRV points at a candidate."""


class Place(NamedTuple):
    """Where a candidate stands in an SRV answer; `share` is that of its whole group among those of its priority."""

    priority: int
    share: Fraction
    candidates: Sequence[Candidate]


def addresses(
    owner: bytes,
    ttl: int,
    qtype: int,
    groups: Iterable[Group],
    ours: Callable[[Sequence[bytes]], bool],
    tallies: Sequence[Tally] = (),
) -> tuple[AnswerGroup, ...]:
    """A or AAAA records of each group, or an alias for one that has but names: that stands for any type.

    Groups without this family leave their share to the others. An alias is one record; several take turns. `ours` tells
    the labels of names that an alias must not lead to; `tallies` count the answers.
    """
    found: list[tuple[Fraction, tuple[Record, ...], tuple[int, ...]]] = []
    for group in groups:
        counted = words(tallies, group.candidates) if tallies else ()
        if any(each.address for each in group.candidates):
            own = family(owner, ttl, qtype, group.candidates) if qtype in MAX_RDATA_BYTES else ()
            found.append((group.share, own, counted))
            continue
        names = [tuple(each.host.encode().split(b".")) for each in group.candidates]
        targets = [records.name(labels) for labels in names if not ours(labels)]
        found += [(group.share / len(targets), (records.cname(owner, ttl, target),), counted) for target in targets]
    total = sum((share for share, own, _ in found if own), Fraction(0))
    return tuple(AnswerGroup(share / total, own, counted=counted) for share, own, counted in found if own)


def family(owner: bytes, ttl: int, qtype: int, candidates: Iterable[Candidate]) -> tuple[Record, ...]:
    """The address records of one family, without doubles."""
    size = MAX_RDATA_BYTES[qtype]
    packed = dict.fromkeys(each.address for each in candidates if len(each.address) == size)
    return tuple(Record(owner, qtype, ttl, address) for address in packed)


def most(qtype: int, wanted: int) -> int:
    """How many address records one response may carry, at most `wanted` where that is not 0."""
    fitting = MAX_SET_BYTES // (12 + MAX_RDATA_BYTES[qtype])
    return min(wanted, fitting) if wanted else fitting


def places(placement: Placement) -> list[Place]:
    """The order of SRV: the groups that answer share priority 0, those behind them stand by their own priorities."""
    behind: dict[int, list[Bunch]] = {}
    for left in placement.left_out:
        if left.priority is not None:
            behind.setdefault(left.priority, []).append(left.candidates)
    first = [Place(0, group.share, group.candidates) for group in placement.groups]
    return first + [Place(priority, Fraction(1), in_order(behind[priority])) for priority in sorted(behind)]


def services(
    owner: bytes, ttl: int, order: Sequence[Place], target: Target, port: str, protocol: str
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """The SRV records of named ports (all of them where `port` is empty), and the addresses of their targets."""
    taken: set[tuple[bytes, int]] = set()
    listed: list[tuple[int, Fraction, list[tuple[bytes, int]]]] = []
    behind: dict[bytes, list[Candidate]] = {}
    room = MAX_SET_BYTES
    for place in order:
        new = []
        for candidate in place.candidates:
            name = _legal(target(candidate) if candidate.address else candidate.host.split("."))
            numbers = _numbers(candidate, port, protocol)
            if name is None or not numbers:
                continue
            behind.setdefault(name, []).append(candidate)
            for number in numbers:
                if (name, number) not in taken and room > 0:
                    taken.add((name, number))
                    new.append((name, number))
                    room -= 18 + len(name)
        listed.append((place.priority, place.share, new))
    scale = _scale(listed)
    answers = tuple(
        records.srv(owner, ttl, priority, max(1, int(scale * share / len(new))), number, name)
        for priority, share, new in listed
        for name, number in new
    )
    return answers, tuple(record for name, own in behind.items() for record in glue(name, ttl, own))


def glue(name: bytes, ttl: int, candidates: Iterable[Candidate]) -> tuple[Record, ...]:
    """The addresses of both families behind one name."""
    own = tuple(candidates)
    return tuple(record for qtype in MAX_RDATA_BYTES for record in family(name, ttl, qtype, own))


def _numbers(candidate: Candidate, port: str, protocol: str) -> list[int]:
    """The numbers of the asked ports that this candidate's own cluster exposes; unnamed ports have no SRV (M7)."""
    return [
        each.number
        for each in candidate.ports
        if each.name and (not port or (each.name.lower() == port and each.protocol.lower() == protocol))
    ]


def _scale(listed: Iterable[tuple[int, Fraction, list[tuple[bytes, int]]]]) -> int:
    """What the weights of one priority add up to: 100, or more where that would blur the shares."""
    shares = [(share, len(new)) for _, share, new in listed if new]
    exact = all(share == 1 or (WEIGHT_SUM * share / count).denominator == 1 for share, count in shares)
    return WEIGHT_SUM if exact else FINE_WEIGHT_SUM


def _legal(labels: Sequence[str]) -> bytes | None:
    """The wire form; None for a name over the limits, or one that members made of what is no host name (M18)."""
    try:
        return records.name(labels)
    except ValueError:
        return None
