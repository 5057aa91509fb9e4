"""What a fedns serves from, in a few numbers: two replicas that tell the same numbers give the same answers.

Nothing counts that is of one replica alone: generations, ages, the order of events, who may ask, where it runs. The
last of these is part of the digest of a location, which is what clients there may compare.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct, structs

from fedns.answers.rules import Rules
from fedns.federation import digest
from fedns.federation.catalog import Catalog
from fedns.federation.health import Freshness, Status
from fedns.federation.locality import Location

_HEARD: Final = {Freshness.SUSPECT: "fresh", Freshness.HELD: "fresh", Freshness.RESTORED: "stale"}
"""States that put endpoints where another one does: telling them apart would make replicas differ in passing."""

CUT: Final = "-cut"
"""Added to the state of a member whose data path fails."""


class Part(Struct, frozen=True):
    """What is known of one member: its state, how many services it exports, and the digest of these."""

    state: str
    services: int
    digest: str


class Digests(Struct, frozen=True, kw_only=True):
    """The numbers of one fedns; `epoch` names its control process, and tells it from others."""

    rules: str
    members: dict[str, Part]
    epoch: str = ""
    format: int = digest.FORMAT


class UnreadableError(ValueError):
    """A reply that holds no digests; the message says why."""


def digests(rules: Rules, catalog: Catalog, statuses: Mapping[str, Status], epoch: str = "") -> Digests:
    """The numbers of what is held."""
    members = {}
    for name in sorted(cluster.name for cluster in rules.clusters):
        status = statuses.get(name)
        state = rules.forced.get(name) or (status.state if status is not None else Freshness.SYNCING)
        word = _HEARD.get(state, str(state))
        if status is not None and status.cut and name not in rules.forced:
            word += CUT
        members[name] = Part(word, len(catalog.exports_of(name)), digest.text(catalog.digest_of(name)))
    shared = (
        rules.zones,
        sorted(rules.clusters, key=lambda cluster: cluster.name),
        rules.policies,
        sorted(rules.drains, key=lambda drain: (drain.target, drain.force)),
        sorted(rules.shifts, key=lambda shift: (shift.key, shift.source)),
        sorted(catalog.settled.items()),
    )
    return Digests(rules=digest.text(digest.hashed(shared)), members=members, epoch=epoch)


def at(found: Digests, rules: Rules, location: Location) -> str:
    """The digest for clients at one location: who tells the same one gives the same answers there."""
    local = found.members.get(rules.local.cluster)
    # Only where its own cluster keeps its rank though it is stale does it matter which one that is.
    keeps = local is not None and local.state != "fresh" and not local.state.endswith(CUT)
    kept = rules.local.cluster if rules.local_when_stale == "keep" and keeps else ""
    place = structs.replace(location, rule="")
    return digest.text(digest.hashed((found.format, found.rules, found.members, place, kept)))


def lines(found: Digests) -> list[str]:
    """The numbers as text: one line for the whole, then one for each member."""
    told = [f"format={found.format} epoch={found.epoch} rules={found.rules} members={len(found.members)}"]
    for name, part in found.members.items():
        told.append(f"cluster={name} state={part.state} services={part.services} digest={part.digest}")
    return told


def read(told: Iterable[str]) -> Digests:
    """The numbers from their lines, in any order and with others among them. Raises UnreadableError."""
    head, members = {}, {}
    for line in told:
        words = dict(word.partition("=")[::2] for word in line.split())
        if "format" in words:
            head = words
        elif "services" in words:
            try:
                members[words["cluster"]] = Part(words["state"], int(words["services"]), words["digest"])
            except (KeyError, ValueError):
                raise UnreadableError(f"no digest of a member: {line[:100]!r}") from None
    try:
        found = Digests(rules=head["rules"], members=members, epoch=head["epoch"], format=int(head["format"]))
        whole = int(head["members"]) == len(members)
    except (KeyError, ValueError):
        raise UnreadableError("no digests among what it tells") from None
    if not whole:
        raise UnreadableError(f"{len(members)} members are told of, not {head['members']}")
    return found


def differences(
    mine: Digests, theirs: Digests, had: Callable[[str, str], bool] = lambda _cluster, _digest: False
) -> list[str]:
    """Where two replicas differ, in sentences; none where they agree.

    `had` says whether the exports of a member had a digest here a moment ago: that is no difference.
    """
    if mine.format != theirs.format:
        return [f"another version: its digests are of format {theirs.format}, ours of format {mine.format}"]
    found = [] if mine.rules == theirs.rules else ["rules: configuration, drains or migrations are not the same"]
    for name in sorted({*mine.members, *theirs.members}):
        own, other = mine.members.get(name), theirs.members.get(name)
        if own is None or other is None:
            found.append(f"{name}: a member {'here' if own else 'there'} only")
            continue
        if own.state != other.state:
            found.append(f"{name}: {own.state} here, {other.state} there")
        if own.digest != other.digest and not had(name, other.digest):
            found.append(f"{name}: other exports ({own.services} services here, {other.services} there)")
    return found
