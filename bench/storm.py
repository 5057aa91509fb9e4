"""A storm of changes in one lab member, and a change in another one in the middle of it.

CHANGES_PER_SECOND EndpointSlices change in `eu2`; meanwhile a service of `eu1` changes now and then, and is asked until
the answer follows. Memory is looked at before and after; at the end every service of the storm must be answered as it
was left.
"""

import asyncio
import http.client
import json
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final
from urllib.parse import urlsplit

from bench.asking import Poll, percentiles, until_right
from bench.ground import headless, ipv4
from bench.servers import fedns
from fedns.lab.members import Simulated
from fedns.lab.processes import free_port
from fedns.lab.world import World

CHANGES_PER_SECOND: Final = 2000
AT_ONCE: Final = 40
"""Changes in one request to the lab's side door: fifty requests a second."""
SERVICES: Final = 500
ENDPOINTS: Final = 10
APART: Final = 1 << 20
"""Addresses of the service that is looked at begin here, far from all others."""
PROBE_PAUSE: Final = 0.05
SETTLE_SECONDS: Final = 30.0
ZONE: Final = "myfed.svc.example.com"


class Storm:
    """The changes of one member; `left` is the first address of each service as it was told last."""

    def __init__(self, member: Simulated) -> None:
        self._side = Side(member)
        self.left = {at: at * ENDPOINTS for at in range(SERVICES)}
        self.made = 0

    def rage(self, seconds: float) -> None:
        """Change at a steady rate, for a while; the achieved rate is `made` / `seconds`."""
        started = monotonic()
        while (now := monotonic() - started) < seconds:
            if self.made > now * CHANGES_PER_SECOND:
                sleep(self.made / CHANGES_PER_SECOND - now)
                continue
            numbers = [at % SERVICES for at in range(self.made, self.made + AT_ONCE)]
            for number in numbers:
                self.left[number] = (self.left[number] + SERVICES * ENDPOINTS) % (1 << 19)
            self._side.put([headless("bench", f"s{at}", ENDPOINTS, self.left[at])[1] for at in numbers])
            self.made += AT_ONCE


class Side:
    """A connection to the side door of a simulated member, for a plain thread."""

    def __init__(self, member: Simulated) -> None:
        self._api = http.client.HTTPConnection(urlsplit(member.admin).netloc)

    def put(self, objects: list[dict[str, Any]]) -> None:
        """Make these objects so; returns when the member has them."""
        self._api.request("PUT", "/objects", json.dumps(objects))
        reply = self._api.getresponse()
        told = reply.read()
        if reply.status != 200:
            raise RuntimeError(told.decode())


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """Memory in MiB before and after, changes a second, and from change to answer of the other member."""
    async with World(directory, members=2, workers=1, port=free_port()) as world:
        quiet, stormy = (world.clusters[name] for name in ("eu1", "eu2"))
        assert isinstance(quiet, Simulated)
        assert isinstance(stormy, Simulated)
        await quiet.put(headless("bench", "probe", 1, APART))
        for at in range(SERVICES):
            await stormy.put(headless("bench", f"s{at}", ENDPOINTS, at * ENDPOINTS))
        async with fedns(world.config, world.port) as running:
            name, storm = f"probe.bench.{ZONE}", Storm(stormy)
            await asyncio.to_thread(_check, world.port, storm)
            await asyncio.to_thread(until_right, world.port, name, {ipv4(APART)}, SETTLE_SECONDS)
            poll, side = Poll(world.port, name), Side(quiet)
            calm = await asyncio.to_thread(_changes, side, poll, 3.0)
            before = running.memory()
            raging = asyncio.create_task(asyncio.to_thread(storm.rage, seconds))
            times = await asyncio.to_thread(_changes, side, poll, seconds)
            await raging
            started = monotonic()
            await asyncio.to_thread(_check, world.port, storm)
            settled = monotonic() - started
            return {
                "changes_per_s": storm.made / seconds,
                "right_after_s": settled,
                "other member, calm": percentiles(calm),
                "other member, storm": percentiles(times),
                "before": before,
                "after": running.memory(),
            }


def _check(port: int, storm: Storm) -> None:
    """Every service of the storm is answered as it was left; SystemExit otherwise."""
    for at, first in storm.left.items():
        until_right(port, f"s{at}.bench.{ZONE}", {ipv4(first + each) for each in range(ENDPOINTS)}, SETTLE_SECONDS)


def _changes(side: Side, poll: Poll, seconds: float) -> list[float]:
    times, limit = list[float](), monotonic() + seconds
    while monotonic() < limit:
        number = APART + 1 + len(times)
        side.put(headless("bench", "probe", 1, number)[1:2])
        times.append(poll.until(ipv4(number)))
        sleep(PROBE_PAUSE)
    return times
