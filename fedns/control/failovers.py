"""The failover budget: a member that falls silent is held until what its loss would move is weighed, or confirmed.

    suspect -> held back -> weighed -> given way to, out of the budget
                                    -> held, until the window has room, it is heard again, or somebody confirms

Weighing is done in slices between other work. Without this process nobody could confirm, so workers that do not hear it
hold nobody. What has moved lately is memory of this process; what was confirmed is kept. Times are Unix seconds.
"""

import asyncio
import logging
from collections.abc import Callable
from time import thread_time
from typing import Any, Final

from msgspec import structs

from fedns.answers.answer import State
from fedns.answers.survey import locations
from fedns.control.keeping import RefusedOrderError
from fedns.control.means import Means
from fedns.federation.failover import allowed, loss, moves, near
from fedns.federation.health import Freshness, Status
from fedns.federation.holders import Holders
from fedns.federation.objects import ServiceKey
from fedns.federation.placement import policy_for

PAUSE_SECONDS: Final = 0.1
SLICE_SECONDS: Final = 0.01
"""Of work on end; then the probes, the workers and the heartbeat have their turn."""
AGAIN_SECONDS: Final = 5.0
"""A member that is held is weighed again after so long: others come and go, and the window moves on."""
SILENT: Final = frozenset({Freshness.SUSPECT, Freshness.HELD})
UNREAD: Final = frozenset({Freshness.SYNCING, Freshness.RESTORED})
LOST: Final = frozenset({Freshness.STALE, Freshness.EXPIRED})

log = logging.getLogger(__name__)


class Grant:
    """Leave to give way: since when, for which services, and whether anybody has had to."""

    def __init__(self, at: float, moved: frozenset[ServiceKey]) -> None:
        self.at = at
        self.moved = moved
        self.used = False


class Failovers:
    """The members that are held; `told` is called when their statuses are to be published."""

    def __init__(self, means: Means, told: Callable[[], None]) -> None:
        self._means = means
        self._tell = told
        self._grants: dict[str, Grant] = {}
        self._past: list[Grant] = []
        self._weighed: dict[str, tuple[float, int]] = {}

    def tick(self) -> None:
        """Hold who has fallen silent, let go who may give way or is heard; call it a few times a second."""
        statuses = self._means.truth.statuses
        for gone in [name for name in (*self._grants, *self._weighed) if name not in statuses]:
            self._forget(gone)
        changed = False
        for name, status in tuple(statuses.items()):
            if status.state is Freshness.FRESH:
                self._forget(name)
            if status.state in LOST and name in self._grants:
                self._grants[name].used = True
            held = self._at_stake(status) and name not in self._grants and name not in self._confirmed
            if held != status.held:
                statuses[name] = structs.replace(status, held=held)
                changed = True
        horizon = self._means.clock() - self._means.truth.rules.failover.window
        self._past = [each for each in self._past if each.at > horizon]
        if changed:
            self._tell()

    async def run(self) -> None:
        """Weigh whoever is held, for ever."""
        while True:
            now = self._means.clock()
            for name, status in tuple(self._means.truth.statuses.items()):
                # Of a member that has not even been read from a snapshot, nothing can be weighed.
                known = status.held and status.state is not Freshness.SYNCING
                if known and not 0 <= now - self._weighed.get(name, (float("-inf"), 0))[0] < AGAIN_SECONDS:
                    await self.weigh(name)
            await asyncio.sleep(PAUSE_SECONDS)

    async def weigh(self, name: str) -> None:
        """Decide whether a member may be given up, unless it comes back meanwhile."""
        truth = self._means.truth
        state = State(
            rules=truth.rules, catalog=truth.catalog, statuses=truth.statuses, holders=Holders(truth.catalog, ())
        )
        # Whoever is not read yet is taken for as good as it was: workers may well know so.
        states = {each: Freshness.FRESH if at in UNREAD else at for each, at in state.world.states.items()}
        lost = loss(name, structs.replace(state.world, states=states))
        places = near(list(locations(state).values()), name, state.world)
        moved = set()
        began = thread_time()
        for key in [export.key for export in truth.catalog.exports_of(name)]:
            service = truth.catalog.service(key)
            if service is not None and moves(service, lost, policy_for(service, truth.rules.policies), places):
                moved.add(key)
            if thread_time() - began > SLICE_SECONDS:
                await asyncio.sleep(SLICE_SECONDS)
                began = thread_time()
        if name in truth.statuses and truth.statuses[name].held:
            self._decide(name, frozenset(moved))

    def confirm(self, name: str, by: str = "") -> None:
        """Let a member be given up, whatever that moves; raises RefusedOrderError."""
        status = self._means.truth.statuses.get(name)
        if status is None or not status.held:
            held = ", ".join(each["cluster"] for each in self._held()) or "nobody"
            raise RefusedOrderError(f"{name} is not held by the failover budget: {held} is")
        kept = self._means.ledger.kept.confirmed
        self._means.ledger.order(confirmed=tuple(sorted({*kept, name})))
        log.warning("%s: its failover is confirmed", name, extra={"cluster": name})
        self._means.note(name, "its failover is confirmed", by)
        self.tick()

    def page(self) -> dict[str, Any]:
        """The budget, how many services have used it within the window, and who is held."""
        failover = self._means.truth.rules.failover
        return {
            "budget": failover.budget,
            "window": failover.window,
            "services": len(self._means.truth.catalog),
            "moved": len({key for each in self._spent() for key in each}),
            "held": self._held(),
            "confirmed": list(self._confirmed),
        }

    @property
    def _confirmed(self) -> tuple[str, ...]:
        return self._means.ledger.kept.confirmed

    def _held(self) -> list[dict[str, Any]]:
        """Those whose time has come, and those that are held back until it has come; `moves` None: not weighed yet."""
        return [
            {"cluster": name, "state": status.state, "moves": self._weighed.get(name, (0.0, None))[1]}
            for name, status in self._means.truth.statuses.items()
            if status.held
        ]

    def _at_stake(self, status: Status) -> bool:
        """Whether it may be about to be given up: it is silent, or not read yet, though workers may know it."""
        if self._means.truth.rules.failover.budget >= 1:
            return False
        return status.state in SILENT or (not status.synced and status.state in UNREAD)

    def _decide(self, name: str, moved: frozenset[ServiceKey]) -> None:
        truth, now = self._means.truth, self._means.clock()
        services, failover = len(truth.catalog), truth.rules.failover
        if allowed(moved, self._spent(), services, failover):
            self._grants[name] = Grant(now, moved)
            self._weighed.pop(name, None)
            log.info("%s: may be given up, %d of %d services would move", name, len(moved), services)
        else:
            if name not in self._weighed and truth.statuses[name].state in SILENT:
                text = f"held: giving it up would move {len(moved)} of {services} services, over the failover budget"
                log.error("%s: %s; fedns failover confirm %s", name, text, name, extra={"cluster": name})
                self._means.history.add(name, "failover", text)
            self._weighed[name] = (now, len(moved))
        self.tick()

    def _spent(self) -> list[frozenset[ServiceKey]]:
        horizon = self._means.clock() - self._means.truth.rules.failover.window
        return [each.moved for each in (*self._grants.values(), *self._past) if each.at > horizon]

    def _forget(self, name: str) -> None:
        """It is heard, or has left: what its loss has moved still counts, its leave is over."""
        grant = self._grants.pop(name, None)
        if grant is not None and grant.used:
            self._past.append(grant)
        self._weighed.pop(name, None)
        if name in self._confirmed and name in self._means.truth.statuses:
            self._means.ledger.note(confirmed=tuple(each for each in self._confirmed if each != name))
