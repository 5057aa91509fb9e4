"""What waits for one worker: names only, the last value wins, and order among the messages."""

from fedns.answers.wire import CHUNK, Change, Members, NewRules, Nodes, Replace, ToWorker
from fedns.control import outbox
from fedns.control.outbox import MAX_KEYS, PIECE, PIECE_NODES, Outbox
from fedns.control.truth import Truth
from fedns.federation.health import Freshness, Status
from fedns.federation.locality import Node
from tests.control.stage import export, rules

WEB = ("shop", "web")


def known() -> Truth:
    """Both members are there, and eu1 has been read."""
    truth = Truth(rules=rules("eu1", "us1"))
    truth.statuses = {name: Status(cluster=name, joined=0.0) for name in ("eu1", "us1")}
    truth.catalog.replace("eu1", [export("eu1", "web")])
    truth.read.add("eu1")
    return truth


def taken(box: Outbox, truth: Truth, generation: int = 7) -> list[ToWorker]:
    """All messages until nothing is left, when everything up to this generation has been said."""
    messages = []
    while True:
        piece = box.take(truth, generation)
        messages += piece.messages
        if not box.wake.is_set():
            assert piece.told == generation
            assert box.pending == 0
            return messages
        assert piece.told < generation


def test_the_last_value_wins() -> None:
    """A name that changed many times is told once, with what it is when it is sent."""
    box, truth = Outbox(), known()
    for at in range(5):
        truth.catalog.apply("eu1", WEB, export("eu1", "web", f"10.0.0.{at}"))
        box.keys("eu1", [WEB], at)
    truth.catalog.apply("eu1", WEB, None)
    assert box.pending == 1
    assert taken(box, truth) == [Change("eu1", *WEB, None)]


def test_no_names_are_no_news() -> None:
    """A change of nothing leaves nothing to tell."""
    box, truth = Outbox(), known()
    box.keys("eu1", [], 2)
    assert taken(box, truth) == []


def test_members_take_turns() -> None:
    """Thousands of names of one member delay the single one of another by one message, also between two pieces."""
    box, truth = Outbox(), known()
    box.keys("eu1", (("shop", f"s{at}") for at in range(1000)), 2)
    first = box.take(truth, 3)
    assert len(first.messages) == PIECE
    assert first.told == 1
    box.keys("us1", [WEB], 3)
    second = [message for message in box.take(truth, 3).messages if isinstance(message, Change)]
    assert WEB in [(message.namespace, message.name) for message in second[:2]]


def test_a_whole_lets_others_pass() -> None:
    """A member that is told as a whole lets another's name pass between two chunks, but none of its own."""
    box, truth = Outbox(), known()
    truth.catalog.replace("eu1", [export("eu1", f"s{at}") for at in range(CHUNK * 3)])
    box.whole("eu1", 2)
    box.keys("us1", [WEB], 3)
    box.keys("eu1", [WEB], 4)
    first = box.take(truth, 4)
    assert [type(message) for message in first.messages[:2]] == [Replace, Change]
    box.keys("eu1", [("shop", "s1")], 5)
    rest = taken(box, truth, 5)
    assert isinstance(rest[-2], Replace)
    assert rest[-1] == Change("eu1", "shop", "s1", export("eu1", "s1"))


def test_what_is_pending_holds_the_generation_back() -> None:
    """A worker holds what is older than the oldest name that waits, and not more."""
    box, truth = Outbox(), known()
    box.keys("eu1", (("shop", f"s{at}") for at in range(PIECE)), 2)
    box.keys("us1", (("shop", f"s{at}") for at in range(PIECE)), 5)
    box.keys("us1", [("shop", "s99")], 6)
    assert [box.take(truth, 9).told for _ in range(2)] == [1, 9]


def test_a_whole_is_finished_before_it_begins_anew() -> None:
    """A storm that asks for the whole again and again cannot keep it from ever being there."""
    box, truth = Outbox(), known()
    truth.catalog.replace("eu1", [export("eu1", f"s{at}") for at in range(CHUNK * 3)])
    box.whole("eu1", 2)
    box.take(truth, 2)
    box.whole("eu1", 3)
    box.whole("eu1", 4)
    assert [(message.first, message.last) for message in taken(box, truth, 4) if isinstance(message, Replace)] == [
        (False, True),
        (True, False),
        (False, False),
        (False, True),
    ]


