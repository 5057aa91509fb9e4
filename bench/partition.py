"""Members that are lost, at the default freshness and with `fast`: how soon they leave the answers, and are back.

Of four members one is killed, frozen or cut off, or half of them are; then every remote one is. Last, one has a line
that loses packets, and nothing may flap. Cuts and losses are made by nft. An answer that is not as it should be in the
end, or that is unmarked where fedns cannot know, ends the run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp

from fedns.lab import network
from fedns.lab.members import Member
from fedns.lab.processes import free_port
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World

MEMBERS: Final = 4
ROUNDS: Final = 3
STALE: Final = 3
LOSS_PERCENT: Final = 30
LOSS_SECONDS: Final = 60.0
STEADY_SECONDS: Final = 6.0
"""Longer than `recoverAfter`: from one fault to the next, so that each meets members that are fresh."""
LIMIT_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.02
PROFILES: Final = ("default", "fast")

Condition = Callable[[], Awaitable[bool]]
Figures = dict[str, float]


async def measure(directory: Path, _seconds: int) -> dict[str, Any]:
    """Worst seconds of ROUNDS by profile and fault: out of the answers (`out_s`), and back after healing (`back_s`)."""
    if not await network.possible():
        raise SystemExit("cuts need nft and CAP_NET_ADMIN")
    results: dict[str, Any] = {}
    for profile in PROFILES:
        port, freshness = free_port(), None if profile == "default" else profile
        async with World(directory / profile, members=MEMBERS, port=port, freshness=freshness) as world:
            await world.deploy()
            await world.serve()
            losses = Losses(world)
            await losses.all_back()
            results |= {f"{profile}: {case}": figures for case, figures in (await losses.measure()).items()}
    return results


class Losses:
    """What is lost in one world, and what its clients are told then. The first member is the local one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._local, *self._remote = world.plan

    async def measure(self) -> dict[str, Figures]:
        """All cases, in order."""
        one, half = self._remote[-1:], self._remote[-(MEMBERS // 2) :]
        return {
            "stopped": await self._worst(one, self._fault("stop")),
            "frozen": await self._worst(one, self._fault("freeze")),
            "cut off": await self._worst(one, self._cut),
            "half cut off": await self._worst(half, self._cut),
            "all cut off": await self._all(),
            f"{LOSS_PERCENT} % lost": await self._bad_line(one[0]),
        }

    async def all_back(self) -> None:
        """Wait until clients of every member are given its own pods, unmarked."""
        for member in self._world.plan:
            await _until(partial(self._own, member))

    async def _worst(self, members: Collection[Member], action: Callable[[Member], Awaitable[None]]) -> Figures:
        runs = [await self._once(members, action) for _ in range(ROUNDS)]
        return {key: max(run[key] for run in runs) for key in runs[0]}

    async def _once(self, members: Collection[Member], action: Callable[[Member], Awaitable[None]]) -> Figures:
        await asyncio.sleep(STEADY_SECONDS)
        begun = monotonic()
        await asyncio.gather(*map(action, members))
        await _until(lambda: self._out(members))
        out, begun = monotonic() - begun, monotonic()
        await asyncio.gather(*map(self._heal, members))
        await _until(lambda: self._back(members))
        back = monotonic() - begun
        await self.all_back()
        return {"out_s": out, "back_s": back}

    async def _all(self) -> Figures:
        """Every remote one: what clients beside the local one are told never changes; the rest is frozen and marked."""
        await asyncio.sleep(STEADY_SECONDS)
        names = [f"{member.name}.{SERVICE}" for member in self._remote]
        source = self._local.source(self._local.zones[0])
        local = await self._asked(SERVICE, source)
        kept = [(addresses, [STALE]) for addresses, _ in [await self._asked(name) for name in names]]

        async def frozen() -> bool:
            if (told := await self._asked(SERVICE, source)) != local:
                raise SystemExit(f"a client of the local member, which is well, was told {told}, and {local} before")
            return [await self._asked(name) for name in names] == kept

        await asyncio.gather(*map(self._cut, self._remote))
        marked = await _until(frozen)
        held = monotonic() + STEADY_SECONDS
        while monotonic() < held:
            if not await frozen():
                raise SystemExit(f"of members that are cut off is told {[await self._asked(name) for name in names]}")
        await asyncio.gather(*map(self._heal, self._remote))
        back = await _until(lambda: self._back(self._remote))
        return {"marked_s": marked, "back_s": back}

    async def _bad_line(self, member: Member) -> Figures:
        """How often a member leaves the answers, and how often its state changes, while packets to it are lost."""
        await asyncio.sleep(STEADY_SECONDS)
        before, port = await self._changes(member), _port(self._world, member)
        await self._world.cuts.cut(port, LOSS_PERCENT)
        ends, seen = monotonic() + LOSS_SECONDS, [False]
        while monotonic() < ends:
            if (out := await self._out([member])) != seen[-1]:
                seen.append(out)
            await asyncio.sleep(PAUSE_SECONDS)
        changes = await self._changes(member) - before
        await self._world.cuts.mend(port)
        await self.all_back()
        return {"seconds": LOSS_SECONDS, "left_answers": float(sum(seen)), "state_changes": changes}

    def _fault(self, verb: str) -> Callable[[Member], Awaitable[None]]:
        return lambda member: self._world.clusters[member.name].fault(verb)

    async def _cut(self, member: Member) -> None:
        await self._world.cuts.cut(_port(self._world, member))

    async def _heal(self, member: Member) -> None:
        await self._world.cuts.mend(_port(self._world, member))
        await self._world.clusters[member.name].fault("heal")

    async def _out(self, members: Collection[Member]) -> bool:
        """Whether clients beside these are given pods, and none of theirs."""
        theirs = {each for member in members for each in self._pods(member)}
        told = [await self._told(member) for member in members]
        return all(addresses and not theirs & set(addresses) for addresses, _ in told)

    async def _back(self, members: Collection[Member]) -> bool:
        return all([await self._own(member) for member in members])

    async def _own(self, member: Member) -> bool:
        addresses, errors = await self._told(member)
        return bool(addresses) and set(addresses) <= set(self._pods(member)) and not errors

    def _pods(self, member: Member) -> list[str]:
        return self._world.deployments[member.name].addresses()

    async def _told(self, member: Member) -> tuple[list[str], list[int]]:
        """What a client beside a member is told: addresses, extended errors."""
        return await self._asked(SERVICE, member.source(member.zones[0]))

    async def _asked(self, name: str, source: str = "") -> tuple[list[str], list[int]]:
        """Addresses and extended errors; a lost question is asked again."""
        while (reply := await self._world.ask(name, source=source)) is None:
            pass
        return sorted(addresses_of(reply)), extended_errors(reply)

    async def _changes(self, member: Member) -> float:
        url = f"http://127.0.0.1:{self._world.http_port}/api/v1/clusters"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            told = await response.json()
        return next(float(each["stateChanges"]) for each in told["clusters"] if each["name"] == member.name)


def _port(world: World, member: Member) -> int:
    return int(world.clusters[member.name].url.rpartition(":")[2])


async def _until(condition: Condition) -> float:
    """Seconds until it is so; SystemExit when it does not come about."""
    started = monotonic()
    while not await condition():
        if monotonic() - started > LIMIT_SECONDS:
            raise SystemExit(f"not as it should be after {LIMIT_SECONDS:g} s")
        await asyncio.sleep(PAUSE_SECONDS)
    return monotonic() - started
