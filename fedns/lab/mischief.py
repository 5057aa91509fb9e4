"""Everything that breaks in a run of chaos: members, processes, the disk, and what changes meanwhile.

Each kind draws from a random source of its own, so that one seed makes the same plan, however fast the machine is. It
does not know what is asked, nor what is right.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from fedns.lab import network
from fedns.lab.clock import Clock
from fedns.lab.processes import serving
from fedns.lab.simulator import Deployment
from fedns.lab.world import World

FAULTS: Final = (
    *("hang", "reset", "partition", "stop", "latency=300ms", "status=503", "status=401", "status=403@endpointslices"),
    *("retry-after=1", "gone", "gone=http", "no-watchlist", "old-etcd", "no-bookmarks", "huge=3MiB"),
    *("garble=bits:0.1", "garble=cut", "garble=utf8", "garble=twice"),
)
"""What a member suffers; those left out are lies that heal by the next consistent list only, minutes later."""
OUTSIDE: Final = ("freeze", "stop", "cut")
"""What a real member suffers: SIGSTOP; SIGKILL, and a start in the end; every packet lost."""
CLOCKS: Final = (0, -1_800, 3_600, 86_400)
"""How far the server's wall clock is from the true time, in seconds; further back no certificate is valid yet."""
WORKER: Final = "fedns.servers.worker"
CONTROL: Final = "fedns.control.daemon"
NAMES: Final = {WORKER: "worker", CONTROL: "control"}
MOST_PODS: Final = 4
FROM_OUTSIDE: Final = 0.5
"""How often a simulated member that is a process of its own suffers what a real one does."""
LONGEST_SECONDS: Final = 6.0
"""A fault lasts so long at most."""

Tell = Callable[[str], None]


class Mischief:
    """All who do mischief in an embedded world; `tell` hears of every deed."""

    def __init__(self, world: World, seed: int, tell: Tell) -> None:
        self._world = world
        self._healing: asyncio.Task[None] | None = None
        self._tell = tell
        self._seed = seed
        self._broken: set[str] = set()

    async def members(self) -> None:
        """Break members, one or several at a time; now and then all of them at once."""
        random, world = self._random("members"), self._world
        names, cuttable = sorted(world.clusters), await network.possible()
        while True:
            await asyncio.sleep(random.uniform(0.5, 2.5))
            chosen = names if random.random() < 0.1 else random.sample(names, random.choice((1, 1, 1, 2)))
            verb, outside, both = random.choice(FAULTS), random.choice(OUTSIDE), random.random() < FROM_OUTSIDE
            outside = "freeze" if outside == "cut" and not cuttable else outside
            for name in chosen:
                roughly = name in world.real or (both and name in world.apart)
                await self._break(name, outside if roughly else verb)
            await asyncio.sleep(random.uniform(1.0, LONGEST_SECONDS))
            # To the end, also when this one is told to stop: a server is not left between death and life.
            self._healing = asyncio.create_task(self.heal(), name="healing")
            await asyncio.shield(self._healing)

    async def heal(self) -> None:
        """End what the members suffer."""
        broken = sorted(self._broken)
        for name in broken:
            self._tell(f"{name}: heal")
        await asyncio.gather(*(self._world.clusters[name].fault("heal") for name in broken))
        self._broken.difference_update(broken)

    async def _break(self, name: str, verb: str) -> None:
        self._tell(f"{name}: {verb}")
        self._broken.add(name)
        await self._world.clusters[name].fault(verb)

    async def processes(self) -> None:
        """Kill or stop workers, the control process, or both; have the configuration read again; take over."""
        random = self._random("processes")
        while True:
            await asyncio.sleep(random.uniform(2.0, 6.0))
            number = random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
            modules = random.choice(((WORKER,), (CONTROL,), (WORKER, CONTROL), (), None))
            for module in modules or ():
                self._end(module, number, random)
            if modules is None:
                self._tell("supervisor: taken over")
                with contextlib.suppress(RuntimeError):  # members that hang may keep it from that
                    await self._world.succeed()
            elif not modules:
                self._tell("supervisor: SIGHUP")
                os.kill(self._world.server_pid, signal.SIGHUP)

    def _end(self, module: str, number: signal.Signals, random: Random) -> None:
        found = serving(self._world.server_pid, module)
        if not found:
            return
        pid = random.choice(found)
        self._tell(f"{NAMES[module]} {pid}: {number.name}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    async def disk(self, snapshot: Path) -> None:
        """Cut or change the snapshot, or take the disk away for a while."""
        random = self._random("disk")
        while True:
            await asyncio.sleep(random.uniform(1.0, 4.0))
            deed = random.choice(("cut", "flip", "away"))
            if deed == "away":
                self._tell("disk: gone")
                away = snapshot.parent.with_name(f"{snapshot.parent.name}.away")
                snapshot.parent.rename(away)
                try:
                    await asyncio.sleep(random.uniform(0.5, 3.0))
                finally:
                    away.rename(snapshot.parent)
                    self._tell("disk: back")
            else:
                self._spoil(snapshot, deed, random)

    async def clock(self, clock: Clock) -> None:
        """Set the server's wall clock again and again, and right in the end."""
        random = self._random("clock")
        try:
            while True:
                await asyncio.sleep(random.uniform(2.0, 10.0))
                seconds = random.choice(CLOCKS)
                self._tell(f"clock: {seconds:+d} s")
                clock.set(seconds)
        finally:
            clock.set(0)

    def _spoil(self, snapshot: Path, deed: str, random: Random) -> None:
        try:
            content = bytearray(snapshot.read_bytes())
        except FileNotFoundError:
            return
        at = random.randrange(max(1, len(content)))
        self._tell(f"snapshot: {deed} at {at}")
        if deed == "cut":
            del content[at:]
        elif content:
            content[at] ^= 1 << random.randrange(8)
        snapshot.write_bytes(content)

    async def churn(self, deployments: dict[str, list[Deployment]], every: float, changed: Callable[[], None]) -> None:
        """Change services all the while: pods come and go, and some services, too.

        Whoever holds the truth is told that something has `changed`, every time: what passed unseen may be answered.
        """
        random = self._random("churn")
        gone: set[str] = set()
        while True:
            await asyncio.sleep(every)
            name = random.choice(sorted(deployments))
            deployment = random.choice(deployments[name])
            member = self._world.clusters[name]
            if deployment.name in gone or (random.random() < 0.05 and deployment.name.startswith(name)):
                # Only what one member has alone comes and goes: its name is denied, and must be so in time.
                objects = deployment.objects()[1:]  # all but the namespace
                await (member.put(objects) if deployment.name in gone else member.remove(objects[::-1]))
                gone ^= {deployment.name}
            else:
                zone = random.choice(sorted(deployment.zones))
                deployment.scale(zone, random.randint(1, MOST_PODS))
                await member.put(deployment.objects())
            changed()

    def _random(self, kind: str) -> Random:
        return Random(f"{self._seed} {kind}")  # noqa: S311 -- it breaks things, it hides nothing
