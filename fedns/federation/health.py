"""The freshness of a member: a table of states, walked by code, with time as an argument.

All times are seconds of CLOCK_MONOTONIC, which every process of one machine shares: the control process gathers the
evidence and publishes the status, and a worker that hears nothing more ages the same status by the same table. It does
not know how evidence is gathered.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

NEVER = float("-inf")
"""The time of something that has not happened yet."""


class Freshness(StrEnum):
    """What fedns knows of a member now."""

    SYNCING = "syncing"
    RESTORED = "restored"
    FRESH = "fresh"
    SUSPECT = "suspect"
    HELD = "held"
    STALE = "stale"
    EXPIRED = "expired"


class Timers(Struct, frozen=True, kw_only=True):
    """How long what is known of a member counts, in seconds (configuration: `freshness`)."""

    probe_interval: float = 2.0
    probe_timeout: float = 2.0
    suspect_after: float = 6.0
    stale_after: float = 10.0
    expire_after: float = 300.0
    recover_after: float = 5.0
    watch_period: float = 30.0
    unsynced_after: float = 600.0


class Path(Struct, frozen=True):
    """What probes of a member's data path say: it is down once they have failed often enough in a row.

    `fault` is why the last one failed, until one succeeds.
    """

    up: bool
    fault: str = ""


class Status(Struct, frozen=True, kw_only=True):
    """What is known of one member, and since when; published to the workers as it is.

    `alive` is the last evidence of life (a reply to the probe, a watch event, a bookmark); `readable` the last moment
    at which every needed stream could be read, while one of them is in `broken`; `synced` whether one whole list has
    ever arrived; `recovering` since when the evidence has been unbroken while the member is not fresh; `fault` what
    went wrong last, until it works again. `held`: while it is silent it is not to be given up (failover budget), unless
    its data path fails.
    `path` is None where no data path is probed.
    """

    cluster: str
    joined: float
    state: Freshness = Freshness.SYNCING
    since: float = NEVER
    synced: bool = False
    alive: float = NEVER
    readable: float = NEVER
    recovering: float | None = None
    reason: str = ""
    broken: tuple[str, ...] = ()
    fault: str = ""
    held: bool = False
    path: Path | None = None

    @property
    def cut(self) -> bool:
        """Whether its endpoints cannot be reached, whatever its API server says."""
        return self.path is not None and not self.path.up

    @property
    def standing(self) -> tuple[Freshness, bool]:
        """All that answers depend on."""
        return self.state, self.cut


class Alive(Struct, frozen=True):
    """The member replied to a probe, or one of its streams spoke."""


class Unreachable(Struct, frozen=True):
    """A probe failed; this is why."""

    reason: str


class Readable(Struct, frozen=True):
    """A stream is live, or its list complete; an empty resource stands for every needed stream."""

    resource: str = ""


class Unreadable(Struct, frozen=True):
    """A stream broke, or was refused; this is why."""

    reason: str
    resource: str = ""


class Synced(Struct, frozen=True):
    """One whole list of every needed resource has been installed."""


class Restored(Struct, frozen=True):
    """What is known comes from the snapshot, and was true this many seconds ago."""

    age: float = 0.0


class PathGood(Struct, frozen=True):
    """A probe of the data path succeeded."""


class PathBad(Struct, frozen=True):
    """A probe of the data path failed; this is why, and whether so many in a row have `lost` the path."""

    reason: str
    lost: bool


class PathUnknown(Struct, frozen=True):
    """The data path is not probed any more."""


PathEvidence = PathGood | PathBad | PathUnknown
"""It is no evidence of life: a gateway that answers keeps nobody fresh whose API server cannot be read."""
Evidence = Alive | Unreachable | Readable | Unreadable | Synced | Restored | PathEvidence


class Sign(StrEnum):
    """What the evidence amounts to now; each is a column of the table."""

    READ = "read whole for the first time"
    STEADY = "alive and readable without a break for recover_after"
    UNSETTLED = "something, but not for long enough"
    QUIET = "nothing for suspect_after"
    KEPT = "nothing for stale_after, and not to be given up"
    LOST = "nothing for stale_after"
    CUT = "heard, but its data path fails"
    GONE = "nothing for expire_after"


TRANSITIONS: Final[Mapping[tuple[Freshness, Sign], Freshness]] = {
    (Freshness.SYNCING, Sign.READ): Freshness.FRESH,
    (Freshness.RESTORED, Sign.READ): Freshness.FRESH,
    (Freshness.RESTORED, Sign.GONE): Freshness.EXPIRED,
    (Freshness.FRESH, Sign.QUIET): Freshness.SUSPECT,
    (Freshness.FRESH, Sign.KEPT): Freshness.HELD,
    (Freshness.FRESH, Sign.LOST): Freshness.STALE,
    (Freshness.FRESH, Sign.CUT): Freshness.STALE,
    (Freshness.FRESH, Sign.GONE): Freshness.EXPIRED,
    (Freshness.SUSPECT, Sign.STEADY): Freshness.FRESH,
    (Freshness.SUSPECT, Sign.KEPT): Freshness.HELD,
    (Freshness.SUSPECT, Sign.LOST): Freshness.STALE,
    (Freshness.SUSPECT, Sign.CUT): Freshness.STALE,
    (Freshness.SUSPECT, Sign.GONE): Freshness.EXPIRED,
    (Freshness.HELD, Sign.STEADY): Freshness.FRESH,
    (Freshness.HELD, Sign.LOST): Freshness.STALE,
    (Freshness.HELD, Sign.CUT): Freshness.STALE,
    (Freshness.HELD, Sign.GONE): Freshness.EXPIRED,
    (Freshness.STALE, Sign.STEADY): Freshness.FRESH,
    (Freshness.STALE, Sign.GONE): Freshness.EXPIRED,
    (Freshness.EXPIRED, Sign.READ): Freshness.FRESH,
    (Freshness.EXPIRED, Sign.STEADY): Freshness.FRESH,
    (Freshness.EXPIRED, Sign.CUT): Freshness.STALE,
}
"""What a sign turns a state into; what is not here stays as it is (a member that was never read stays syncing)."""

_HOLDABLE: Final = frozenset({Freshness.FRESH, Freshness.SUSPECT, Freshness.HELD})
"""Who has not been given up yet."""

DATA_PATH: Final = "data-path"
"""What a reason begins with, or ends with, where probes of the data path fail."""
_SENTENCES: Final = {
    Freshness.SYNCING: "not read yet",
    Freshness.RESTORED: "known from the snapshot, not read yet",
    Freshness.FRESH: "alive and readable",
    Freshness.SUSPECT: "nothing heard or read for {timers.suspect_after:g} s",
    Freshness.HELD: "nothing heard or read for {timers.stale_after:g} s, held by the failover budget",
    Freshness.STALE: "nothing heard or read for {timers.stale_after:g} s",
    Freshness.EXPIRED: "nothing heard or read for {timers.expire_after:g} s",
}


def observe(status: Status, evidence: Evidence, now: float, timers: Timers, *, expiring: bool = True) -> Status:
    """The status after one piece of evidence that came at `now`; without `expiring` it never makes one expire."""
    # First, so that a gap counts even where nobody looked while it lasted.
    status = age(status, now, timers, expiring=expiring)
    if isinstance(evidence, PathEvidence):
        heard = _probed(status, evidence)
        return _walk(heard, _sign(heard, now, timers, expiring=expiring), now, timers)
    match evidence:
        case Alive():
            heard = structs.replace(status, alive=max(status.alive, now))
        case Unreachable(reason=reason):
            heard = structs.replace(status, fault=reason, recovering=None)
        case Readable(resource=resource):
            broken = tuple(each for each in status.broken if resource and each != resource)
            readable = status.readable if broken else now
            heard = structs.replace(status, alive=max(status.alive, now), readable=readable, broken=broken)
        case Unreadable(reason=reason, resource=resource):
            # The stream was live until now; a second failure does not make the last good moment any later.
            readable = status.readable if status.broken else max(status.readable, now)
            broken = tuple(sorted({*status.broken, resource}))
            heard = structs.replace(status, fault=reason, broken=broken, readable=readable, recovering=None)
        case Synced():
            heard = structs.replace(status, synced=True, alive=max(status.alive, now), readable=now, broken=())
        case _:
            if status.synced or status.state != Freshness.SYNCING:
                return status
            then = now - evidence.age
            return _entered(structs.replace(status, alive=then, readable=then), Freshness.RESTORED, now, timers)
    if isinstance(evidence, Alive | Readable | Synced) and not heard.broken:
        since = heard.recovering if heard.recovering is not None else now
        heard = structs.replace(heard, fault="", recovering=None if heard.state == Freshness.FRESH else since)
    if heard.synced and not status.synced:
        heard = _walk(heard, Sign.READ, now, timers)
    return _walk(heard, _sign(heard, now, timers, expiring=expiring), now, timers)


def _probed(status: Status, evidence: PathEvidence) -> Status:
    match evidence:
        case PathGood():
            return structs.replace(status, path=Path(up=True))
        case PathBad(reason=reason, lost=lost):
            return structs.replace(status, path=Path(not lost, reason), recovering=None)
        case _:
            return structs.replace(status, path=None)


def age(status: Status, now: float, timers: Timers, *, expiring: bool = True) -> Status:
    """The status when nothing but time has passed; without `expiring` no silence is longer than one that is lost."""
    return _walk(status, _sign(status, now, timers, expiring=expiring), now, timers)


def negatives_unsure(statuses: Iterable[Status], now: float, timers: Timers) -> list[str]:
    """The clusters that may own names nobody knows yet: never read, not in the snapshot, and joined not long ago."""
    return sorted(
        status.cluster
        for status in statuses
        if status.state == Freshness.SYNCING and now - status.joined < timers.unsynced_after
    )


def _sign(status: Status, now: float, timers: Timers, *, expiring: bool) -> Sign:
    if not status.synced:
        # Counted from the restart: how old the snapshot was does not matter, as nothing better was to be had.
        return Sign.GONE if expiring and now - status.since >= timers.expire_after else Sign.UNSETTLED
    good = min(status.alive, status.readable) if status.broken else status.alive
    quiet = now - good
    if status.held and not status.cut and status.state in _HOLDABLE and quiet >= timers.stale_after:
        return Sign.KEPT
    if expiring and quiet >= timers.expire_after:
        return Sign.GONE
    if quiet >= timers.stale_after:
        return Sign.LOST
    if status.cut:
        return Sign.CUT
    if quiet >= timers.suspect_after:
        return Sign.QUIET
    # Measured up to the last evidence, not up to now: a worker that hears nothing more never calls a member recovered.
    if status.recovering is not None and good - status.recovering >= timers.recover_after:
        return Sign.STEADY
    return Sign.UNSETTLED


def _walk(status: Status, sign: Sign, now: float, timers: Timers) -> Status:
    if sign in {Sign.QUIET, Sign.KEPT, Sign.LOST, Sign.GONE, Sign.CUT} and status.recovering is not None:
        status = structs.replace(status, recovering=None)
    state = TRANSITIONS.get((status.state, sign), status.state)
    if sign is Sign.CUT and status.path is not None:
        return _named(status, state, f"{DATA_PATH}: {status.path.fault}", now)
    if sign is Sign.UNSETTLED and status.reason.startswith(DATA_PATH):
        return status  # back, but not for long enough: what was wrong is still the reason
    return _entered(status, state, now, timers)


def _entered(status: Status, state: Freshness, now: float, timers: Timers) -> Status:
    sentence = _SENTENCES[state].format(timers=timers)
    if status.fault and state != Freshness.FRESH:
        sentence = f"{sentence}: {status.fault}"
    if status.cut and status.path is not None:
        sentence = f"{sentence}; {DATA_PATH}: {status.path.fault}"
    return _named(status, state, sentence, now)


def _named(status: Status, state: Freshness, sentence: str, now: float) -> Status:
    if state == status.state:
        # Most ticks change nothing, and then the same value says so.
        return status if sentence == status.reason else structs.replace(status, reason=sentence)
    recovering = None if state == Freshness.FRESH else status.recovering
    return structs.replace(status, state=state, since=now, reason=sentence, recovering=recovering)
