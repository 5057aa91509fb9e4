"""The answers of the last minute: from workers' counters to shares, from the moment when every worker counts them."""

from typing import Any

from fedns.answers import counters
from fedns.control.reach import Reach
from fedns.control.served import SAMPLE_SECONDS, Served
from fedns.federation.drains import Drain, drain
from fedns.federation.migrations import Shift
from fedns.settings.schema import Settings
from tests.control.stage import Control, block, rules, until

SHIFT = Shift(namespace="shop", service="web", source="us1", target="eu1", percent=10)
WEB = drain("shop/web@us1")


class Known(Reach):
    """Everything that is published is known at once, until it is said otherwise."""

    def __init__(self) -> None:
        self.all = True

    def known(self, in_force: Any) -> Any:
        return set(in_force) if self.all else set()


class Bench:
    """Rows, two workers' blocks, and a clock."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.reach = Known()
        self.blocks = [block(), block()]
        self.served = Served(control.truth, self.reach, self.blocks, lambda: control.now)

    def use(self, *drains: Drain, shifts: tuple[Shift, ...] = ()) -> None:
        """These are in force."""
        made = rules("eu1", "us1")
        self.control.truth.rules = self.served.added(type(made)(zones=made.zones, drains=drains, shifts=shifts))

    def count(self, left: Drain, *counts: int, worker: int = 0) -> None:
        """A worker has sent so many answers, by part."""
        for tally in self.control.truth.rules.tallies:
            if tally.left == left:
                for part, count in enumerate(counts):
                    self.blocks[worker][counters.tally_word(tally.row, part)] += count

    def wait(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(int(seconds)):
            self.control.now += 1.0
            self.served.tick()


def test_shares_of_the_last_minute(control: Control) -> None:
    """The sum over workers; what was counted before, in another life of the row or over a minute ago, is not in it."""
    made = Bench(control)
    made.use(shifts=(SHIFT,))
    made.count(WEB, 500, 500, 500)
    assert made.served.page(WEB, "eu1") is None
    made.served.tick()
    told = made.served.page(WEB, "eu1")
    assert told == {"seconds": 0.0, "answers": 0, "from": None, "to": None, "elsewhere": None}
    made.count(WEB, 60, 20, 0)
    made.count(WEB, 10, 5, 5, worker=1)
    made.wait(10)
    told = made.served.page(WEB, "eu1")
    assert told == {"seconds": 10.0, "answers": 100, "from": 0.7, "to": 0.25, "elsewhere": 0.05}
    made.wait(60)
    made.count(WEB, 0, 30)
    told = made.served.page(WEB, "eu1")
    assert told is not None
    assert (told["answers"], told["to"]) == (30, 1.0)
    assert 60.0 - SAMPLE_SECONDS <= told["seconds"] <= 60.0


def test_a_drain_has_no_target(control: Control) -> None:
    """From what is drained, or elsewhere; by force is the same drain."""
    made = Bench(control)
    made.use(drain("us1", force=True))
    made.served.tick()
    made.count(drain("us1"), 1, 0, 3)
    assert made.served.page(drain("us1", force=True)) == {
        "seconds": 0.0,
        "answers": 4,
        "from": 0.25,
        "elsewhere": 0.75,
    }
    assert made.served.page(drain("eu1")) is None


def test_a_worker_that_is_replaced_is_no_gap(control: Control) -> None:
    """Its block stays; a step of the migration keeps the row."""
    made = Bench(control)
    made.use(shifts=(SHIFT,))
    made.served.tick()
    made.count(WEB, 9, 1)
    made.use(shifts=(Shift(namespace="shop", service="web", source="us1", target="eu1", percent=50),))
    made.wait(5)
    made.count(WEB, 5, 5)
    told = made.served.page(WEB, "eu1")
    assert told is not None
    assert (told["answers"], told["to"]) == (20, 0.3)
    assert list(made.served.totals()) == [(WEB, "eu1", {"from": 14, "to": 6, "elsewhere": 0})]


def test_nothing_counts_before_all_workers_know(control: Control) -> None:
    """Till then some count in a row what another order has left there."""
    made = Bench(control)
    made.reach.all = False
    made.use(drain("us1"))
    made.wait(3)
    assert made.served.page(drain("us1")) is None
    made.reach.all = True
    made.wait(1)
    assert made.served.page(drain("us1")) is not None


def test_rows_are_used_again_as_late_as_possible(control: Control) -> None:
    """When all are taken, the others are not counted; one that is given back goes behind those that are free."""
    made = Bench(control)
    made.use(drain("c0"))
    (first,) = control.truth.rules.tallies
    made.use(drain("c1"))
    assert control.truth.rules.tallies[0].row != first.row
    many = [drain(f"c{at}") for at in range(counters.TALLY_ROWS + 1)]
    made.use(*many)
    assert len({each.row for each in control.truth.rules.tallies}) == counters.TALLY_ROWS
    made.served.tick()
    assert sum(made.served.page(each) is None for each in many) == 1


def test_rules_that_are_not_published_yet(control: Control) -> None:
    """A row that was given to another drain a moment ago is not read by the rules of before."""
    made = Bench(control)
    made.use(drain("us1"))
    made.served.added(rules("eu1", "us1"))
    made.served.tick()
    assert made.served.page(drain("us1")) is None


async def test_counted_from_the_moment_that_workers_know(control: Control) -> None:
    """With a real worker behind the real publisher."""
    orders = control.orders(lambda: None)
    orders.configure(Settings(clusters=(), drains=(drain("us1"),)))
    control.pipeline.reload(orders.added(rules("eu1", "us1")))
    orders.tick()
    assert orders.drains.page()[0]["served"] is None
    async with control.serving(), control.worker() as replica:
        await control.told(replica)

        def known() -> bool:
            orders.tick()
            return orders.drains.page()[0]["served"] is not None

        await until(known, "the worker counts")
        assert replica.rules.tallies == control.truth.rules.tallies