def test_statuses_do_not_wait_for_a_large_member() -> None:
    """They are told during a first reading, but its member looks synced only when its services are there."""
    box, truth = Outbox(), known()
    truth.statuses["eu1"] = Status(cluster="eu1", joined=0.0, synced=True, state=Freshness.FRESH)
    truth.catalog.replace("eu1", [export("eu1", f"s{at}") for at in range(CHUNK * 3)])
    box.whole("eu1", 2)
    box.members()
    told = [message for message in taken(box, truth) if isinstance(message, Members)]
    assert [[status.synced for status in message.statuses] for message in told] == [[False, False], [True, False]]
    box.whole("eu1", 3)
    box.members()
    again = [message for message in taken(box, truth) if isinstance(message, Members)]
    assert all(message.statuses[0].synced for message in again)


def test_exports_go_before_statuses() -> None:
    """Rules, then exports, then statuses: a member never looks synced before its services are there."""
    box, truth = Outbox(), known()
    box.members()
    box.keys("us1", [WEB], 2)
    box.whole("eu1", 2)
    box.rules()
    assert [type(message) for message in taken(box, truth)] == [NewRules, Change, Replace, Members]


def test_the_whole_covers_its_names() -> None:
    """A member that is told as a whole is not told name by name as well."""
    box, truth = Outbox(), known()
    box.keys("eu1", [WEB], 2)
    box.whole("eu1", 2)
    box.keys("eu1", [("shop", "other")], 3)
    assert taken(box, truth) == [Replace("eu1", (export("eu1", "web"),), first=True, last=True)]


def test_a_member_that_was_not_read_is_never_told_as_a_whole() -> None:
    """What a worker holds of a member stays until there is something better."""
    box, truth = Outbox(), known()
    box.whole("us1", 2)
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
    box.keys("eu1", (("shop", f"s{at}") for at in range(MAX_KEYS + 1)), 2)
    assert box.pending == 1
    assert taken(box, truth) == [Replace("eu1", (export("eu1", "web"),), first=True, last=True)]


def test_large_members_are_cut() -> None:
    """A chunk has so many exports and about so many endpoints at most, and only the ends are marked as such."""
    box, truth = Outbox(), known()
    many = [export("eu1", f"s{at}") for at in range(2 * CHUNK + 1)]
    truth.catalog.replace("eu1", many)
    box.whole("eu1", 2)
    chunks = [message for message in taken(box, truth) if isinstance(message, Replace)]
    assert [(len(chunk.exports), chunk.first, chunk.last) for chunk in chunks] == [
        (CHUNK, True, False),
        (CHUNK, False, False),
        (1, False, True),
    ]
    truth.catalog.replace("eu1", [export("eu1", f"s{at}", endpoints=outbox.CHUNK_ENDPOINTS // 2) for at in range(5)])
    box.whole("eu1", 2)
    assert [len(chunk.exports) for chunk in taken(box, truth) if isinstance(chunk, Replace)] == [2, 2, 1]


def test_an_empty_member_is_told_too() -> None:
    """That a member exports nothing is a truth as well."""
    box, truth = Outbox(), known()
    truth.catalog.replace("eu1", [])
    box.whole("eu1", 2)
    assert taken(box, truth) == [Replace("eu1", (), first=True, last=True)]


def test_nodes_are_told_by_pieces() -> None:
    """Those that changed, as they are when they are sent; what waits holds the generation back."""
    box, truth = Outbox(), known()
    truth.nodes = {f"n{at}": Node(f"n{at}", 1) for at in range(PIECE_NODES)}
    box.nodes([*truth.nodes, "gone"], 2)
    box.nodes(["n0"], 3)
    assert box.pending == PIECE_NODES + 1
    first = box.take(truth, 3)
    assert first == ([Nodes(tuple(truth.nodes.values()))], 1)
    assert taken(box, truth, 3) == [Nodes((), gone=("gone",))]


def test_all_nodes_are_told_at_once() -> None:
    """A worker that comes is told of all, whatever changed meanwhile."""
    box, truth = Outbox(), known()
    truth.nodes = {"n1": Node("n1", 1)}
    box.nodes(["n1", "n2"], 2)
    box.all_nodes()
    assert taken(box, truth) == [Nodes((Node("n1", 1),), whole=True)]


def test_nodes_that_nobody_read_are_not_told() -> None:
    """A worker may know more of them than the truth does."""
    box, truth = Outbox(), known()
    box.all_nodes()
    box.nodes(["n1"], 2)
    assert taken(box, truth) == []
