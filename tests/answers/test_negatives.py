"""The answers that say no: how sure they are, and what they tell to whom."""

from fedns.answers import codes
from fedns.answers.answer import Client, Question
from fedns.answers.negatives import MAX_TEXT_BYTES, age, outdated, tell
from fedns.federation.health import Freshness
from fedns.federation.objects import Cluster
from tests.answers.federations import FEDERAL, IN_EU, NOW, STRICT, ask, errors, federation, packed, query, text


def question(clusters: tuple[Cluster, ...], state: Freshness, *, diagnostics: bool = True) -> Question:
    """A question in a federation whose members are all in one state."""
    held = federation((), clusters=clusters, states={each.name: state for each in clusters}, age=12)
    asked_query = query(f"db.shop.{STRICT}")
    asked = held.grammar.read(asked_query.labels)
    assert asked is not None
    client = Client(address=packed("10.0.0.1")[0], location=IN_EU, allowed=True, diagnostics=diagnostics)
    return Question(query=asked_query, asked=asked, client=client, state=held, now=NOW)


def test_text_of_extended_errors() -> None:
    """Members and ages for those who may see them, 64 bytes at most; a sentence for all others."""
    clusters = (Cluster(name="eu1"), Cluster(name="us1"))
    names = ["eu1", "us1"]
    assert tell(question(clusters, Freshness.STALE), 3, "old", names) == (3, "eu1 stale 12s, us1 stale 12s")
    assert tell(question(clusters, Freshness.SYNCING), 14, "new", ["eu1"]) == (14, "eu1 syncing never")
    assert tell(question(clusters, Freshness.STALE, diagnostics=False), 3, "old", names) == (3, "old")
    assert tell(question(clusters, Freshness.STALE), 3, "old", []) == (3, "old")
    long = Cluster(name="x" * 100)
    assert len(tell(question((long,), Freshness.STALE), 3, "old", [long.name])[1]) == MAX_TEXT_BYTES


def test_ages() -> None:
    """Whole seconds since the last evidence of life; a member nobody has reported was never heard."""
    one = question((Cluster(name="eu1"),), Freshness.FRESH)
    assert age(one, "eu1") == "12s"
    assert age(one, "gone") == "never"
    assert outdated(one, ["eu1", "gone", "gone"]) == ["gone"]


def test_a_member_that_never_comes_up() -> None:
    """After ten minutes a member that was never read blocks no negative answer any more; it is reported as stale."""
    states = {"us1": Freshness.SYNCING}
    young = ask(f"web.shop.{STRICT}", state=federation(states=states, age=599))
    assert (young.rcode, errors(young), young.authority) == (codes.SERVFAIL, [codes.EDE_NOT_READY], ())
    old = ask(f"web.shop.{STRICT}", state=federation(states=states, age=601))
    assert (old.rcode, errors(old)) == (codes.NXDOMAIN, [codes.EDE_STALE_NXDOMAIN])


def test_stale_negatives_are_kept_briefly() -> None:
    """A negative answer that rests on stale data lives for 5 seconds at most, a firm one as configured."""
    assert text(ask(f"web.shop.{FEDERAL}").authority)[0].startswith("7 SOA")
    stale = ask(f"web.shop.{FEDERAL}", state=federation(states={"us1": Freshness.STALE}))
    assert text(stale.authority)[0].startswith("5 SOA")
    firm = ask("none.example.com", state=federation(states={"us1": Freshness.SYNCING}))
    assert (firm.rcode, firm.ede) == (codes.NXDOMAIN, ())
