"""Drains in force: of the configuration, and those that were ordered at run time and that a file keeps.

    order -> file -> rules -> workers -> the time after which nobody holds an old answer any more

It knows nothing of HTTP; times are Unix seconds.
"""

import logging
from collections.abc import Iterator
from typing import Any

from msgspec import structs

from fedns.answers.rules import Rules
from fedns.control.keeping import DrainOrder, RefusedOrderError
from fedns.control.means import Means
from fedns.control.reach import longest_ttl
from fedns.control.served import Served
from fedns.federation.drains import Drain, drain
from fedns.settings.schema import Settings

log = logging.getLogger(__name__)


class Drains:
    """The drains in force."""

    def __init__(self, means: Means, served: Served) -> None:
        self._means = means
        self._served = served
        self._reach = means.reach()
        self._configured: dict[str, DrainOrder] = {}

    def configure(self, settings: Settings) -> None:
        """Other settings: a drain that stays keeps its times."""
        before = self._configured
        self._configured = {}
        for each in settings.drains:
            held = before.get(each.target)
            if held is None or held.force != each.force:
                held = DrainOrder(target=each.target, force=each.force, since=self._means.clock())
                self._note(each.target, f"drained by the configuration{_forced(each.force)}")
            self._configured[each.target] = held
        for target in before.keys() - self._configured.keys():
            self._note(target, "drained by the configuration no more")

    def added(self, rules: Rules) -> Rules:
        """The rules with all drains."""
        every = (*self._configured.values(), *self._means.ledger.kept.drains)
        return structs.replace(rules, drains=tuple(map(_drain, every)))

    def tick(self) -> None:
        """Note which drains every worker knows by now; call it a few times a second."""
        known = self._reach.known(self._means.truth.rules.drains)
        now = self._means.clock()

        def noted(order: DrainOrder) -> DrainOrder:
            new = order.stopped is None and _drain(order) in known
            return structs.replace(order, stopped=now) if new else order

        self._configured = {target: noted(order) for target, order in self._configured.items()}
        held = self._means.ledger.kept.drains
        ordered = tuple(map(noted, held))
        if ordered != held:
            self._means.ledger.note(drains=ordered)

    def drain(self, target: str, *, force: bool, by: str = "") -> None:
        """Take something out, ordered by somebody; raises RefusedOrderError."""
        try:
            wanted = drain(target, force=force)
        except ValueError as error:
            raise RefusedOrderError(str(error)) from error
        check_cluster(wanted.cluster, self._means.truth.rules)
        held = self._means.ledger.kept.drains
        if any(each.target == target and each.force == force for each in held):
            return
        order = DrainOrder(target=target, force=force, since=self._means.clock())
        self._means.ledger.order(drains=(*(each for each in held if each.target != target), order))
        log.info("drained by order: %s%s", target, _forced(force))
        self._note(target, f"drained{_forced(force)}", by)
        self._means.changed()

    def undrain(self, target: str, by: str = "") -> None:
        """Put something back; raises RefusedOrderError."""
        held = self._means.ledger.kept.drains
        left = tuple(each for each in held if each.target != target)
        if left == held:
            if target in self._configured:
                raise RefusedOrderError(f"{target} is drained by the configuration: remove it from drains there")
            raise RefusedOrderError(f"{target} is not drained")
        self._means.ledger.order(drains=left)
        log.info("drained no more: %s", target)
        self._note(target, "drained no more", by)
        self._means.changed()

    def page(self) -> list[dict[str, Any]]:
        """Every drain with its times, and where answers still led in the last minute.

        `safeToStopAt` is null until every worker knows of it.
        """
        return list(self._told())

    def _note(self, target: str, text: str, by: str = "") -> None:
        of = drain(target)
        self._means.note(f"{of.namespace}/{of.service}" if of.service else of.cluster, f"{target}: {text}", by)

    def _told(self) -> Iterator[dict[str, Any]]:
        ttl = longest_ttl(self._means.truth.rules)
        for by, orders in (
            ("configuration", tuple(self._configured.values())),
            ("order", self._means.ledger.kept.drains),
        ):
            for order in orders:
                yield {
                    "target": order.target,
                    "force": order.force,
                    "by": by,
                    "since": order.since,
                    "safeToStopAt": None if order.stopped is None else order.stopped + ttl,
                    "served": self._served.page(_drain(order)),
                }


def check_cluster(name: str, rules: Rules) -> None:
    """Raise RefusedOrderError for a cluster that is not there."""
    known = sorted(cluster.name for cluster in rules.clusters)
    if name not in known:
        raise RefusedOrderError(f"no cluster is called {name}; there is {', '.join(known)}")


def _forced(force: bool) -> str:
    return " by force" if force else ""


def _drain(order: DrainOrder) -> Drain:
    return drain(order.target, force=order.force)
