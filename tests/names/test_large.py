"""Answers with more records than fit: sizes, TC, subsets that take turns, additional records where there is room."""

from collections import Counter
from functools import cache
from typing import Final

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from fedns.answers.replica import Replica
from fedns.answers.rules import Rules, Zone
from fedns.federation.objects import Cluster
from tests.names import beds
from tests.names.objects import export, exports, point, service, slices

HERE: Final = "127.0.0.1"
NAME: Final = "db.shop.svc.clusterset.local."
COUNTS: Final = (30, 300, 5000)
BUFFERS: Final = (None, 0, 512, 1232, 4096)
MAX_UDP: Final = 1232
"""More is never sent over UDP, whatever a client takes: it would be cut into fragments on the way."""
WALKS: Final = {30: 70, 300: 140, 5000: 400}
"""So many answers are more than one walk through all subsets."""


@cache
def replica(count: int) -> Replica:
    """A headless service of so many endpoints with both families, in slices of 100 as Kubernetes makes them."""
    objects = [export("db"), service("db", "sql:3306")]
    for first in range(0, count, 100):
        pods = range(first, min(first + 100, count))
        four = [point(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", f"pet-{at}") for at in pods]
        six = [point(f"fd00::{at:x}", f"pet-{at}") for at in pods]
        objects += slices("db", *four, *six, ports=["sql:3306"], name=str(first))
    rules = Rules(
        zones=(Zone(name="clusterset.local", kind="clusterset"),),
        clusters=(Cluster(name="eu1"),),
        timers=beds.TIMERS,
    )
    return beds.replica(rules, {"eu1": exports("eu1", objects)}, {})


def ask(count: int, qtype: str, payload: int | None, *, stream: bool) -> tuple[dns.message.Message, int]:
    """A reply and its size."""
    name = f"_sql._tcp.{NAME}" if qtype == "SRV" else NAME
    query = dns.message.make_query(name, qtype, id=7, use_edns=-1 if payload is None else 0, payload=payload or 0)
    wire = beds.answered(replica(count), query.to_wire(), HERE, stream=stream)
    return dns.message.from_wire(wire), len(wire)


def limit(payload: int | None, *, stream: bool) -> int:
    """How large a reply may be."""
    return 65_535 if stream else min(max(payload or 512, 512), MAX_UDP)


def values(message: dns.message.Message) -> list[str]:
    """The values of the answer, in their order."""
    return [str(rdata) for found in message.answer for rdata in found]


def chi_square(seen: Counter[str], count: int) -> float:
    """How far from even the numbers are: about `count` where chance makes the difference, 0 where there is none."""
    expected = seen.total() / count
    return sum((seen[each] - expected) ** 2 / expected for each in seen) + (count - len(seen)) * expected


@pytest.mark.parametrize("stream", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("payload", BUFFERS)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("qtype", "record_bytes"), [("A", 16), ("AAAA", 28)])
def test_addresses(count: int, payload: int | None, qtype: str, record_bytes: int, *, stream: bool) -> None:
    """As many as fit, never with TC: over a stream all, as far as 64 KiB reach."""
    reply, size = ask(count, qtype, payload, stream=stream)
    found = values(reply)
    most = limit(payload, stream=stream)
    assert size <= most
    assert not reply.flags & dns.flags.TC
    assert len(found) == len(set(found))
    # Parts are equal but for one record, so that none is shown more often, and as few as can be.
    fitting = (min(most, 60_000) - 62) // record_bytes
    parts = -(-count // fitting)
    assert len(found) >= count // parts


@pytest.mark.parametrize("payload", [None, 1232])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("qtype", ["A", "AAAA"])
def test_subsets_take_turns(count: int, payload: int | None, qtype: str) -> None:
    """Over a walk every endpoint is shown, and none much more often than another."""
    seen: Counter[str] = Counter()
    for _ in range(WALKS[count]):
        reply, _size = ask(count, qtype, payload, stream=False)
        seen.update(values(reply))
    assert len(seen) == count
    assert chi_square(seen, count) < count
    assert max(seen.values()) - min(seen.values()) <= 2


@pytest.mark.parametrize("stream", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("payload", BUFFERS)
@pytest.mark.parametrize("count", COUNTS)
def test_services(count: int, payload: int | None, *, stream: bool) -> None:
    """SRV is whole, or TC is set and nothing is there; addresses of a target come whole, or not at all."""
    reply, size = ask(count, "SRV", payload, stream=stream)
    assert size <= limit(payload, stream=stream)
    found = [rdata for each in reply.answer for rdata in each]
    if reply.flags & dns.flags.TC:
        assert not stream
        assert (found, [each for each in reply.additional if each.rdtype != dns.rdatatype.OPT]) == ([], [])
        return
    targets = {str(each.target) for each in found}
    assert len(targets) == count or (stream and count == 5000)
    for extra in reply.additional:
        assert str(extra.name) in targets
        at = int(extra.name.labels[0].decode().removeprefix("pet-"))
        address = f"fd00::{at:x}" if extra.rdtype == dns.rdatatype.AAAA else f"10.0.{at >> 8}.{at & 255}"
        assert [dns.rdata.from_text("IN", extra.rdtype, address)] == list(extra)


def test_a_few_fit_with_their_addresses() -> None:
    """Where there is room, additional records make further questions unnecessary."""
    reply, _size = ask(30, "SRV", 1232, stream=True)
    assert len(reply.additional) == 60
