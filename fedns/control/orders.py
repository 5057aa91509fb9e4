"""What operators take out of the answers: by the configuration, or by an order at run time that a file keeps.

    order -> file -> rules -> workers -> the time after which nobody holds an old answer any more

It knows nothing of HTTP; times are Unix seconds.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import time
from typing import Any

from msgspec import structs

from fedns.answers.rules import Rules
from fedns.control import keeping
from fedns.control.keeping import DrainOrder, Kept
from fedns.control.publish import Publisher
from fedns.control.truth import Truth
from fedns.federation.drains import Drain, drain
from fedns.settings.schema import Settings

log = logging.getLogger(__name__)


class RefusedOrderError(Exception):
    """An order that cannot be followed; the message says why and what to do."""


class Orders:
    """The drains in force; `changed` is called when the rules must be made again with `added`.

    `workers` is how many processes answer: an order has reached everybody when all of them have said so.
    """

    def __init__(
        self,
        truth: Truth,
        publisher: Publisher,
        changed: Callable[[], None],
        *,
        workers: int = 1,
        clock: Callable[[], float] = time,
    ) -> None:
        self._truth = truth
        self._publisher = publisher
        self._changed = changed
        self._workers = max(1, workers)
        self._clock = clock
        self._path: Path | None = None
        self._configured: dict[str, DrainOrder] = {}
        self._ordered: dict[str, DrainOrder] = {}
        self._published: dict[Drain, int] = {}

    def configure(self, settings: Settings) -> None:
        """Other settings: their drains, and the file, which is read when it is another one."""
        now = self._clock()
        before = self._configured
        self._configured = {
            each.target: DrainOrder(target=each.target, force=each.force, since=now) for each in settings.drains
        }
        for target, order in before.items():
            if target in self._configured and self._configured[target].force == order.force:
                self._configured[target] = order
        path = Path(settings.state) if settings.state else None
        if path != self._path:
            self._path = path
            kept = keeping.read(path) if path is not None else Kept()
            self._ordered = {each.target: each for each in kept.drains}
            for each in kept.drains:
                log.info("drained by order: %s", each.target)

    def added(self, rules: Rules) -> Rules:
        """The rules with all drains."""
        return structs.replace(rules, drains=tuple(map(_drain, self._all())))

    def tick(self) -> None:
        """Note which drains every worker knows by now; call it a few times a second."""
        publisher = self._publisher
        in_force = set(self._truth.rules.drains)
        self._published = {each: at for each, at in self._published.items() if each in in_force}
        for each in in_force:
            self._published.setdefault(each, publisher.generation)
        if len(publisher.links) < self._workers:
            return
        for orders, kept in ((self._configured, False), (self._ordered, True)):
            for target, order in tuple(orders.items()):
                told = self._published.get(_drain(order))
                if order.stopped is None and told is not None and publisher.acknowledged >= told:
                    orders[target] = structs.replace(order, stopped=self._clock())
                    if kept:
                        self._keep()

    def drain(self, target: str, *, force: bool) -> None:
        """Take something out; raises RefusedOrderError."""
        try:
            wanted = drain(target, force=force)
        except ValueError as error:
            raise RefusedOrderError(str(error)) from error
        known = sorted(cluster.name for cluster in self._truth.rules.clusters)
        if wanted.cluster not in known:
            raise RefusedOrderError(f"no cluster is called {wanted.cluster}; there is {', '.join(known)}")
        held = self._ordered.get(target)
        if held is not None and held.force == force:
            return
        self._order({**self._ordered, target: DrainOrder(target=target, force=force, since=self._clock())})
        log.info("drained by order: %s%s", target, " by force" if force else "")

    def undrain(self, target: str) -> None:
        """Put something back; raises RefusedOrderError."""
        if target not in self._ordered:
            if target in self._configured:
                raise RefusedOrderError(f"{target} is drained by the configuration: remove it from drains there")
            raise RefusedOrderError(f"{target} is not drained")
        self._order({key: order for key, order in self._ordered.items() if key != target})
        log.info("drained no more: %s", target)

    def page(self) -> list[dict[str, Any]]:
        """Every drain with its times; `safeToStopAt` is null until every worker knows of it."""
        ttl = _longest_ttl(self._truth.rules)
        return [
            {
                "target": order.target,
                "force": order.force,
                "by": by,
                "since": order.since,
                "safeToStopAt": None if order.stopped is None else order.stopped + ttl,
            }
            for by, orders in (("configuration", self._configured), ("order", self._ordered))
            for order in orders.values()
        ]

    def _all(self) -> Iterator[DrainOrder]:
        yield from self._configured.values()
        yield from self._ordered.values()

    def _order(self, ordered: dict[str, DrainOrder]) -> None:
        if self._path is None:
            raise RefusedOrderError("nothing would keep this across a restart: add state: {path: ...} first")
        before, self._ordered = self._ordered, ordered
        try:
            self._keep()
        except OSError as error:
            self._ordered = before
            raise RefusedOrderError(f"{self._path} cannot be written: {error.strerror}") from error
        self._changed()

    def _keep(self) -> None:
        assert self._path is not None
        keeping.write(self._path, Kept(drains=tuple(self._ordered.values())))


def _drain(order: DrainOrder) -> Drain:
    return drain(order.target, force=order.force)


def _longest_ttl(rules: Rules) -> int:
    """The TTL of the answers that are kept longest."""
    policies: Iterable[int] = (policy.ttl for policy in rules.policies if policy.ttl is not None)
    return max((*(zone.ttl for zone in rules.zones), *policies), default=0)
