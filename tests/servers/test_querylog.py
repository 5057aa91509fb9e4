"""The query log: what it tells, of which queries, and that it holds up nobody."""

import json
from queue import SimpleQueue
from threading import Event
from typing import Any

import dns.message
import pytest
from msgspec import structs

from fedns.answers import counters
from fedns.answers import rules as of
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.servers import querylog
from fedns.servers.querylog import Line, QueryLog, show
from tests.answers.replicas import NOW, RULES, WEB, ZONE, replica

QUERY = dns.message.make_query(WEB, "A").to_wire()
NONE = dns.message.make_query(f"none.shop.{ZONE}", "A").to_wire()


def held(**how: Any) -> Replica:
    """A replica that is to log so."""
    return replica(structs.replace(RULES, query_log=of.QueryLog(**how)))


def send(log: QueryLog, to: Replica, *packets: bytes) -> None:
    """Ask over UDP."""
    for packet in packets:
        assert log.door()(packet, to.view("192.0.2.1", stream=False), to, NOW)


def test_it_is_off_by_default() -> None:
    """Then the door is the plain one, and nothing is between."""
    assert QueryLog(replica()).door() is respond


def test_a_line_tells_who_asked_what_and_how_it_went() -> None:
    """Text or JSON, in the order of the queries."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    to = held()
    send(QueryLog(to, lines.put), to, QUERY, NONE)
    first, second = (lines.get(timeout=20).decode().split() for _ in range(2))
    assert first[1:6] == ["192.0.2.1", "udp", f"{WEB}.", "A", "NOERROR"]
    assert second[3:6] == [f"none.shop.{ZONE}.", "A", "NXDOMAIN"]
    to = held(format="json")
    send(QueryLog(to, lines.put), to, QUERY)
    told = json.loads(lines.get(timeout=20))
    assert (told["client"], told["type"], told["bytes"]) == ("192.0.2.1", "A", int(first[6]))


@pytest.mark.parametrize(
    ("how", "names"),
    [({"only": "failures"}, ["none"] * 3), ({"sample": 3}, ["web", "none"])],
    ids=["failures", "sample"],
)
def test_which_queries_are_told(how: dict[str, object], names: list[str]) -> None:
    """Those that failed, or one in so many."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    to = held(**how)
    send(QueryLog(to, lines.put), to, QUERY, NONE, QUERY, NONE, QUERY, NONE)
    assert [lines.get(timeout=20).decode().split()[3].partition(".")[0] for _ in names] == names
    assert lines.empty()


def test_a_log_that_nobody_reads_holds_up_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no room is counted; when it is read again, what waited comes."""
    monkeypatch.setattr(querylog, "MAX_WAITING", 3)
    lines: SimpleQueue[bytes] = SimpleQueue()
    stuck, began = Event(), Event()

    def write(line: bytes) -> None:
        began.set()
        assert stuck.wait(60)
        lines.put(line)

    to = held()
    log = QueryLog(to, write)
    send(log, to, QUERY)
    assert began.wait(20)
    send(log, to, *(QUERY for _ in range(10)))
    assert to.counts[counters.LOG_DROPS] == 7
    stuck.set()
    for _ in range(4):
        assert lines.get(timeout=20)


@pytest.mark.parametrize(
    ("packet", "shown"),
    [
        (QUERY[:12] + b'\5a\n" .\3\\\xff\0\0' + QUERY[-4:], "a\\010\\034\\032\\046.\\092\\255\\000. A"),
        (QUERY[:14], "- -"),
        (QUERY[:-4] + b"\x12\x34\0\1", f"{WEB}. TYPE4660"),
    ],
    ids=["every kind of byte", "malformed", "unknown type"],
)
def test_the_bytes_of_strangers_make_one_plain_line(packet: bytes, shown: str) -> None:
    """Line ends, quotes, spaces and dots inside labels are escaped."""
    line = show(Line(0.0, replica().view("127.0.0.1", stream=True), packet, 0, 50), as_json=False)
    assert line == f"1970-01-01T00:00:00.000+00:00 127.0.0.1 tcp {shown} NOERROR 50"
