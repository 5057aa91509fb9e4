"""A line for each query, or for some: off by default, and never in the way of an answer.

What is to be logged goes into a bounded queue; a thread makes lines of it and writes them. When nobody reads them, the
thread waits and the queue is full: what comes then is counted and forgotten. Standard output is used, so that the log
of the process, on standard error, is not held up either.
"""

import json
import os
import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from threading import Event, Thread
from time import time
from typing import Final, NamedTuple

from fedns.answers import counters
from fedns.answers.packet import Query, parse
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.answers.views import View
from fedns.servers.sampling import Sampler

MAX_WAITING: Final = 4096
_TYPE_NAMES: Final = {number: counters.TYPES[at] for number, at in counters.TYPE_NUMBERS.items()}
_RCODE_NAMES: Final = {number: counters.RCODES[at] for number, at in counters.RCODE_NUMBERS.items()}
_UNSAFE: Final = re.compile(rb"[^!-~]|[\\\".]")

Respond = Callable[[bytes, View, Replica, float], bytes]


class Line(NamedTuple):
    """One query, as it is to be told."""

    at: float
    view: View
    packet: bytes
    rcode: int
    size: int


class QueryLog:
    """The query log of one process; `write` takes bytes, and may wait."""

    def __init__(self, replica: Replica, write: Callable[[bytes], object] = lambda line: os.write(1, line)) -> None:
        self._replica = replica
        self._write = write
        self._waiting: deque[Line] = deque()
        self._news = Event()
        self._sampler = Sampler()
        self._thread: Thread | None = None

    def door(self) -> Respond:
        """The packet door: with a line for each query where the rules want that, else as it is."""
        return respond if self._replica.rules.query_log is None else self._respond

    def _respond(self, packet: bytes, view: View, replica: Replica, now: float) -> bytes:
        reply = respond(packet, view, replica, now)
        rules = replica.rules.query_log
        if rules is None or not self._sampler.takes(rules, reply):
            return reply
        if len(self._waiting) >= MAX_WAITING:
            replica.counts[counters.LOG_DROPS] += 1
            return reply
        self._waiting.append(Line(time(), view, packet, reply[3] & 0xF, len(reply)))
        if self._thread is None:
            self._thread = Thread(target=self._run, name="query log", daemon=True)
            self._thread.start()
        self._news.set()
        return reply

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            while self._waiting:
                rules = self._replica.rules.query_log
                line = show(self._waiting.popleft(), as_json=rules is not None and rules.format == "json")
                self._write(line.encode() + b"\n")


def show(line: Line, *, as_json: bool) -> str:
    """A query as text: time, client, protocol, name, type, response code, bytes of the reply."""
    query = parse(line.packet)
    name, qtype = "-", "-"
    if isinstance(query, Query) and query.name:
        name = _name(query.name)
        qtype = _TYPE_NAMES.get(query.qtype, f"TYPE{query.qtype}")
    told = {
        "time": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds"),
        "client": str(ip_address(line.view.client.address)),
        "proto": counters.TRANSPORTS[line.view.transport],
        "name": name,
        "type": qtype,
        "rcode": _RCODE_NAMES.get(line.rcode, str(line.rcode)),
        "bytes": line.size,
    }
    return json.dumps(told) if as_json else " ".join(map(str, told.values()))


def _name(wire: bytes) -> str:
    """A name as text; whatever could be taken for something else in a log is escaped as in a zone file."""
    labels, at = [], 0
    while wire[at]:
        label = wire[at + 1 : at + 1 + wire[at]]
        labels.append(_UNSAFE.sub(lambda found: b"\\%03d" % found[0][0], label).decode("ascii"))
        at += 1 + wire[at]
    return ".".join(labels) + "."
