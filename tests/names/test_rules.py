"""Every rule of names and records, case by case: objects in, question, expected message."""

from collections.abc import AsyncIterator
from types import ModuleType

import dns.flags
import dns.message
import dns.rdatatype
import pytest
import pytest_asyncio

from tests.names import table_decisions, table_federation, table_mcs
from tests.names.beds import answered, lines, over_tcp, over_udp, worker
from tests.names.cases import TCP, UDP, Case, spelt
from tests.names.worlds import WORLDS

TABLES = (table_mcs, table_decisions, table_federation)
CASES = [case for table in TABLES for case in table.CASES]
SERVED_ZONES = {"clusterset.local.", "example.com.", "10.in-addr.arpa.", "d.f.ip6.arpa.", "myfed.svc.cluster.local."}


def check(case: Case, reply: bytes) -> None:
    """The reply is the expected one; a negative answer has the zone's SOA, and no other has anything in authority."""
    message = dns.message.from_wire(reply)
    assert dns.message.from_wire(case.query).is_response(message)
    assert lines(message) == [spelt(line) for line in case.expected]
    assert not message.flags & (dns.flags.RA | dns.flags.AD)
    assert message.flags & dns.flags.RD
    assert all(each.name.to_text().lower() in SERVED_ZONES for each in message.authority)
    assert all(each.rdtype == dns.rdatatype.SOA for each in message.authority)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.question.replace(' ', '-')}")
def test_rule(case: Case) -> None:
    """Each case of the tables, in this process."""
    held = WORLDS[case.world]()
    for transport in case.over:
        check(case, answered(held, case.query, case.source, stream=transport == TCP))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def servers() -> AsyncIterator[dict[str, tuple[str, int]]]:
    """A worker for each federation."""
    async with (
        worker(WORLDS["calm"]()) as calm,
        worker(WORLDS["lost"]()) as lost,
        worker(WORLDS["start"]()) as start,
    ):
        yield {"calm": calm, "lost": lost, "start": start}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__.rpartition("_")[2])
async def test_rules_over_sockets(table: ModuleType, servers: dict[str, tuple[str, int]]) -> None:
    """The same table over UDP and TCP, from the addresses of its clients."""
    for case in table.CASES:
        if UDP in case.over:
            check(case, await over_udp(servers[case.world], case.query, case.source))
        if TCP in case.over:
            check(case, await over_tcp(servers[case.world], case.query, case.source))


def test_every_rule_has_a_case() -> None:
    """No rule is listed without a case, and no case belongs to no rule."""
    for table in TABLES:
        assert table.RULES.keys() == {case.rule for case in table.CASES}
    assert set(table_mcs.RULES) >= {f"M{number}" for number in range(1, 21)}
    assert set(table_decisions.RULES) >= {f"D{number}" for number in range(1, 16)}
