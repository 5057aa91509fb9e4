"""On what terms the resources of one member are followed: with which means, and whom a watch tells what it sees."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from random import Random
from typing import Protocol

from msgspec import Raw, Struct

from fedns.clusters.backoff import Pace, Pulse, Rate
from fedns.clusters.connect import Connection
from fedns.clusters.decode import Item
from fedns.clusters.listing import Lists, Resource
from fedns.clusters.watchlist import Offer
from fedns.federation.health import Evidence
from fedns.federation.locality import Node
from fedns.federation.objects import Export, ServiceKey


class Belief(Enum):
    """What becomes of a whole truth: it is taken, or looked at again."""

    TAKEN = "taken"
    AGAIN = "a second look at once"
    LATER = "a second look after a while"


class Follower(Protocol):
    """Whom a watch tells what it sees."""

    def replaced(self, resource: Resource, items: list[Item], *, sure: bool) -> Belief:
        """A whole truth; when it is not believed, a second one must confirm it (`sure`), now or later."""

    def differs(self, resource: Resource, names: list[Item], read: int, seen: int) -> bool:
        """Whether what is held is not what these names and versions say.

        Versions after `seen` may be still to come, and what is not held was judged if it is no newer than `read`.
        """

    def changed(self, resource: Resource, events: list[tuple[str, Item]]) -> None:
        """Events in their order, each ADDED, MODIFIED or DELETED."""

    def alive(self) -> None:
        """The server said something."""

    def readable(self, resource: Resource) -> None:
        """The resource can be read: a list is complete, a stream is open, or known to be absent."""

    def failed(self, resource: Resource, reason: str) -> None:
        """The resource cannot be read now."""

    def counted(self, what: str) -> None:
        """Something worth a metric happened: list, compare, check, watch, gone, refused, throttled."""


class Means(Struct, kw_only=True):
    """What all streams of one member share: its server, its pace and its limits.

    `bare` tells only which object it is; `period` is the mean length of a stream in seconds, `most` the bytes that one
    reading may have.
    """

    connection: Connection
    bare: Callable[[Raw], Item]
    lists: Lists
    pulse: Pulse
    rate: Rate
    offer: Offer
    period: float
    pace: Pace
    most: int
    random: Random


class Sink(Protocol):
    """Whom a member's feed tells; called on the loop, and must not block."""

    def replaced(self, cluster: str, exports: Iterable[Export]) -> None:
        """The whole truth of one cluster."""

    def changed(self, cluster: str, key: ServiceKey, export: Export | None, triggered: float = 0.0) -> None:
        """One service of a cluster changed, or is exported no more; `triggered` is when (Unix seconds), 0 unknown."""

    def observed(self, cluster: str, evidence: Evidence) -> None:
        """Something that says how alive and readable a cluster is."""

    def located(self, cluster: str, nodes: Mapping[str, Node | None], *, whole: bool) -> None:
        """Nodes of a cluster that may be others now, None for one that is gone; with `whole`, all that there are."""

    def found(self, via: str, cluster: str) -> bool:
        """A hub tells of a source cluster that the configuration does not name; False when it is somebody else's."""
