"""What a question is answered from, and the answer before it is bytes: the values that the answering modules share."""

from collections.abc import Container
from fractions import Fraction
from functools import cached_property
from typing import Final

from msgspec import Struct, structs

from fedns.answers import codes
from fedns.answers.names import Asked, Grammar, Subject
from fedns.answers.packet import Query, Record
from fedns.answers.rules import Rules
from fedns.federation.catalog import Catalog
from fedns.federation.health import Freshness, Status
from fedns.federation.holders import Holders
from fedns.federation.locality import Location
from fedns.federation.objects import ServiceKey
from fedns.federation.placement import World

PARTS: Final = "*"
"""Stands for the first parts of all addresses: what is said of one may change with any address below it."""


class Client(Struct, frozen=True, kw_only=True):
    """Who asks: a packed address, where it is, and whether it may ask at all and may see diagnostics.

    `subnet` is the client subnet for which it asks, and that is believed.
    """

    address: bytes
    location: Location
    allowed: bool
    diagnostics: bool
    subnet: str = ""

    def at(self, location: Location, subnet: str) -> "Client":
        """The same client, asking for another place."""
        return structs.replace(self, location=location, subnet=subnet)


class State(Struct, frozen=True, kw_only=True, dict=True):
    """What a worker knows: `statuses` are aged to now already; `serial` is that of the SOA records.

    `holders` lead from addresses to services, for the reverse zones. `isolated`: so many members went at once that this
    fedns takes itself for cut off. `epoch` names the control process that this is from. `zones` are those of the local
    cluster's nodes, where they are known.
    """

    rules: Rules
    catalog: Catalog
    statuses: dict[str, Status]
    holders: Holders
    serial: int = 1
    isolated: bool = False
    epoch: str = ""
    zones: frozenset[str] = frozenset()

    @cached_property
    def grammar(self) -> Grammar:
        """The names of this configuration."""
        return Grammar(self.rules.zones, self.rules.clusters)

    @cached_property
    def world(self) -> World:
        """The members as `place` wants them; one that nobody has reported yet is syncing."""
        rules = self.rules
        return World(
            clusters={cluster.name: cluster for cluster in rules.clusters},
            states={cluster.name: self.freshness(cluster.name) for cluster in rules.clusters},
            cut=frozenset(filter(self.cut, (cluster.name for cluster in rules.clusters))),
            local=rules.local.cluster,
            local_when_stale=rules.local_when_stale,
            drains=rules.drains,
            shifts=rules.shifts,
        )

    def freshness(self, cluster: str) -> Freshness:
        """How fresh a member is, or what the operator takes it for."""
        status = self.statuses.get(cluster)
        return self.rules.forced.get(cluster) or (status.state if status is not None else Freshness.SYNCING)

    def cut(self, cluster: str) -> bool:
        """Whether a member's data path fails, and the operator does not say better."""
        status = self.statuses.get(cluster)
        return status is not None and status.cut and cluster not in self.rules.forced


class Question(Struct, frozen=True, kw_only=True):
    """One question with everything that its answer depends on; `now` in seconds of CLOCK_MONOTONIC."""

    query: Query
    asked: Asked
    client: Client
    state: State
    now: float

    @property
    def key(self) -> ServiceKey | None:
        """The service, or (namespace, "") the namespace, or ("", address) the address, that the name is about."""
        asked = self.asked
        if asked.subject is Subject.ADDRESS:
            return ("", asked.address if len(asked.address) == 2 * asked.width else PARTS)
        return (asked.namespace, asked.service) if asked.namespace else None


class AnswerGroup(Struct, frozen=True, gc=False):
    """Records that go out together, in `share` of all responses; each of these is counted by the words of `counted`."""

    share: Fraction
    records: tuple[Record, ...]
    additional: tuple[Record, ...] = ()
    counted: tuple[int, ...] = ()


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """An answer before encoding: one response carries `chain`, then the records of one group.

    `chain` are the aliases that lead to the groups' owner. With `subset` a set of addresses may be cut to what fits
    UDP, in windows that take turns; `max_answers` (0: all) cuts it on every transport; with `rotate` the order of the
    records goes round. `zone` is the kind of zone that the name is in. One with `taken` is the
    answer for all names that differ in the first label only, but for those labels and such as begin with an underscore.
    """

    rcode: int = codes.NOERROR
    chain: tuple[Record, ...] = ()
    groups: tuple[AnswerGroup, ...] = ()
    authority: tuple[Record, ...] = ()
    ede: tuple[tuple[int, str], ...] = ()
    key: ServiceKey | None = None
    cacheable: bool = True
    subset: bool = False
    rotate: bool = False
    aa: bool = True
    max_answers: int = 0
    zone: str = "none"
    taken: Container[str] | None = None


def one(*records: Record) -> tuple[AnswerGroup, ...]:
    """The groups of an answer that is the same for every response."""
    return (AnswerGroup(Fraction(1), records),)
