"""All that operators order: drains, migrations, and leave to fail over, on one file that keeps them."""

from collections.abc import Callable, Sequence
from time import monotonic, time

from fedns.answers.rules import Rules
from fedns.control.drains import Drains
from fedns.control.failovers import Failovers
from fedns.control.history import History
from fedns.control.keeping import Ledger
from fedns.control.means import Means
from fedns.control.migrations import Migrations
from fedns.control.reach import Reach
from fedns.control.served import Served
from fedns.control.truth import Truth
from fedns.settings.schema import Settings


class Orders:
    """`changed` is called when the rules must be made again with `added`, `told` when other members are held.

    `blocks` count the answers of workers. `clock` gives Unix seconds, `steady` seconds of CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        truth: Truth,
        reach: Callable[[], Reach],
        changed: Callable[[], None],
        *,
        history: History,
        told: Callable[[], None] = lambda: None,
        blocks: Sequence[memoryview] = (),
        clock: Callable[[], float] = time,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        self._ledger = Ledger()
        means = Means(truth=truth, ledger=self._ledger, reach=reach, changed=changed, history=history, clock=clock)
        self.served = Served(truth, reach(), blocks, steady)
        self.drains = Drains(means, self.served)
        self.migrations = Migrations(means, self.served)
        self.failovers = Failovers(means, told)

    def configure(self, settings: Settings) -> None:
        """Other settings: the file, and what they order themselves."""
        self._ledger.use(settings.state)
        self.drains.configure(settings)
        self.migrations.configure(settings)

    def added(self, rules: Rules) -> Rules:
        """The rules with all orders, and with the counters of their answers."""
        return self.served.added(self.migrations.added(self.drains.added(rules)))

    def tick(self) -> None:
        """Let time pass: call it a few times a second."""
        self.drains.tick()
        self.migrations.tick()
        self.served.tick()
        self.failovers.tick()
