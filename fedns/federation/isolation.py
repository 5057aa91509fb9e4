"""Is it the members that are gone, or is fedns cut off? A pure rule over what is known of all of them at once.

When more than a share of the remote members went stale within one window, fedns takes itself for the one that is cut
off: nothing expires, and it says so. The order of answers stays what it was.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from fedns.federation import health
from fedns.federation.health import Freshness, Status, Timers
from fedns.federation.objects import Cluster


class Isolation(Struct, frozen=True, kw_only=True):
    """The rule: more than this `share` of the remote members, lost within `window` seconds of each other."""

    share: float = 0.5
    window: float = 30.0


class Aged(NamedTuple):
    """All members when time has passed, and whether fedns takes itself for cut off."""

    statuses: dict[str, Status]
    isolated: bool


def remote(clusters: Iterable[Cluster], local: str) -> frozenset[str]:
    """The members that count: those that are followed themselves, all but the local one."""
    return frozenset(each.name for each in clusters if each.name != local and not each.via)


def age(
    statuses: Mapping[str, Status], counted: Collection[str], now: float, timers: Timers, isolation: Isolation
) -> Aged:
    """Let time pass for all; `counted` are the remote members. Nobody expires while fedns is cut off.

    Silence is walked to stale first: where nobody looked for long, all go in the same moment, and that is seen.
    """
    silent = {name: health.age(status, now, timers, expiring=False) for name, status in statuses.items()}
    if isolated((silent[name] for name in counted if name in silent), len(counted), now, timers, isolation):
        return Aged(silent, isolated=True)
    return Aged({name: health.age(status, now, timers) for name, status in silent.items()}, isolated=False)


def isolated(lost: Iterable[Status], members: int, now: float, timers: Timers, isolation: Isolation) -> bool:
    """Whether more than the share of so many members went within one window, by the statuses of these.

    One that is known from a snapshot counts as gone when it was not read for as long as makes others stale.
    """
    moments = sorted(status.since for status in lost if _gone(status, now, timers))
    enough = int(isolation.share * members) + 1
    windows = zip(moments, moments[enough - 1 :], strict=False)
    return any(last - first <= isolation.window for first, last in windows)


def _gone(status: Status, now: float, timers: Timers) -> bool:
    if status.state == Freshness.RESTORED:
        return now - status.since >= timers.stale_after
    return status.state in {Freshness.STALE, Freshness.HELD}
