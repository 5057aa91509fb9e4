"""dnstap to a collector, off by default, and never in the way of an answer.

As with the query log, what is to be told goes into a bounded queue, and a thread encodes and sends it. Without a
collector, or with one that stalls, the queue is full: what comes then is counted and forgotten. The thread connects
again for ever.
"""

import logging
from collections import deque
from threading import Event, Thread
from typing import Final

from fedns import __version__
from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.rules import Dnstap
from fedns.servers.dnstap import CONTENT_TYPE, Exchange, messages
from fedns.servers.framestream import Writer
from fedns.servers.sampling import Sampler

MAX_WAITING: Final = 4096
AT_ONCE: Final = 64
"""Exchanges in one system call."""
STALL_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0
"""How often it is looked whether the collector is still the one that is configured."""
END_SECONDS: Final = 0.5
"""How long a process that ends waits for its collector."""
VERSION: Final = f"fedns {__version__}".encode()

log = logging.getLogger(__name__)


class Tap:
    """The dnstap of one process."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._sampler = Sampler()
        self._waiting: deque[Exchange] = deque()
        self._news = Event()
        self._end = Event()
        self._thread: Thread | None = None
        self._trouble = ""

    @property
    def on(self) -> bool:
        """Whether anything is told."""
        return self._replica.rules.dnstap is not None

    def takes(self, reply: bytes) -> bool:
        """Whether the exchange with this reply is to be told; one that finds no room is counted as lost."""
        rules = self._replica.rules.dnstap
        if rules is None or not self._sampler.takes(rules, reply):
            return False
        if len(self._waiting) >= MAX_WAITING:
            self._replica.counts[counters.TAP_DROPS] += 1
            return False
        return True

    def put(self, exchange: Exchange) -> None:
        """Tell an exchange that was taken."""
        self._waiting.append(exchange)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="dnstap", daemon=True)
            self._thread.start()
        self._news.set()

    def close(self) -> None:
        """Tell no more: the collector hears of it, if it listens for a moment."""
        self._end.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._end.is_set():
            rules = self._replica.rules.dnstap
            if rules is None:
                self._waiting.clear()
                self._news.wait()
                self._news.clear()
                continue
            try:
                self._pour(rules)
            except OSError as error:
                self._told(f"{rules.socket}: {error.strerror or error}")
                self._end.wait(RETRY_SECONDS)

    def _pour(self, rules: Dnstap) -> None:
        """Connect and send, until the collector has gone (OSError) or another one is configured."""
        writer = Writer(rules.socket, CONTENT_TYPE, STALL_SECONDS)
        try:
            self._told("")
            while self._replica.rules.dnstap == rules and not self._end.is_set():
                self._news.wait(LOOK_SECONDS)
                self._news.clear()
                while self._waiting:
                    some = [self._waiting[at] for at in range(min(AT_ONCE, len(self._waiting)))]
                    writer.write(each for one in some for each in messages(one, rules.identity.encode(), VERSION))
                    # Not before they are sent: the next collector gets what this one did not take.
                    for _ in some:
                        self._waiting.popleft()
                    self._replica.counts[counters.TAP_SENT] += len(some)
            writer.finish()
        finally:
            writer.close()

    def _told(self, trouble: str) -> None:
        """Log a change for the worse or the better, once."""
        if trouble and not self._trouble:
            log.warning("dnstap: no collector at %s; trying again for ever", trouble)
        elif self._trouble and not trouble:
            log.info("dnstap: the collector is there again")
        self._trouble = trouble
