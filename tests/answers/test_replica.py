"""Replica: answers follow what is said at once, members age by its own clock, and memory is bounded."""

from typing import TYPE_CHECKING

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.answers import counters, memory, views
from fedns.answers.wire import Change, Generation, Members, NewRules, Nodes, Replace, SettledType, Types
from fedns.federation.health import Freshness, Status
from fedns.federation.locality import Location, Node
from tests.answers.replicas import NOW, RULES, WEB, addresses, ask, export, fresh, replica

if TYPE_CHECKING:
    from fedns.federation.objects import Export


def test_a_change_is_in_the_next_answer() -> None:
    """A remembered answer is forgotten when its service changes, and no other is."""
    held = replica()
    assert len(addresses(ask(held, WEB))) == 3
    other = f"gone.{WEB.partition('.')[2]}"
    ask(held, other)
    misses = held.counts[counters.MISSES]
    held.apply(Change("eu1", "shop", "web", export("eu1", [b"\x0a\x01\x00\x09"], "eu-a")), NOW)
    assert addresses(ask(held, WEB)) == ["10.1.0.9"]
    assert held.counts[counters.MISSES] == misses + 1
    held.apply(Change("eu1", "shop", "web", None), NOW)
    assert addresses(ask(held, WEB)) != ["10.1.0.9"]


def test_a_change_of_nothing_forgets_nothing() -> None:
    """The same export again leaves the remembered answers."""
    held = replica()
    ask(held, WEB)
    misses = held.counts[counters.MISSES]
    held.apply(Change("us1", "shop", "other", None), NOW)
    ask(held, WEB)
    assert held.counts[counters.MISSES] == misses


def test_a_settled_type_is_in_the_next_answer() -> None:
    """What the control process settles decides, and answers that rested on another type are forgotten."""
    held = replica()
    other = structs.replace(
        export("us1", [b"\x0a\x02\x00\x09"], "us-a"), headless=False, created=2, cluster_ips=(b"\x0a\x60\x00\x01",)
    )
    held.apply(Change("us1", "shop", "web", other), NOW)
    assert len(addresses(ask(held, WEB))) == 3
    held.apply(Types((SettledType("shop", "web", headless=False),)), NOW)
    assert addresses(ask(held, WEB, source="10.9.0.1")) == ["10.96.0.1"]


def test_a_new_service_ends_the_negative_answers_of_its_namespace() -> None:
    """NXDOMAIN is forgotten when the service or its namespace comes to be."""
    held = replica()
    name = WEB.replace("shop", "bank")
    assert ask(held, name).rcode() == 3
    held.apply(Change("eu1", "bank", "web", export("eu1", [b"\x0a\x01\x00\x07"], "eu-a", namespace="bank")), NOW)
    assert addresses(ask(held, name)) == ["10.1.0.7"]


def test_a_whole_member_arrives_in_chunks_and_counts_when_complete() -> None:
    """Nothing of a replacement is seen before its last chunk, and then all of it."""
    held = replica()
    held.apply(Replace("eu1", (export("eu1", [b"\x0a\x01\x00\x08"], "eu-a"),), first=True, last=False), NOW)
    assert len(addresses(ask(held, WEB))) == 3
    held.apply(Replace("eu1", (), first=False, last=True), NOW)
    assert addresses(ask(held, WEB)) == ["10.1.0.8"]


def text(reply: dns.message.Message) -> str:
    """The text of the one extended error."""
    (option,) = reply.options
    assert isinstance(option, dns.edns.EDEOption)
    return option.text or ""


def test_it_takes_itself_for_cut_off_when_all_others_go_at_once() -> None:
    """Of the one remote member nothing is heard for long: it stays stale, and the extended error says what that is."""
    held = replica()
    held.tick(NOW + 20)
    held.apply(Members((fresh("eu1", NOW + 400), held.statuses["us1"])), NOW + 400)
    assert (held.statuses["us1"].state, held.isolated) == (Freshness.STALE, True)
    reply = ask(held, f"us1.{WEB}", now=NOW + 400)
    assert addresses(reply) == ["10.2.0.1", "10.2.0.2"]
    assert text(reply) == "cut off? us1 stale 400s"
    stranger = ask(held, f"us1.{WEB}", source="192.0.2.1", now=NOW + 400)
    assert text(stranger) == "most members went at once: is this server cut off?"
    assert "isolated=yes" in str(ask(held, "us1._state.example.com", "TXT", now=NOW + 400).answer)
    held.apply(Members((fresh("eu1", NOW + 401), fresh("us1", NOW + 401))), NOW + 401)
    assert not held.isolated
    assert not ask(held, f"us1.{WEB}", now=NOW + 401).options


def test_the_operator_may_know_better() -> None:
    """A forced state counts in place of what is known, and is shown beside it."""
    held = replica()
    held.apply(NewRules(structs.replace(RULES, forced={"eu1": Freshness.STALE}, local=Location())), NOW)
    assert addresses(ask(held, WEB)) == ["10.2.0.1", "10.2.0.2"]
    assert "state=fresh forced=stale" in str(ask(held, "eu1._state.example.com", "TXT").answer)


