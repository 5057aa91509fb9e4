"""The freshness of a member: a table of states, walked by code, with time as an argument.

All times are seconds of CLOCK_MONOTONIC, which every process of one machine shares: the control process gathers the
evidence and publishes the status, and a worker that hears nothing more ages the same status by the same table.
"""

from enum import StrEnum

from msgspec import Struct

NEVER = float("-inf")
"""The time of something that has not happened yet."""


class Freshness(StrEnum):
    """What fedns knows of a member now."""

    SYNCING = "syncing"
    RESTORED = "restored"
    FRESH = "fresh"
    SUSPECT = "suspect"
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


class Status(Struct, frozen=True, kw_only=True):
    """What is known of one member, and since when; published to the workers as it is.

    `alive` is the last evidence of life (a reply to the probe, a watch event, a bookmark); `readable` the last proof
    that every needed stream could be read; `synced` whether one whole list has ever arrived; `recovering` since when
    the evidence has been unbroken while the member is not fresh.
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
