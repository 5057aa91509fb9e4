"""Stories: what holds of answers, and what is read from them."""

from fractions import Fraction

import pytest
from dnslib import EDNS0, QTYPE, RR, A, DNSRecord, EDNSOption

from fedns.client import Reply
from fedns.lab.story import EDE, UNEVEN_ASKS, Expected, Nothing, Pods, Shares, addresses_of, extended_errors

PLACES = {"10.0.0.1": ("eu1", "a"), "10.0.0.2": ("eu1", "b"), "10.1.0.1": ("us1", "c")}


def reply(*addresses: str, error: int | None = None) -> Reply:
    """An answer with these addresses, marked or not."""
    message = DNSRecord.question("a.example", "A")
    for each in addresses:
        message.add_answer(RR("a.example", QTYPE.A, rdata=A(each)))
    if error is not None:
        message.add_ar(EDNS0(opts=[EDNSOption(EDE, error.to_bytes(2) + b"why")]))
    return Reply(message, b"", 0.0, "udp")


def test_replies_are_read() -> None:
    """Addresses from the answer section, error codes from the OPT record."""
    assert addresses_of(reply("10.0.0.1")) == ["10.0.0.1"]
    assert extended_errors(reply("10.0.0.1")) == []
    assert extended_errors(reply(error=22)) == [22]


@pytest.mark.parametrize(
    ("expected", "given", "holds"),
    [
        (Pods(places=[("eu1", "a")], count=1), [reply("10.0.0.1")], True),
        (Pods(places=[("eu1", "a")], count=1), [reply("10.0.0.2")], False),
        (Pods(places=[("eu1", "a")], count=2), [reply("10.0.0.1")], False),
        (Pods(places=[("eu1", "a")], count=1), [reply("10.0.0.1", error=3)], False),
        (Pods(places=[("eu1", "a")], count=1, error=3), [reply("10.0.0.1", error=3)], True),
        (Nothing(error=17), [reply(error=17)], True),
        (Nothing(error=17), [reply(error=22)], False),
        (Nothing(error=17), [reply("10.0.0.1", error=17)], False),
    ],
)
def test_one_answer(expected: Expected, given: list[Reply], holds: bool) -> None:
    """Places, number and mark of an answer, or that there is none and why."""
    assert expected.holds(given, PLACES) is holds


@pytest.mark.parametrize(("more", "holds"), [(0, True), (UNEVEN_ASKS, True), (UNEVEN_ASKS + 1, False)])
def test_shares(more: int, holds: bool) -> None:
    """Counted over many answers, with what unfinished turns may differ by."""
    half = Shares(clusters={"eu1": Fraction(1, 2), "us1": Fraction(1, 2)})
    answers = [reply("10.0.0.1", "10.0.0.2")] * (30 + more) + [reply("10.1.0.1")] * (30 - more)
    assert half.holds(answers, PLACES) is holds


@pytest.mark.parametrize("strange", [reply("10.0.0.1", "10.1.0.1"), reply("192.0.2.1"), reply()])
def test_no_shares_of_strangers(strange: Reply) -> None:
    """An answer that mixes clusters, names somebody unknown, or is empty, is not as expected."""
    assert not Shares(clusters={"eu1": Fraction(1)}).holds([reply("10.0.0.1"), strange], PLACES)
