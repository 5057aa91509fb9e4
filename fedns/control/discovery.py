"""Members from Secrets of the local cluster: to join is one `kubectl apply`, to leave one `kubectl delete`.

A Secret has the credentials in `data.kubeconfig` and, in `data.cluster`, the keys of an entry of `clusters:` as YAML.
It is read by the grammar of the configuration file. A wrong Secret costs only itself: it is reported once for each
change, and the last good version of its member stays in force until the Secret is right again or deleted. While the
local API server is away, the members stay as they were. It knows nothing of what becomes of the members.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Final

import msgspec
from msgspec import Raw, Struct

from fedns.clusters.backoff import Backoff, Pace, Pulse, Rate
from fedns.clusters.connect import LostError, connect
from fedns.clusters.decode import Item
from fedns.clusters.listing import Lists, Resource
from fedns.clusters.streams import Stream
from fedns.clusters.terms import Belief, Means
from fedns.clusters.values import number
from fedns.clusters.watch import Watch
from fedns.clusters.watchlist import Offer
from fedns.settings.load import ConfigError, Problem, member
from fedns.settings.schema import Member, Secrets

NAME_LABEL: Final = "fedns.io/cluster-name"
LONGEST: Final = 64 << 10
"""Longer texts are refused: reading the worst of them takes 0.3 s, in which nothing else goes on."""
_TOLD: Final = 10
"""So many problems of one Secret are logged."""
_PERIOD: Final = 30.0
"""Mean length of a watch in seconds."""
_EVENTS_PER_SECOND: Final = 10.0
"""More changes wait: each is read as YAML, and a namespace of Secrets has few."""
_MOST_BYTES: Final = 256 << 20
"""All Secrets of one reading: 1,000 of the largest that are read make 170 MiB in base64."""

log = logging.getLogger(__name__)


class SecretFacts(Struct, frozen=True):
    """What of a Secret describes a member; `created` in Unix seconds, None for a key that is missing."""

    created: int
    name: str
    kubeconfig: bytes | None
    cluster: bytes | None

    def __repr__(self) -> str:
        """Never what is in it."""
        return f"SecretFacts({self.name!r})"


class Read(Struct, frozen=True):
    """What a Secret says: a member, or what is wrong; `created` as above."""

    created: int
    member: Member | None
    problems: tuple[Problem, ...] = ()


Found = tuple[dict[str, Member], dict[str, tuple[Problem, ...]]]
"""The members, and what is wrong, both by Secret (NAMESPACE/NAME)."""


def members(secrets: Mapping[str, SecretFacts]) -> Found:
    """What these Secrets (by NAMESPACE/NAME) amount to."""
    return agree({key: read(key, facts) for key, facts in secrets.items()}, (), {})


def read(key: str, facts: SecretFacts) -> Read:
    """What one Secret says for itself."""
    try:
        kubeconfig = _text("kubeconfig", facts.kubeconfig)
        cluster = _text("cluster", facts.cluster or b"")
        return Read(facts.created, member(cluster, facts.name, kubeconfig, f"secret {key}"))
    except ConfigError as error:
        whole = (each._replace(path="cluster") if each.path == "(file)" else each for each in error.problems)
        return Read(facts.created, None, tuple(whole))


def _text(name: str, content: bytes | None) -> str:
    if content is None:
        raise ConfigError([Problem(name, 0, f"is missing: the Secret must have data.{name}")])
    if len(content) > LONGEST:
        raise ConfigError([Problem(name, 0, f"is longer than {LONGEST >> 10} KiB")])
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigError([Problem(name, 0, "is not UTF-8 text")]) from None


def agree(secrets: Mapping[str, Read], taken: Iterable[str], last: Mapping[str, Member]) -> Found:
    """Each name to one member: to those `taken` by the configuration first, then to the older Secret.

    `last` are the last good members: they stand in for Secrets that are wrong now.
    """
    found: dict[str, Member] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    owners = dict.fromkeys(taken, "the configuration file")
    for key in sorted(secrets, key=lambda key: (secrets[key].created, key)):
        made, wrong = secrets[key].member, secrets[key].problems
        if made is not None:
            wrong = _taken(made, owners)
        if wrong:
            problems[key] = wrong
            made = last.get(key)
        if made is not None and not _taken(made, owners):
            found[key] = made
            owners |= dict.fromkeys(_names(made), f"the older secret {key}")
    return found, problems


def _names(made: Member) -> list[str]:
    return [made.name, *(source.name for source in made.sources)]


def _taken(made: Member, owners: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(
        Problem("name", 0, f"{owners[name]} has a cluster {name} already: give this one another name")
        for name in _names(made)
        if name in owners
    )


class Discovery:
    """Follows the Secrets through the local member's API server; `told` hears of all members whenever they change.

    It is told the first time when all Secrets have been read, be there members or not. `problems` are those of the
    Secrets as they are now, by NAMESPACE/NAME; `failure` says why they cannot be read, "" when they can.
    """

    def __init__(
        self,
        local: Member,
        where: Secrets,
        told: Callable[[tuple[Member, ...]], None],
        taken: Iterable[str] = (),
    ) -> None:
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self._local, self._where, self._told = local, where, told
        self._taken = frozenset(taken)
        path = f"/api/v1/namespaces/{where.namespace}/secrets"
        self._resource = Resource("secrets", (path,), selector=where.label_selector)
        self._secrets: dict[str, Read] = {}
        self._members: dict[str, Member] | None = None
        self.failure = ""

    def reserve(self, taken: Iterable[str]) -> None:
        """These names are the configuration's from now on: of its members, and of their sources."""
        self._taken = frozenset(taken)
        if self._members is not None:
            self._settle()

    async def run(self) -> None:
        """Follow the Secrets until cancelled; a fault of ours is logged, and it begins anew."""
        pulse, random = Pulse(), Random()  # noqa: S311 -- jitter, no secret
        backoff = Backoff(pulse, random)
        while True:
            try:
                await self._follow(pulse, random)
            except LostError as loss:
                self.failed(self._resource, str(loss))
            except Exception:  # whatever it is, members can still come
                log.exception("discovery of members failed and begins anew")
            await backoff.pause()

    async def _follow(self, pulse: Pulse, random: Random) -> None:
        connection, pace = await connect(self._local), Pace()
        means = Means(
            connection=connection,
            bare=bare,
            lists=Lists(asyncio.Semaphore(1)),
            pulse=pulse,
            rate=Rate(_EVENTS_PER_SECOND, asyncio.get_running_loop().time),
            offer=Offer(pace.upgrade),
            period=_PERIOD,
            pace=pace,
            most=_MOST_BYTES,
            random=random,
        )
        try:
            await Watch(means, self._resource, decode, self, Stream(resource=self._resource.name)).run()
        finally:
            await connection.close()

    def replaced(self, _: Resource, items: list[Item], *, sure: bool) -> Belief:
        """All Secrets there are; a list that lost more than half of them is not believed at once."""
        listed = {_key(item): item for item in items if item.name}
        gone = len(self._secrets.keys() - listed.keys())
        if gone * 2 > len(self._secrets) and not sure:
            log.warning("the list of secrets lost %d of %d: held until a second one", gone, len(self._secrets))
            return Belief.LATER
        for key in self._secrets.keys() - listed.keys():
            del self._secrets[key]
        for key, item in listed.items():
            self._keep(key, item)
        self._settle()
        return Belief.TAKEN

    def differs(self, _: Resource, __: list[Item], read: int, seen: int) -> bool:  # noqa: ARG002 -- what a watch asks
        """They are few enough to be read whole."""
        return True

    def changed(self, _: Resource, events: list[tuple[str, Item]]) -> None:
        """Secrets came, changed or went; one that lost the label goes, too."""
        for kind, item in events:
            if kind == "DELETED":
                self._secrets.pop(_key(item), None)
            elif item.name:
                self._keep(_key(item), item)
        self._settle()

    def _keep(self, key: str, item: Item) -> None:
        if isinstance(item, _SecretItem):
            self._secrets[key] = read(key, item.secret)
        else:
            log.warning("secret %s is left as it was: %s", key, item.fault)

    def _settle(self) -> None:
        """Read all Secrets again, say what is newly wrong or right, and tell of the members if they are others."""
        before, problems = self._members, self.problems
        self._members, self.problems = agree(self._secrets, self._taken, before or {})
        for key, wrong in self.problems.items():
            if problems.get(key) != wrong:
                kept = f"member {self._members[key].name} stays as it was" if key in self._members else "no member"
                for each in wrong[:_TOLD]:
                    log.warning(
                        "secret %s: line %d: %.100s: %.300s (%s)", key, each.line, each.path, each.sentence, kept
                    )
        for key in (problems.keys() - self.problems.keys()) & self._secrets.keys():
            log.info("secret %s: is right again", key)
        if before is None or before != self._members:
            self._told(tuple(sorted(self._members.values(), key=lambda each: each.name)))

    def alive(self) -> None:
        """The local member's own feed tells of life."""

    def readable(self, _: Resource) -> None:
        """The Secrets can be read."""
        if self.failure:
            log.info("secrets in %s can be read again", self._where.namespace)
            self.failure = ""

    def failed(self, _: Resource, reason: str) -> None:
        """The Secrets cannot be read now: the members stay as they are."""
        if reason != self.failure:
            self.failure = reason
            log.warning("secrets in %s: %s: the members from there stay as they are", self._where.namespace, reason)

    def counted(self, what: str) -> None:
        """Nothing of it is a metric."""


