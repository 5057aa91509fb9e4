"""Which answers count for a drain or a migration: those with addresses of the services that it concerns.

It only says which words count a group of addresses; counting is done where a response is taken, and only there where
something is to be counted.
"""

from collections.abc import Iterable

from msgspec import Struct

from fedns.answers import counters
from fedns.federation.drains import Drain
from fedns.federation.objects import Service
from fedns.federation.terms import Candidate


class Tally(Struct, frozen=True, kw_only=True):
    """One row of counters: of answers with addresses of what is `left`, of `target` (a drain has none), of others."""

    row: int
    left: Drain
    target: str = ""


def concerning(tallies: Iterable[Tally], service: Service) -> list[Tally]:
    """Those that count the answers of a service: it is named, or the cluster that is drained exports it."""
    return [each for each in tallies if _concerns(each.left, service)]


def words(tallies: Iterable[Tally], candidates: Iterable[Candidate]) -> tuple[int, ...]:
    """The words that count an answer with these candidates, one for each tally; whoever is left counts first."""
    places = {(each.cluster, each.zones) for each in candidates}
    return tuple(counters.tally_word(each.row, _part(each, places)) for each in tallies)


def _concerns(left: Drain, service: Service) -> bool:
    if left.service:
        return (left.namespace, left.service) == service.key
    return any(export.cluster == left.cluster for export in service.exports)


def _part(tally: Tally, places: Iterable[tuple[str, tuple[str, ...]]]) -> int:
    left = tally.left
    if any(cluster == left.cluster and (not left.zone or left.zone in zones) for cluster, zones in places):
        return 0
    return 1 if any(cluster == tally.target for cluster, _ in places) else 2