def test_a_snapshot_gives_way_to_what_was_read() -> None:
    """The whole of a member from a snapshot counts where nothing was read of it, and only there."""
    held = replica()
    old = (export("eu1", [b"\x0a\x01\x00\x08"], "eu-a"),)
    held.apply(Replace("eu1", old, first=True, last=True, restored=True), NOW)
    assert len(addresses(ask(held, WEB))) == 3
    held.apply(Members((structs.replace(fresh("us1"), synced=False, state=Freshness.RESTORED),)), NOW)
    held.apply(Replace("eu1", old, first=True, last=True, restored=True), NOW)
    assert "10.1.0.8" in addresses(ask(held, f"eu1.{WEB}"))


def test_members_age_when_nobody_speaks() -> None:
    """Without the control process a member turns stale by the worker's own clock, and answers say so."""
    held = replica()
    assert ask(held, WEB, source="10.9.0.1").answer[0].ttl == 5
    held.tick(NOW + 400)
    assert {status.state for status in held.statuses.values()} != {Freshness.FRESH}
    assert [option.code for option in ask(held, WEB, now=NOW + 400).extended_errors()] == [3]


def test_a_member_that_left_is_withdrawn() -> None:
    """A member missing in the next Members has no say any more, nor has one missing in new rules."""
    held = replica()
    held.apply(Members((fresh("us1"),)), NOW)
    assert addresses(ask(held, WEB))[0].startswith("10.2.")
    held = replica()
    held.apply(NewRules(structs.replace(RULES, clusters=RULES.clusters[1:])), NOW)
    assert addresses(ask(held, WEB))[0].startswith("10.2.")


def test_a_new_control_process_does_not_make_a_worker_forget() -> None:
    """A member that the new process has not read yet keeps what the worker holds, with the newest evidence."""
    held = replica()
    newcomer = Status(cluster="eu1", joined=NOW + 5, state=Freshness.SYNCING, since=NOW + 5, alive=NOW + 6)
    held.apply(Members((newcomer, fresh("us1", NOW + 6))), NOW + 6)
    assert held.statuses["eu1"].synced
    assert held.statuses["eu1"].alive == NOW + 6
    assert len(addresses(ask(held, WEB, now=NOW + 6))) == 3


def test_a_generation_is_counted_and_opens_the_doors() -> None:
    """Loaded, epoch, generation and the SOA's serial follow what the control process says."""
    held = replica()
    assert ask(held, "example.com", "SOA").answer[0][0].serial == 1
    held.apply(Generation("next", 9, 77), NOW)
    assert (held.loaded, held.epoch, held.generation, held.counts[counters.GENERATION]) == (True, "next", 9, 9)
    assert ask(held, "example.com", "SOA").answer[0][0].serial == 77
    misses = held.counts[counters.MISSES]
    held.apply(Generation("next", 10, 77), NOW)
    assert ask(held, "example.com", "SOA").answer[0][0].serial == 77
    assert (held.generation, held.counts[counters.MISSES]) == (10, misses)  # the same serial makes nothing anew


def test_answers_that_tell_an_age_are_made_anew() -> None:
    """An answer with an extended error is remembered for a moment only."""
    held = replica()
    held.tick(NOW + 400)
    ask(held, WEB, now=NOW + 400)
    misses = held.counts[counters.MISSES]
    ask(held, WEB, now=NOW + 400)
    assert held.counts[counters.MISSES] == misses
    held.tick(NOW + 402)
    ask(held, WEB, now=NOW + 402)
    assert held.counts[counters.MISSES] == misses + 1


@pytest.mark.parametrize(("name", "bound"), [("web", "MAX_ENTRIES"), ("no", "MAX_NEGATIVES")])
def test_remembered_answers_are_bounded(monkeypatch: pytest.MonkeyPatch, name: str, bound: str) -> None:
    """The oldest answer gives way to a new one, positive and negative ones each among themselves."""
    monkeypatch.setattr(memory, bound, 2)
    held = replica()
    for payload in (512, 576, 640):
        ask(held, f"{name}.shop.myfed.svc.example.com", payload=payload)
    held.tick(NOW)
    assert held.counts[counters.ENTRIES] == 2
    misses = held.counts[counters.MISSES]
    ask(held, f"{name}.shop.myfed.svc.example.com", payload=640)
    assert held.counts[counters.MISSES] == misses
    ask(held, f"{name}.shop.myfed.svc.example.com", payload=512)
    assert held.counts[counters.MISSES] == misses + 1


