"""On what terms the resources of one member are followed: with which means, and whom a watch tells what it sees."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from msgspec import Raw, Struct

from fedns.clusters.backoff import Pace, Pulse, Rate
from fedns.clusters.connect import Connection
from fedns.clusters.decode import Item
from fedns.clusters.listing import Lists, Resource
from fedns.clusters.watchlist import Offer


class Follower(Protocol):
    """Whom a watch tells what it sees."""

    def replaced(self, resource: Resource, items: list[Item], *, sure: bool) -> bool:
        """A whole truth; False where it is not believed and must be confirmed (`sure`) by a second one."""

    def changed(self, resource: Resource, events: list[tuple[str, Item]]) -> None:
        """Events in their order, each ADDED, MODIFIED or DELETED."""

    def alive(self) -> None:
        """The server said something."""

    def readable(self, resource: Resource) -> None:
        """The resource can be read: a list is complete, a stream is open, or known to be absent."""

    def failed(self, resource: Resource, reason: str) -> None:
        """The resource cannot be read now."""

    def counted(self, what: str) -> None:
        """Something worth a metric happened: list, check, watch, gone, refused, throttled."""


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
