"""Keeps a member's credentials fresh: files that are replaced and plugins whose answers expire become new credentials.

What was good stays while its successor is not: a file can be gone or half-written for a moment. It knows no HTTP.
"""

import asyncio
import logging
import time
from typing import Final

from msgspec import structs

from fedns.clusters import kubeconfig
from fedns.clusters.credentials import Credentials, CredentialsError, Plugin, Reading, prove, service_account
from fedns.clusters.plugin import Grant, ask
from fedns.settings.schema import Member

_log = logging.getLogger(__name__)
AGAIN: Final = 30.0
"""Seconds until a plugin that failed, or whose answer is old already, is asked again."""
_SOONEST: Final = 5.0
_WORDS: Final = 400


class Renewal:
    """A member's credentials over time; `fault` says why the last try gave none, "" if it did."""

    def __init__(self, member: Member) -> None:
        self.fault = ""
        self._member = member
        self._good: Credentials | None = None
        self._reading: Reading | None = None
        self._grant: Grant | None = None
        self._granted_by: Plugin | None = None
        self._ask_at = float("-inf")

    def due(self) -> bool:
        """Whether the plugin must be asked before its last answer expires."""
        return self._granted_by is not None and asyncio.get_running_loop().time() >= self._ask_at

    async def obtain(self, *, forced: bool = False) -> Credentials:
        """The credentials as they are now; raises CredentialsError as long as there were none ever.

        `forced` does not trust what is known: a server refused it.
        """
        faults = []
        try:
            await self._read(forced=forced)
        except CredentialsError as fault:
            if self._reading is None:
                raise
            faults.append(str(fault))
        assert self._reading is not None
        found = self._reading.credentials
        if found.plugin is not None:
            try:
                found = await self._ask(found, found.plugin, forced=forced)
            except CredentialsError as fault:
                if self._good is None:
                    raise
                known = self._grant if self._granted_by == found.plugin else None
                found = self._good if known is None else _with(found, known)
                faults.append(str(fault))
        self._tell("; ".join(faults))
        self._good = found
        return found

    async def _read(self, *, forced: bool) -> None:
        await asyncio.to_thread(self._read_files, forced=forced)

    def _read_files(self, *, forced: bool) -> None:
        if self._reading is None or forced or not self._reading.current():
            source = self._member.kubeconfig
            self._reading = kubeconfig.read(source) if source is not None else service_account()

    async def _ask(self, found: Credentials, plugin: Plugin, *, forced: bool) -> Credentials:
        """The credentials with what the plugin gives, asked only if that is needed."""
        loop = asyncio.get_running_loop()
        if self._grant is None or self._granted_by != plugin or forced or self.due():
            self._ask_at = loop.time() + AGAIN
            grant = await ask(plugin)
            prove(_with(found, grant), f"exec: {plugin.command[0]}")
            if grant.words and (self._grant is None or self._grant.words != grant.words):
                _log.info("member %s: %s says: %s", self._member.name, plugin.command[0], line(grant.words, _WORDS))
            self._grant, self._granted_by = grant, plugin
            self._ask_at = loop.time() + pause(grant.expires - time.time()) if grant.expires else float("inf")
        return _with(found, self._grant)

    def _tell(self, fault: str) -> None:
        """Say once that, and why, the last good ones are kept."""
        fault = line(fault, _WORDS)
        if fault and fault != self.fault:
            _log.warning("member %s: credentials: %s; the last good ones are kept", self._member.name, fault)
        elif self.fault and not fault:
            _log.info("member %s: credentials can be read again", self._member.name)
        self.fault = fault


def pause(life: float) -> float:
    """Seconds until an answer that is good for `life` seconds is asked for again: 80 % of it, or 60 s before its end.

    A short life is halved at most, and a clock that is wrong makes nobody ask without a pause.
    """
    if life <= 0:
        return AGAIN
    return max(min(life * 0.8, max(life - 60.0, life / 2)), _SOONEST)


def line(text: str, limit: int) -> str:
    """One bounded line of printable text."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split())[:limit])


def _with(found: Credentials, grant: Grant) -> Credentials:
    return structs.replace(
        found,
        authorization=grant.authorization or found.authorization,
        identity=grant.identity or found.identity,
    )
