"""Asks the other replicas by DNS what they serve, and tells for how long one has served something else.

Nothing follows from it but a metric and a line in the log: each replica knows what it knows from the members alone.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Final

from fedns.answers import digests
from fedns.answers.digests import Digests, UnreadableError
from fedns.answers.rules import Rules
from fedns.control.agreement import Agreement
from fedns.control.pipeline import Pipeline
from fedns.control.truth import Truth
from fedns.federation.health import Timers
from fedns.federation.locality import Locator
from fedns.settings.schema import Address, Replicas

LOOK_SECONDS: Final = 0.25
MOST: Final = 64
"""Replicas asked at most; a name with more addresses is asked by the first ones."""
NUMBER_DIGITS: Final = 12
"""Hexadecimal digits of a digest that its metric has: Prometheus has floats, which hold so many exactly."""

log = logging.getLogger(__name__)


class Others:
    """The other replicas; `epoch` is how this one's own replies are known."""

    def __init__(self, truth: Truth, pipeline: Pipeline, epoch: str, clock: Callable[[], float] = monotonic) -> None:
        self.known: dict[str, Agreement] = {}
        self._truth = truth
        self._pipeline = pipeline
        self._epoch = epoch
        self._clock = clock
        self._wanted = Replicas()
        self._places: tuple[Rules | None, dict[str, Any]] = (None, {})

    def use(self, wanted: Replicas) -> None:
        """Ask these from now on."""
        self._wanted = wanted
        if not wanted.addresses:
            self.known.clear()

    @property
    def bound(self) -> float:
        """How long two replicas may differ, in seconds: by default as long as one may need to see what another sees."""
        return self._wanted.bound or bound(self._truth.rules.timers)

    def mine(self) -> Digests:
        """The digests of this one."""
        truth = self._truth
        return digests.digests(truth.rules, truth.catalog, truth.statuses, self._epoch)

    def places(self) -> dict[str, str]:
        """The digest for the clients of each place that the configuration names, by the place's name."""
        from fedns.answers import survey  # noqa: PLC0415 -- it is large, and nobody has asked before

        rules, mine = self._truth.rules, self.mine()
        if self._places[0] is not rules:
            clusters = {cluster.name: cluster for cluster in rules.clusters}
            found = Locator(rules.clients, rules.local, clusters).places()
            self._places = (rules, {survey.name(each): each for each in found})
        return {name: digests.at(mine, rules, place) for name, place in self._places[1].items()}

    def apart(self) -> dict[str, float]:
        """For how many seconds each replica that was heard has served something else."""
        now, heard = self._clock(), {name: each for name, each in self.known.items() if each.heard is not None}
        return {name: 0.0 if each.since is None else now - each.since for name, each in heard.items()}

    def page(self) -> dict[str, Any]:
        """For people: this one's digests, and every other replica; times are seconds ago."""
        now, mine = self._clock(), self.mine()
        members = [
            {"name": name, "state": part.state, "services": part.services, "digest": part.digest}
            for name, part in mine.members.items()
        ]
        others = [
            {
                "replica": name,
                "verdict": "unknown" if each.heard is None or each.trouble else _verdict(each),
                "disagreesFor": None if each.since is None else round(now - each.since, 3),
                "lastHeard": None if each.heard is None else round(now - each.heard, 3),
                "reasons": [each.trouble] if each.trouble else list(each.reasons),
            }
            for name, each in sorted(self.known.items())
        ]
        own = {"epoch": self._epoch, "rules": mine.rules, "places": self.places(), "members": members}
        return {"own": own, "replicas": others, "bound": self.bound}

    async def run(self) -> None:
        """Ask them all, again and again; never ends."""
        while True:
            if self._wanted.addresses:
                await self._round()
            ends = monotonic() + self._wanted.interval
            while (left := ends - monotonic()) > 0:
                self._look()
                await asyncio.sleep(min(left, LOOK_SECONDS))

    async def _round(self) -> None:
        found: dict[str, Address | str] = {}
        for each in self._wanted.addresses:
            found |= await _addresses(each)
        for gone in self.known.keys() - found.keys():
            del self.known[gone]
        await asyncio.gather(*(self._ask(name, address) for name, address in list(found.items())[:MOST]))

    async def _ask(self, name: str, address: Address | str) -> None:
        agreement = self.known.setdefault(name, Agreement(self._pipeline.digests))
        try:
            theirs = digests.read(await _told(address, self._truth.rules))
        except UnreadableError as error:
            agreement.miss(str(error), self._clock(), self.bound)
            return
        if theirs.epoch == self._epoch:  # a name that stands for all of them stands for this one, too
            del self.known[name]
            return
        agreement.hear(theirs, self.mine(), self._clock(), self.bound)

    def _look(self) -> None:
        """See who agrees by now, and tell of whoever has not for longer than the bound."""
        now, pending = self._clock(), [each for each in self.known.values() if each.since is not None]
        mine = self.mine() if pending else None
        for each in pending:
            assert mine is not None
            each.look(mine, now, self.bound)
        for name, each in self.known.items():
            late = each.since is not None and now - each.since > self.bound
            if late and not each.late:
                self._say(
                    logging.WARNING, f"replica {name} has served something else for {self.bound:g} s", each.reasons
                )
            elif each.late and each.since is None:
                self._say(logging.INFO, f"replica {name} serves the same again", ())
            each.late = late

    def _say(self, level: int, text: str, reasons: Iterable[str]) -> None:
        told = "; ".join((text, *reasons))
        log.log(level, "%s", told)
        self._pipeline.history.add("", "replica", told)


def bound(timers: Timers) -> float:
    """How long two replicas that follow the same members may differ: until both have seen one go, or come back."""
    return timers.stale_after + timers.recover_after


def number(digest: str) -> float:
    """A digest as the number that a metric can have."""
    return float(int(digest[:NUMBER_DIGITS], 16))


def _verdict(each: Agreement) -> str:
    return "agrees" if each.since is None else "disagrees"


async def _addresses(wanted: Address) -> dict[str, Address | str]:
    """The addresses behind one that is configured, which may be a name; a sentence where there are none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        return {str(wanted): f"its name cannot be looked up: {error.strerror}"}
    each = [Address(str(address[0]), wanted.port) for *_, address in found]
    return {str(address): address for address in each}


async def _told(address: Address | str, rules: Rules) -> Sequence[str]:
    """What a replica answers to `_digest`. Raises UnreadableError with a sentence."""
    from fedns.client import Ask, ClientError, ask  # noqa: PLC0415 -- only who has other replicas asks

    if isinstance(address, str):
        raise UnreadableError(address)
    zone = next(each.name for each in rules.zones if each.kind == "clusterset")
    try:
        reply = await ask(Ask(f"_digest.{zone}", "TXT", (address.host, address.port)))
    except ClientError as error:
        raise UnreadableError(str(error)) from error
    if reply.message.header.rcode:
        cure = "its diagnostics.allow must have this address, and its clusterset zone the name of ours"
        raise UnreadableError(f"it answers with response code {reply.message.header.rcode}: {cure}")
    return [b"".join(record.rdata.data).decode("utf-8", "replace") for record in reply.message.rr]
