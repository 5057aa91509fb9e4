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

from fedns.lab.processes import serving
from fedns.lab.simulator import Deployment
from fedns.lab.world import World

FAULTS: Final = (
    *("hang", "reset", "partition", "stop", "latency=300ms", "status=503", "status=401", "status=403@endpointslices"),
    *("retry-after=1", "gone", "gone=http", "no-watchlist", "old-etcd", "no-bookmarks", "huge=3MiB"),
    *("garble=bits:0.1", "garble=cut", "garble=utf8", "garble=twice"),
)
"""What a member suffers; those left out are lies that heal by the next consistent list only, minutes later."""
WORKER: Final = "fedns.servers.worker"
CONTROL: Final = "fedns.control.daemon"
MOST_PODS: Final = 4
LONGEST_SECONDS: Final = 6.0
"""A fault lasts so long at most."""

Tell = Callable[[str], None]


class Mischief:
    """All who do mischief in a world of embedded members; `tell` hears of every deed."""

    def __init__(self, world: World, seed: int, tell: Tell) -> None:
        self._world = world
        self._tell = tell
        self._seed = seed
        self._broken: set[str] = set()

    async def members(self) -> None:
        """Break members, one or several at a time; now and then all of them at once."""
        random = self._random("members")
        names = sorted(self._world.clusters)
        while True:
            await asyncio.sleep(random.uniform(0.5, 2.5))
            chosen = names if random.random() < 0.1 else random.sample(names, random.choice((1, 1, 1, 2)))
            verb = random.choice(FAULTS)
            for name in chosen:
                self._tell(f"{name}: {verb}")
                self._broken.add(name)
                await self._world.clusters[name].fault(verb)
            await asyncio.sleep(random.uniform(1.0, LONGEST_SECONDS))
            await self.heal()

    async def heal(self) -> None:
        """End what the members suffer."""
        for name in sorted(self._broken):
            self._tell(f"{name}: heal")
            await self._world.clusters[name].fault("heal")
        self._broken.clear()

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
        self._tell(f"{module.rpartition('.')[2]} {pid}: {number.name}")
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

    async def churn(self, deployments: dict[str, list[Deployment]], every: float) -> None:
        """Change services all the while: pods come and go, and some services, too."""
        random = self._random("churn")
        gone: set[str] = set()
        while True:
            await asyncio.sleep(every)
            name = random.choice(sorted(deployments))
            deployment = random.choice(deployments[name])
            store = self._world.stores[name]
            if deployment.name in gone or (random.random() < 0.05 and deployment.name.startswith(name)):
                # Only what one member has alone comes and goes: its name is denied, and must be so in time.
                objects = deployment.objects()[1:]  # all but the namespace
                for item in objects if deployment.name in gone else reversed(objects):
                    (store.apply if deployment.name in gone else store.remove)(item)
                gone ^= {deployment.name}
                continue
            zone = random.choice(sorted(deployment.zones))
            deployment.scale(zone, random.randint(1, MOST_PODS))
            for item in deployment.objects():
                store.apply(item)

    def _random(self, kind: str) -> Random:
        return Random(f"{self._seed} {kind}")  # noqa: S311 -- it breaks things, it hides nothing
