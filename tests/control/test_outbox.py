"""What waits for one worker: names only, the last value wins, and order among the messages."""

from fedns.answers.wire import CHUNK, Change, Generation, Members, NewRules, Replace, ToWorker
from fedns.control import outbox
from fedns.control.outbox import MAX_KEYS, Outbox
from fedns.control.truth import Truth
from fedns.federation.health import Status
from tests.control.stage import export, rules

WEB = ("shop", "web")


def known() -> Truth:
    """Both members are there, and eu1 has been read."""
    truth = Truth(rules=rules("eu1", "us1"))
    truth.statuses = {name: Status(cluster=name, joined=0.0) for name in ("eu1", "us1")}
    truth.catalog.replace("eu1", [export("eu1", "web")])
    truth.read.add("eu1")
    return truth


def taken(box: Outbox, truth: Truth) -> list[ToWorker]:
    """All messages of one round but the closing one, which is checked."""
    *messages, last = box.take(truth, Generation("epoch", 7))
    assert last == Generation("epoch", 7)
    return messages


def test_the_last_value_wins() -> None:
    """A name that changed many times is told once, with what it is when it is sent."""
    box, truth = Outbox(), known()
    for at in range(5):
        truth.catalog.apply("eu1", WEB, export("eu1", "web", f"10.0.0.{at}"))
        box.keys("eu1", [WEB])
    truth.catalog.apply("eu1", WEB, None)
    assert box.pending == 1
    assert taken(box, truth) == [Change("eu1", *WEB, None)]
    assert box.pending == 0
    assert not box.wake.is_set()


def test_what_happens_during_a_round_waits_for_the_next() -> None:
    """News that come while a round is being sent are neither lost nor told twice."""
    box, truth = Outbox(), known()
    box.keys("eu1", [WEB])
    round_ = box.take(truth, Generation("epoch", 7))
    next(round_)
    box.keys("eu1", [WEB])
    assert [type(message) for message in round_] == [Generation]
    assert box.wake.is_set()
    assert taken(box, truth) == [Change("eu1", *WEB, export("eu1", "web"))]


def test_exports_go_before_statuses() -> None:
    """Rules, then exports, then statuses: a member never looks synced before its services are there."""
    box, truth = Outbox(), known()
    box.members()
    box.keys("us1", [WEB])
    box.whole("eu1")
    box.rules()
    assert [type(message) for message in taken(box, truth)] == [NewRules, Replace, Change, Members]


def test_the_whole_covers_its_names() -> None:
    """A member that is told as a whole is not told name by name as well."""
    box, truth = Outbox(), known()
    box.keys("eu1", [WEB])
    box.whole("eu1")
    box.keys("eu1", [("shop", "other")])
    assert taken(box, truth) == [Replace("eu1", (export("eu1", "web"),), first=True, last=True)]


def test_a_member_that_was_not_read_is_never_told_as_a_whole() -> None:
    """What a worker holds of a member stays until there is something better."""
    box, truth = Outbox(), known()
    box.whole("us1")
    assert taken(box, truth) == []


def test_a_member_that_left_and_came_back_is_forgotten_first() -> None:
    """A worker hears of the members without the one that left, even when it is back before anything was sent."""
    box, truth = Outbox(), known()
    box.left("eu1")
    without, every = taken(box, truth)
    assert without == Members((truth.statuses["us1"],))
    assert every == Members((truth.statuses["eu1"], truth.statuses["us1"]))


def test_too_many_names_become_members() -> None:
    """A worker that does not read costs a bounded amount of memory, whatever happens meanwhile."""
    box, truth = Outbox(), known()
    box.keys("eu1", (("shop", f"s{at}") for at in range(MAX_KEYS + 1)))
    assert box.pending == 1
    assert taken(box, truth) == [Replace("eu1", (export("eu1", "web"),), first=True, last=True)]


def test_large_members_are_cut() -> None:
    """A chunk has so many exports and about so many endpoints at most, and only the ends are marked as such."""
    box, truth = Outbox(), known()
    many = [export("eu1", f"s{at}") for at in range(2 * CHUNK + 1)]
    truth.catalog.replace("eu1", many)
    box.whole("eu1")
    chunks = [message for message in taken(box, truth) if isinstance(message, Replace)]
    assert [(len(chunk.exports), chunk.first, chunk.last) for chunk in chunks] == [
        (CHUNK, True, False),
        (CHUNK, False, False),
        (1, False, True),
    ]
    truth.catalog.replace("eu1", [export("eu1", f"s{at}", endpoints=outbox.CHUNK_ENDPOINTS // 2) for at in range(5)])
    box.whole("eu1")
    assert [len(chunk.exports) for chunk in taken(box, truth) if isinstance(chunk, Replace)] == [2, 2, 1]


def test_an_empty_member_is_told_too() -> None:
    """That a member exports nothing is a truth as well."""
    box, truth = Outbox(), known()
    truth.catalog.replace("eu1", [])
    box.whole("eu1")
    assert taken(box, truth) == [Replace("eu1", (), first=True, last=True)]
