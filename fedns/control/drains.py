"""Drains in force: of the configuration, and those that were ordered at run time and that a file keeps.

    order -> file -> rules -> workers -> the time after which nobody holds an old answer any more

It knows nothing of HTTP; times are Unix seconds.
"""

import logging
from collections.abc import Callable, Iterator
from time import time
from typing import Any

from msgspec import structs

from fedns.answers.rules import Rules
from fedns.control.keeping import DrainOrder, Keeper, RefusedOrderError
from fedns.control.reach import Reach, longest_ttl
from fedns.control.truth import Truth
from fedns.federation.drains import Drain, drain
from fedns.settings.schema import Settings

log = logging.getLogger(__name__)


class Drains:
    """The drains in force; `changed` is called when the rules must be made again with `added`."""

    def __init__(
        self,
        truth: Truth,
        keeper: Keeper,
        reach: Reach,
        changed: Callable[[], None],
        clock: Callable[[], float] = time,
    ) -> None:
        self._truth = truth
        self._keeper = keeper
        self._reach = reach
        self._changed = changed
        self._clock = clock
        self._configured: dict[str, DrainOrder] = {}

    def configure(self, settings: Settings) -> None:
        """Other settings: a drain that stays keeps its times."""
        before = self._configured
        self._configured = {}
        for each in settings.drains:
            held = before.get(each.target)
            if held is None or held.force != each.force:
                held = DrainOrder(target=each.target, force=each.force, since=self._clock())
            self._configured[each.target] = held

    def added(self, rules: Rules) -> Rules:
        """The rules with all drains."""
        every = (*self._configured.values(), *self._keeper.kept.drains)
        return structs.replace(rules, drains=tuple(map(_drain, every)))

    def tick(self) -> None:
        """Note which drains every worker knows by now; call it a few times a second."""
        known = self._reach.known(self._truth.rules.drains)
        now = self._clock()

        def noted(order: DrainOrder) -> DrainOrder:
            new = order.stopped is None and _drain(order) in known
            return structs.replace(order, stopped=now) if new else order

        self._configured = {target: noted(order) for target, order in self._configured.items()}
        ordered = tuple(map(noted, self._keeper.kept.drains))
        if ordered != self._keeper.kept.drains:
            self._keeper.note(drains=ordered)

    def drain(self, target: str, *, force: bool) -> None:
        """Take something out; raises RefusedOrderError."""
        try:
            wanted = drain(target, force=force)
        except ValueError as error:
            raise RefusedOrderError(str(error)) from error
        check_cluster(wanted.cluster, self._truth.rules)
        held = self._keeper.kept.drains
        if any(each.target == target and each.force == force for each in held):
            return
        order = DrainOrder(target=target, force=force, since=self._clock())
        self._keeper.order(drains=(*(each for each in held if each.target != target), order))
        log.info("drained by order: %s%s", target, " by force" if force else "")
        self._changed()

    def undrain(self, target: str) -> None:
        """Put something back; raises RefusedOrderError."""
        held = self._keeper.kept.drains
        left = tuple(each for each in held if each.target != target)
        if left == held:
            if target in self._configured:
                raise RefusedOrderError(f"{target} is drained by the configuration: remove it from drains there")
            raise RefusedOrderError(f"{target} is not drained")
        self._keeper.order(drains=left)
        log.info("drained no more: %s", target)
        self._changed()

    def page(self) -> list[dict[str, Any]]:
        """Every drain with its times; `safeToStopAt` is null until every worker knows of it."""
        return list(self._told())

    def _told(self) -> Iterator[dict[str, Any]]:
        ttl = longest_ttl(self._truth.rules)
        for by, orders in (
            ("configuration", tuple(self._configured.values())),
            ("order", self._keeper.kept.drains),
        ):
            for order in orders:
                yield {
                    "target": order.target,
                    "force": order.force,
                    "by": by,
                    "since": order.since,
                    "safeToStopAt": None if order.stopped is None else order.stopped + ttl,
                }


def check_cluster(name: str, rules: Rules) -> None:
    """Raise RefusedOrderError for a cluster that is not there."""
    known = sorted(cluster.name for cluster in rules.clusters)
    if name not in known:
        raise RefusedOrderError(f"no cluster is called {name}; there is {', '.join(known)}")


def _drain(order: DrainOrder) -> Drain:
    return drain(order.target, force=order.force)
