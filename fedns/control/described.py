"""What objects of the local cluster say of members, and what all of them together amount to.

Each object is read for itself by the grammar of the configuration file: it is a member, or what is wrong with it.
Whoever reads a kind of object (`by_secret`, `by_profile`) gives a `Source`; whoever follows them must not know it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct

from fedns.clusters.decode import Item
from fedns.clusters.listing import Resource
from fedns.clusters.values import number
from fedns.settings.load import ConfigError, Problem
from fedns.settings.schema import Member

LONGEST: Final = 64 << 10
"""Longer texts are refused: reading the worst of them takes 0.3 s, in which nothing else goes on."""
BAD: Final = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)
"""What decoding a stranger's object can raise."""


class Read(Struct, frozen=True):
    """What an object says: a member, or what is wrong; `created` in Unix seconds."""

    created: int
    member: Member | None
    problems: tuple[Problem, ...] = ()


class Telling(Item, frozen=True, kw_only=True):
    """An object that describes a member, well or badly."""

    read: Read


class Source(Struct, frozen=True):
    """A kind of object that describes members: what one is called, where they are, how one is read."""

    what: str
    namespace: str
    resource: Resource
    decode: Callable[[Raw], Item]


Found = tuple[dict[str, Member], dict[str, tuple[Problem, ...]]]
"""The members, and what is wrong, both by object (NAMESPACE/NAME)."""


def attempt(created: int, make: Callable[[], Member]) -> Read:
    """What an object says, where making a member of it may raise ConfigError."""
    try:
        return Read(created, make())
    except ConfigError as error:
        whole = (each._replace(path="cluster") if each.path == "(file)" else each for each in error.problems)
        return Read(created, None, tuple(whole))


def agree(objects: Mapping[str, Read], taken: Mapping[str, str], last: Mapping[str, Member], what: str) -> Found:
    """Each name to one member: to whom it is `taken` by (name -> owner in words) first, then to the older object.

    `last` are the last good members: they stand in for objects that are wrong now. `what` an object is called.
    """
    found: dict[str, Member] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    owners = dict(taken)
    for key in sorted(objects, key=lambda key: (objects[key].created, key)):
        made, wrong = objects[key].member, objects[key].problems
        if made is not None:
            wrong = _taken(made, owners)
        if wrong:
            problems[key] = wrong
            made = last.get(key)
        if made is not None and not _taken(made, owners):
            found[key] = made
            owners |= dict.fromkeys(names(made), f"the older {what} {key}")
    return found, problems


def names(made: Member) -> list[str]:
    """A member's own name, and those of its sources."""
    return [made.name, *(source.name for source in made.sources)]


def _taken(made: Member, owners: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(
        Problem("name", 0, f"{owners[name]} has a cluster {name} already: give this one another name")
        for name in names(made)
        if name in owners
    )


class Meta(Struct):
    """What every object has."""

    namespace: str
    name: str
    resourceVersion: str = ""  # noqa: N815 -- spelt as Kubernetes spells it
    creationTimestamp: str = ""  # noqa: N815
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    @property
    def created(self) -> int:
        """In Unix seconds; raises ValueError."""
        return int(datetime.fromisoformat(self.creationTimestamp).timestamp())


class _Bare(Struct):
    metadata: Meta


def bare(raw: Raw) -> Item:
    """Only which object it is."""
    try:
        meta = _BARE.decode(raw).metadata
    except BAD:
        return Item("", "", 0, fault="no object")
    return Item(meta.namespace, meta.name, number(meta.resourceVersion))


_BARE: Final = msgspec.json.Decoder(_Bare)
