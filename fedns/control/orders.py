"""All that operators order: drains and migrations, on one file that keeps them, as additions to the rules."""

from collections.abc import Callable
from time import time

from fedns.answers.rules import Rules
from fedns.control.drains import Drains
from fedns.control.keeping import Keeper
from fedns.control.migrations import Migrations
from fedns.control.reach import Reach
from fedns.control.truth import Truth
from fedns.settings.schema import Settings


class Orders:
    """`changed` is called when the rules must be made again with `added`; `clock` gives Unix seconds."""

    def __init__(
        self, truth: Truth, reach: Callable[[], Reach], changed: Callable[[], None], clock: Callable[[], float] = time
    ) -> None:
        self._keeper = Keeper()
        self.drains = Drains(truth, self._keeper, reach(), changed, clock)
        self.migrations = Migrations(truth, self._keeper, reach(), changed, clock)

    def configure(self, settings: Settings) -> None:
        """Other settings: the file, and what they order themselves."""
        self._keeper.use(settings.state)
        self.drains.configure(settings)
        self.migrations.configure(settings)

    def added(self, rules: Rules) -> Rules:
        """The rules with all orders."""
        return self.migrations.added(self.drains.added(rules))

    def tick(self) -> None:
        """Let time pass: call it a few times a second."""
        self.drains.tick()
        self.migrations.tick()
