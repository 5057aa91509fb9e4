"""What counts for a drain or a migration: by service, by cluster and zone; counted on the wire, where it is taken."""

from collections.abc import Sequence

import dns.message
from msgspec import structs

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.tallies import Tally, concerning, words
from fedns.answers.wire import NewRules
from fedns.federation.catalog import join
from fedns.federation.drains import drain
from fedns.federation.migrations import Shift
from fedns.federation.objects import AddressKind
from fedns.federation.placement import Candidate
from tests.answers.replicas import NOW, RULES, WEB, ZONE, export, replica

WEB_OF_EU1 = Tally(row=0, left=drain("shop/web@eu1"), target="us1")
ALL_OF_EU1 = Tally(row=1, left=drain("eu1"))
ZONE_OF_EU1 = Tally(row=2, left=drain("eu1/eu-a"))
EVERY = (WEB_OF_EU1, ALL_OF_EU1, ZONE_OF_EU1)


def candidate(cluster: str, *zones: str) -> Candidate:
    """A pod."""
    return Candidate(cluster, AddressKind.POD_IP, b"\x0a\0\0\1", 1, 1, 1, zones)


def parts(*candidates: Candidate) -> list[str]:
    """The part that counts an answer, for each tally."""
    found = [each - counters.TALLIES for each in words(EVERY, candidates)]
    assert [each // len(counters.TALLY_PARTS) for each in found] == [0, 1, 2]
    return [counters.TALLY_PARTS[each % len(counters.TALLY_PARTS)] for each in found]


def test_who_is_concerned() -> None:
    """The service that is named; for a cluster, every service that it exports."""
    web, api = join([export("eu1", [b"\x0a\0\0\1"], "eu-a")], {}), join([export("us1", [], "us-a", name="api")], {})
    assert concerning(EVERY, web) == list(EVERY)
    assert concerning(EVERY, api) == []
    assert concerning(EVERY, structs.replace(api, exports=web.exports)) == [ALL_OF_EU1, ZONE_OF_EU1]


def test_where_an_answer_leads() -> None:
    """To what is left as soon as one address does, to the target, or elsewhere; a zone is one of its own cluster."""
    assert parts(candidate("eu1", "eu-a")) == ["from", "from", "from"]
    assert parts(candidate("eu1", "eu-b")) == ["from", "from", "elsewhere"]
    assert parts(candidate("us1", "eu-a")) == ["to", "elsewhere", "elsewhere"]
    assert parts(candidate("ap1")) == ["elsewhere", "elsewhere", "elsewhere"]
    assert parts(candidate("us1"), candidate("eu1", "eu-b", "eu-a")) == ["from", "from", "from"]


def counted(held: Replica, tally: Tally) -> list[int]:
    """What its row has counted, by part."""
    return [held.counts[counters.tally_word(tally.row, part)] for part in range(len(counters.TALLY_PARTS))]


def ask(held: Replica, times: int, name: str = WEB, qtype: str = "A", source: str = "127.0.0.1") -> None:
    """The same packet, again and again."""
    packet = dns.message.make_query(name, qtype, use_edns=0).to_wire()
    for _ in range(times):
        respond(packet, held.view(source, stream=False), held, NOW)


def moving(percent: int, *tallies: Tally) -> Replica:
    """Web moves from eu1 to us1."""
    shift = Shift(namespace="shop", service="web", source="eu1", target="us1", percent=percent)
    return replica(structs.replace(RULES, shifts=(shift,), tallies=tallies))


def test_answers_are_counted_as_they_are_sent() -> None:
    """Each response once, by the group that it has: from a hot answer, too, and from names below the service."""
    held = moving(30, *EVERY)
    ask(held, 100)
    assert [counted(held, each) for each in EVERY] == [[70, 30, 0], [70, 0, 30], [70, 0, 30]]
    ask(held, 10, f"us1.{WEB}")
    assert counted(held, WEB_OF_EU1) == [70, 40, 0]
    ask(held, 10, f"web.shop.{ZONE}".upper())
    assert sum(counted(held, WEB_OF_EU1)) == 120


def test_what_is_not_counted() -> None:
    """Other types than addresses, which lead nowhere yet; services that nobody touches; other rules."""
    held = moving(30, *EVERY)
    ask(held, 5, qtype="SRV")
    ask(held, 5, qtype="AAAA")
    ask(held, 5, f"_explain.{WEB}", "TXT")
    ask(held, 5, f"none.shop.{ZONE}")
    assert [sum(counted(held, each)) for each in EVERY] == [0, 0, 0]
    held.apply(NewRules(structs.replace(held.rules, tallies=())), NOW)
    ask(held, 5)
    assert [sum(counted(held, each)) for each in EVERY] == [0, 0, 0]


def test_a_successor_goes_on_counting() -> None:
    """The block outlives the worker, and so does what it has counted."""
    held = moving(50, WEB_OF_EU1)
    ask(held, 10)
    later = Replica(held.counts)
    assert counted(later, WEB_OF_EU1) == [5, 5, 0]


def rows(tallies: Sequence[Tally]) -> set[int]:
    """All words that they use."""
    return {counters.tally_word(each.row, part) for each in tallies for part in range(len(counters.TALLY_PARTS))}


def test_rows_have_words_of_their_own() -> None:
    """No two rows share one, and all are inside the block, behind everything else."""
    every = rows([Tally(row=at, left=drain("eu1")) for at in range(counters.TALLY_ROWS)])
    assert len(every) == counters.TALLY_ROWS * len(counters.TALLY_PARTS)
    assert (min(every), max(every) < counters.WORDS) == (counters.TALLIES, True)
