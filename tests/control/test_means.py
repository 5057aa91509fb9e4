"""What orders work with: each is told to the history, with who gave it where that is known."""

from fedns.control.history import History
from fedns.control.keeping import Ledger
from fedns.control.means import Means
from fedns.control.reach import Reach
from tests.control.stage import Control


def test_who_ordered_what(control: Control) -> None:
    """The newest last; what comes of itself names nobody."""
    history = History(lambda: 1000.0)
    means = Means(
        truth=control.truth,
        ledger=Ledger(),
        reach=lambda: Reach(control.publisher, 1),
        changed=lambda: None,
        history=history,
    )
    means.note("us1", "us1: drained", "alice")
    means.note("us1", "us1: drained no more")
    told = [(each.kind, each.text) for each in history.find("us1", 0.0)]
    assert told == [("order", "us1: drained, ordered by alice"), ("order", "us1: drained no more")]
