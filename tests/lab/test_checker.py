"""The checker: every service is asked for, and what comes back is judged and kept."""

import asyncio
from collections import Counter

import pytest
from dnslib import EDNS0, RR, A, DNSHeader, DNSQuestion, DNSRecord, EDNSOption

from fedns.client import Reply
from fedns.lab.checker import Checker, heard
from fedns.lab.oracle import Heard, Kind, Oracle, ServiceKey
from fedns.lab.store import Store
from tests.lab.test_oracle import KEY, ONE, deployment, put
from tests.lab.worlds import until


def reply(*addresses: str, rcode: int = 0, error: int | None = None) -> Reply:
    """A reply as the client gives it."""
    message = DNSRecord(DNSHeader(qr=1, rcode=rcode), q=DNSQuestion("web.example"))
    for address in addresses:
        message.add_answer(RR("web.example", rdata=A(address), ttl=5))
    if error is not None:
        message.add_ar(EDNS0(opts=[EDNSOption(15, error.to_bytes(2) + b"why")]))
    wire = bytes(message.pack())
    return Reply(DNSRecord.parse(wire), wire, 0.001, "udp")


def test_what_a_message_says() -> None:
    """Rcode, addresses, the smallest TTL, and extended errors."""
    assert heard(reply(ONE, error=3).message) == Heard(0, frozenset({ONE}), 5, frozenset({3}))
    assert heard(reply(rcode=3).message) == Heard(3)


async def test_answers_are_counted_and_lies_kept() -> None:
    """Each round asks for each service; right, wrong and missing answers are told apart."""
    store = Store()
    put(store, deployment(1))
    script: list[Reply | None] = [reply(ONE), reply("10.9.0.9"), reply(rcode=2), None]

    async def ask(key: ServiceKey) -> Reply | None:
        assert key == KEY
        return script.pop(0)

    checker = Checker(Oracle({"eu1": store}, limit=1.0), ask)
    for _ in range(4):
        await checker.round()
    assert checker.counts == {Kind.CORRECT: 1, Kind.WRONG: 1, Kind.SERVFAIL: 1}
    assert checker.lost == 1
    assert [(each.key, each.heard.addresses) for each in checker.wrong] == [(KEY, frozenset({"10.9.0.9"}))]


async def test_it_asks_all_the_while() -> None:
    """From the first round, which is answered, to the end of the block; a lost reply holds up no other."""
    store, other = Store(), ("shop", "lost")
    put(store, deployment(1))
    put(store, deployment(1, name="lost"))
    never = asyncio.Event()
    asked: Counter[ServiceKey] = Counter()

    async def ask(key: ServiceKey) -> Reply | None:
        asked[key] += 1
        if key == other and asked[key] > 1:
            await never.wait()
        return reply(ONE)

    async with Checker(Oracle({"eu1": store}, limit=1.0), ask) as checker:
        assert checker.counts == {Kind.CORRECT: 2}
        await until(lambda: checker.counts[Kind.CORRECT] == 3)
    assert asked == {KEY: 2, other: 2}
    assert not checker.wrong


async def test_what_it_dies_of_is_told() -> None:
    """A checker that cannot ask any more is no checker that found nothing."""
    store = Store()
    put(store, deployment(1))
    asked = 0

    async def ask(_key: ServiceKey) -> Reply | None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise RuntimeError("no way to ask")
        return reply(ONE)

    with pytest.raises(RuntimeError, match="no way to ask"):
        async with Checker(Oracle({"eu1": store}, limit=1.0), ask):
            await until(lambda: asked > 1)
