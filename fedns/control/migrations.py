"""Migrations in force: at which step each is, when it is paused, and what the workers are told of it.

    time, pauses -> step -> rules -> workers

A migration waits while its target has too few ready endpoints, or cannot be heard; the time that it waits does not
count. It knows nothing of HTTP; times are Unix seconds.
"""

import logging
from collections.abc import Iterator
from typing import Any

from msgspec import structs

from fedns.answers.rules import Rules
from fedns.control.drains import check_cluster
from fedns.control.keeping import Pause, RefusedOrderError
from fedns.control.means import Means
from fedns.control.reach import longest_ttl
from fedns.control.served import Served
from fedns.federation.drains import Drain
from fedns.federation.health import Freshness
from fedns.federation.migrations import Migration, Shift, floor, next_step, ready, service_key, steps
from fedns.settings.schema import Settings

HEARD = frozenset({Freshness.FRESH, Freshness.SUSPECT})

log = logging.getLogger(__name__)


class Migrations:
    """The migrations in force."""

    def __init__(self, means: Means, served: Served) -> None:
        self._means = means
        self._served = served
        self._reach = means.reach()
        self._configured: tuple[Migration, ...] = ()
        self._known: dict[Shift, float] = {}
        self._told: dict[str, int] = {}

    def configure(self, settings: Settings) -> None:
        """Other settings."""
        self._configured = settings.migrations

    def added(self, rules: Rules) -> Rules:
        """The rules with what every migration moves now."""
        return structs.replace(rules, shifts=tuple(each.at(self._elapsed(each)) for each in self._all()))

    def tick(self) -> None:
        """Pause and go on, and take the next step when its time has come; call it a few times a second."""
        for each in self._all():
            self._pause(each)
        self._tell_steps()
        known = self._reach.known(self._means.truth.rules.shifts)
        now = self._means.clock()
        self._known = {each: self._known.get(each, now) for each in self._means.truth.rules.shifts if each in known}
        if self.added(self._means.truth.rules).shifts != self._means.truth.rules.shifts:
            self._means.changed()

    def migrate(self, wanted: Migration, by: str = "") -> None:
        """Begin one, ordered by somebody; raises RefusedOrderError."""
        try:
            service_key(wanted.name)
            steps(wanted.schedule)
            floor(wanted.pause_if, wanted.target)
        except ValueError as error:
            raise RefusedOrderError(str(error)) from error
        for cluster in (wanted.source, wanted.target):
            check_cluster(cluster, self._means.truth.rules)
        if wanted.source == wanted.target:
            raise RefusedOrderError(f"{wanted.name} cannot move from {wanted.source} to itself")
        if any(each.name == wanted.name for each in self._all()):
            raise RefusedOrderError(f"{wanted.name} is on its way already: abort that migration first")
        self._means.ledger.order(migrations=(*self._means.ledger.kept.migrations, wanted))
        text = f"moves from {wanted.source} to {wanted.target}: {wanted.schedule}"
        log.info("%s %s", wanted.name, text)
        self._means.note(wanted.name, text, by)
        self._means.changed()

    def abort(self, name: str, by: str = "") -> None:
        """End one: its source gets back at once what was moved. Raises RefusedOrderError."""
        held = self._means.ledger.kept.migrations
        left = tuple(each for each in held if each.name != name)
        if left == held:
            if any(each.name == name for each in self._configured):
                raise RefusedOrderError(f"{name} moves by the configuration: remove it from migrations there")
            raise RefusedOrderError(f"{name} is not on its way")
        pauses = {key: pause for key, pause in self._means.ledger.kept.pauses.items() if key.rpartition("@")[0] != name}
        self._means.ledger.order(migrations=left, pauses=pauses)
        log.info("%s moves no more", name)
        self._means.note(name, "moves no more", by)
        self._means.changed()

    def now(self) -> float:
        """The time at which a migration begins that is ordered now."""
        return self._means.clock()

    def page(self) -> list[dict[str, Any]]:
        """Every migration: its step, the next one, why it waits; where the answers of the last minute led.

        `percent` is the share that is decided.
        """
        return [self._row(each) for each in self._all()]

    def _row(self, each: Migration) -> dict[str, Any]:
        elapsed, pause = self._elapsed(each), self._paused(each)
        schedule = steps(each.schedule)
        shift, following = each.at(elapsed), next_step(schedule, elapsed)
        known = self._known.get(shift)
        done = known is not None and shift.percent == 100
        return {
            "service": each.name,
            "from": each.source,
            "to": each.target,
            "by": "configuration" if each in self._configured else "order",
            "schedule": each.schedule,
            "pauseIf": each.pause_if,
            "start": each.start,
            "step": sum(step.after <= elapsed for step in schedule),
            "steps": len(schedule),
            "percent": shift.percent,
            "percentIs": "decided",
            "served": self._served.page(_left(each), each.target),
            "nextPercent": following.percent if following else None,
            "nextInSeconds": following.after - elapsed if following else None,
            "paused": pause.reason if pause.since is not None else None,
            "readyTarget": self._ready(each),
            "safeToStopAt": known + longest_ttl(self._means.truth.rules) if done and known is not None else None,
        }

    def _all(self) -> Iterator[Migration]:
        """Those of the configuration, and of the others those for services that it does not name."""
        yield from self._configured
        names = {each.name for each in self._configured}
        yield from (each for each in self._means.ledger.kept.migrations if each.name not in names)

    def _elapsed(self, each: Migration) -> float:
        """Seconds since the start that count."""
        pause = self._paused(each)
        until = self._means.clock() if pause.since is None else pause.since
        return until - each.start - pause.seconds

    def _paused(self, each: Migration) -> Pause:
        return self._means.ledger.kept.pauses.get(_key(each), Pause())

    def _pause(self, each: Migration) -> None:
        """Whether it must wait now, from its start to its last step."""
        pause, now = self._paused(each), self._means.clock()
        under_way = now >= each.start and next_step(steps(each.schedule), self._elapsed(each)) is not None
        reason = self._reason(each) if under_way else ""
        if bool(reason) == (pause.since is not None):
            return
        if reason:
            after = Pause(seconds=pause.seconds, since=now, reason=reason)
            log.warning("%s waits at %d percent: %s", each.name, each.at(self._elapsed(each)).percent, reason)
            self._means.note(each.name, f"waits: {reason}")
        else:
            after = Pause(seconds=pause.seconds + now - (pause.since or now))
            log.info("%s goes on to move to %s", each.name, each.target)
            self._means.note(each.name, f"goes on to move to {each.target}")
        self._means.ledger.note(pauses={**self._means.ledger.kept.pauses, _key(each): after})

    def _tell_steps(self) -> None:
        """Tell the history who moves another share than before."""
        before, self._told = self._told, {}
        for each in self._all():
            percent = self._told[_key(each)] = each.at(self._elapsed(each)).percent
            if before.get(_key(each), 0) != percent:
                self._means.note(each.name, f"{percent} % of what {each.source} would get go to {each.target} now")

    def _reason(self, each: Migration) -> str:
        status = self._means.truth.statuses.get(each.target)
        if status is None or status.state not in HEARD:
            return f"{each.target} is not heard"
        wanted, found = floor(each.pause_if, each.target), self._ready(each)
        return f"{each.target} has {found} ready, and {wanted} are wanted" if found < wanted else ""

    def _ready(self, each: Migration) -> int:
        return ready(self._means.truth.catalog.service((each.namespace, each.service)), each.target)


def _left(each: Migration) -> Drain:
    return Drain(cluster=each.source, namespace=each.namespace, service=each.service)


def _key(each: Migration) -> str:
    """By its start, too: another migration of the same service starts without pauses."""
    return f"{each.name}@{each.start}"