def test_client_views_are_bounded_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of one place share their answers; the table of addresses starts anew when it is full."""
    monkeypatch.setattr(views, "MAX_VIEWS", 2)
    held = replica()
    first = held.view("127.0.0.1", stream=False)
    assert held.view(b"\x7f\0\0\2", stream=False).packets is first.packets
    assert held.view("10.9.0.1", stream=False).packets is not first.packets
    assert held.view("127.0.0.1", stream=False) is not first
    assert held.view("127.0.0.1", stream=True).packets is not first.packets


@pytest.mark.parametrize(
    ("address", "family", "cluster"),
    [("10.9.1.1", 4, "us1"), ("::ffff:10.9.1.1", 4, "us1"), ("fe80::1%eth0", 6, "eu1"), (bytes(15) + b"\1", 6, "eu1")],
)
def test_a_view_knows_the_place_of_its_client(address: str | bytes, family: int, cluster: str) -> None:
    """Text and packed addresses, mapped ones and scoped ones, lead to the client's location."""
    view = replica().view(address, stream=False)
    assert (view.family, view.client.location.cluster) == (family, cluster)


def test_what_depends_on_no_service_is_kept_through_changes() -> None:
    """The zone's own records stay remembered, and go when the memory is full."""
    held = replica()
    ask(held, "example.com", "NS")
    misses = held.counts[counters.MISSES]
    held.apply(Change("eu1", "shop", "web", None), NOW)
    ask(held, "example.com", "NS")
    assert held.counts[counters.MISSES] == misses


def test_the_zone_s_own_records_give_way_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that depends on nothing is dropped like any other."""
    monkeypatch.setattr(memory, "MAX_ENTRIES", 1)
    held = replica()
    ask(held, "example.com", "NS")
    ask(held, WEB)
    held.tick(NOW)
    assert held.counts[counters.ENTRIES] == 1


def test_an_answer_that_told_an_age_may_have_gone_already() -> None:
    """A change forgets it before its moment is over; the tick finds nothing to do."""
    held = replica()
    held.tick(NOW + 400)
    ask(held, WEB, now=NOW + 400)
    held.apply(Change("eu1", "shop", "web", None), NOW + 400)
    held.tick(NOW + 402)
    assert held.counts[counters.ENTRIES] == 0


NAMES = ("web", "api", "db")
CHANGES = st.lists(
    st.tuples(st.sampled_from(("eu1", "us1")), st.sampled_from(NAMES), st.lists(st.integers(1, 4), max_size=3)),
    max_size=12,
)


@given(CHANGES)
def test_deltas_equal_the_whole(changes: list[tuple[str, str, list[int]]]) -> None:
    """A replica fed change by change, asked all the time, answers like one that was given the result at once."""
    followed = replica()
    last: dict[tuple[str, str], Export | None] = {}
    for cluster in ("eu1", "us1"):
        followed.apply(Change(cluster, "shop", "web", None), NOW)
    for cluster, name, pods in changes:
        made = (
            export(cluster, [bytes((10, 1, 0, pod)) for pod in sorted(set(pods))], "eu-a", name=name) if pods else None
        )
        last[cluster, name] = made
        followed.apply(Change(cluster, "shop", name, made), NOW)
        for each in NAMES:
            ask(followed, WEB.replace("web", each))
    whole = replica()
    for cluster in ("eu1", "us1"):
        exports = tuple(each for (owner, _), each in last.items() if owner == cluster and each is not None)
        whole.apply(Replace(cluster, exports, first=True, last=True), NOW)
    for each in NAMES:
        for source in ("127.0.0.1", "10.9.0.1"):
            one, other = (ask(held, WEB.replace("web", each), source=source) for held in (followed, whole))
            assert one.rcode() == other.rcode()
            assert sorted(addresses(one)) == sorted(addresses(other))


def test_nodes_say_where_clients_are() -> None:
    """From the next query on, and through a change of the rules; the whole takes away what it does not name."""
    held = replica()
    us = Node("n1", 1, "eu-b", (bytes((10, 64, 1, 0, 24)),))
    assert held.view("10.64.1.1", stream=False).client.location.zone == "eu-a"
    held.apply(Nodes((us, Node("n2", 1, "", ()))), NOW)
    assert held.view("10.64.1.1", stream=False).client.location.zone == "eu-b"
    assert held.state.zones == {"eu-b"}
    held.apply(NewRules(structs.replace(RULES, nsid="other")), NOW)
    assert held.view("10.64.1.1", stream=False).client.location.rule == "node n1"
    held.apply(Nodes((), gone=("n2", "n3")), NOW)
    assert list(held.nodes) == ["n1"]
    held.apply(Nodes((us,), whole=True), NOW)
    assert list(held.nodes) == ["n1"]
    held.apply(Nodes((), whole=True), NOW)
    assert held.view("10.64.1.1", stream=False).client.location.rule == "local"
    assert held.state.zones == frozenset()


def test_forgotten_answers_are_freed_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that goes makes all answers void at once; taking them apart is left to later ticks."""
    monkeypatch.setattr("fedns.answers.replica.FADE_ENTRIES", 1)
    held = replica()
    for name in (WEB, f"eu1.{WEB}", f"us1.{WEB}"):
        ask(held, name)
    old = held.memory
    held.apply(Members((fresh("eu1"), fresh("us1", NOW - 20))), NOW)
    assert (len(held.memory), len(old)) == (0, 3)
    for left in (2, 1, 0):
        held.tick(NOW)
        assert len(old) == left
    held.tick(NOW)
    assert held._fading == []
    assert len(held.memory) == 0
