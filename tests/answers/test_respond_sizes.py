"""How long replies may be, on each side of each bound, and that what differs in shape never shares one reply."""

from itertools import product
from typing import Final

import dns.edns
import dns.flags
import dns.message
import pytest

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.wire import Change
from tests.answers.replicas import NOW, WEB, ZONE, addresses, ask, export, replica

NSID: Final = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")


def sent(name: str, count: int, payload: int) -> tuple[int, int]:
    """The bytes and addresses in the reply about a service of this name with so many pods."""
    held = replica()
    made = [bytes((10, 1, 0, at)) for at in range(1, count + 1)]
    held.apply(Change("eu1", "shop", name, export("eu1", made, "eu-a", name=name)), NOW)
    query = dns.message.make_query(f"{name}.shop.{ZONE}", "A", use_edns=0 if payload else -1, payload=payload)
    reply = respond(query.to_wire(), held.view("127.0.0.1", stream=False), held, NOW)
    return len(reply), len(addresses(dns.message.from_wire(reply)))


def filling(bound: int, opt: int) -> tuple[str, int]:
    """The name and the number of addresses (16 bytes each) that make a reply of just so many bytes."""
    rest = bound - len(dns.message.make_query(f"w.shop.{ZONE}", "A").to_wire()) + 1 - opt
    length = rest % 16 or 16
    return "w" * length, (rest - length) // 16


BOUNDS: Final = {"no EDNS": (0, 512), "512": (512, 512), "575": (575, 512), "576": (576, 576), "4096": (4096, 1232)}


@pytest.mark.parametrize(("payload", "bound"), BOUNDS.values(), ids=BOUNDS)
def test_an_address_set_fills_udp_and_no_more(payload: int, bound: int) -> None:
    """RFC 1035: 512 bytes without EDNS; else the client's size down to a multiple of 64, at most 1,232 (RFC 9715)."""
    name, count = filling(bound, 11 if payload else 0)
    assert sent(name, count, payload) == (bound, count)
    size, shown = sent(f"{name}w", count, payload)
    assert 0 < shown < count
    assert size < bound


def test_a_stream_has_room_for_the_whole_set() -> None:
    """Windows are for UDP: over TCP the same client gets every address at once."""
    held = replica(pods=40)
    assert len(addresses(ask(held, WEB, payload=512))) < 40
    assert len(addresses(ask(held, WEB, payload=512, stream=True))) == 40


def test_queries_of_different_shape_never_share_a_reply() -> None:
    """RD, EDNS, DO, NSID, size and class are in the reply: whatever was asked before, it is that of a new server."""
    wanted: list[list[dns.edns.Option]] = [[], [NSID]]
    shapes = list(product((0, dns.flags.RD), (0, 512, 576, 1232), (False, True), wanted, ("IN", "CH")))

    def reply(held: Replica, at: int) -> bytes:
        flags, payload, dnssec_ok, options, qclass = shapes[at]
        query = dns.message.make_query(WEB, "A", qclass, use_edns=-1, id=7)
        query.flags = dns.flags.Flag(flags)
        if payload:
            query.use_edns(0, dns.flags.DO if dnssec_ok else 0, payload, options=options)
        return respond(query.to_wire(), held.view("127.0.0.1", stream=False), held, NOW)

    held = replica(pods=1)
    for _ in range(2):
        for at in range(len(shapes)):
            assert reply(held, at) == reply(replica(pods=1), at), shapes[at]


def test_a_longer_packet_is_parsed_each_time() -> None:
    """Packets of up to 320 bytes are remembered by their bytes: strangers cannot fill the memory with long ones."""
    held = replica()
    view = held.view("127.0.0.1", stream=False)
    for size in (320, 321):
        query = dns.message.make_query(WEB, "A", use_edns=0)
        query.use_edns(options=[NSID])
        padding = size - len(query.to_wire())
        query.use_edns(options=[dns.edns.GenericOption(dns.edns.OptionType.NSID, bytes(padding))])
        assert len(query.to_wire()) == size
        for _ in range(4):
            respond(query.to_wire(), view, held, NOW)
        assert [len(packet) + 2 for packet in view.packets] == [320]


def test_a_flood_of_denied_names_pushes_out_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers and denials are held apart: what exists is still remembered after more denials than are held."""
    monkeypatch.setattr("fedns.answers.memory.MAX_NEGATIVES", 3)
    held = replica()
    ask(held, WEB)
    ask(held, WEB, "TXT")
    for length in range(1, 20):
        ask(held, f"{'x' * length}.shop.{ZONE}")
    assert len(held.memory) == 1 + 3
    misses = held.counts[counters.MISSES]
    assert len(addresses(ask(held, WEB))) == 3
    assert held.counts[counters.MISSES] == misses
    ask(held, WEB, "TXT")
    assert held.counts[counters.MISSES] == misses + 1


def test_each_question_is_counted_as_what_it_is() -> None:
    """By transport, family, origin, zone, type and rcode, on every level of the memory."""
    held = replica()
    for _ in range(3):
        ask(held, WEB)
        ask(held, WEB, source="10.9.0.1", stream=True)
        ask(held, "none.shop.svc.clusterset.local", "AAAA", source="::1")
    assert list(counters.replies(held.counts)) == [
        counters.ReplyCount("udp", "1", "local", "federation", "A", "NOERROR", 3),
        counters.ReplyCount("udp", "2", "local", "clusterset", "AAAA", "NXDOMAIN", 3),
        counters.ReplyCount("tcp", "1", "clients", "federation", "A", "NOERROR", 3),
    ]