def _key(item: Item) -> str:
    return f"{item.namespace}/{item.name}"


class _SecretItem(Item, frozen=True, kw_only=True):
    secret: SecretFacts


def decode(raw: Raw) -> Item:
    """A Secret; all but two keys of its `data` is left out."""
    item = bare(raw)
    if item.fault:
        return item
    try:
        found = _SECRET.decode(raw)
        created = int(datetime.fromisoformat(found.metadata.creationTimestamp).timestamp())
    except _BAD as fault:
        return Item(item.namespace, item.name, item.version, fault=str(fault)[:120])
    name = (found.metadata.labels or {}).get(NAME_LABEL, item.name)
    told = found.data or _Content()
    facts = SecretFacts(created, name, told.kubeconfig, told.cluster)
    return _SecretItem(item.namespace, item.name, item.version, secret=facts)


def bare(raw: Raw) -> Item:
    """Only which Secret it is."""
    try:
        meta = _BARE.decode(raw).metadata
    except _BAD:
        return Item("", "", 0, fault="no object")
    return Item(meta.namespace, meta.name, number(meta.resourceVersion))


class _Content(Struct):
    kubeconfig: bytes | None = None
    cluster: bytes | None = None


class _Meta(Struct):
    namespace: str
    name: str
    resourceVersion: str = ""  # noqa: N815 -- spelt as Kubernetes spells it
    creationTimestamp: str = ""  # noqa: N815
    labels: dict[str, str] | None = None


class _Bare(Struct):
    metadata: _Meta


class _Secret(_Bare):
    data: _Content | None = None


_BAD: Final = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)
_BARE: Final = msgspec.json.Decoder(_Bare)
_SECRET: Final = msgspec.json.Decoder(_Secret)
