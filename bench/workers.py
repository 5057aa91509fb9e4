"""1, 2 and 4 workers, asked from many source ports and from one: one socket that all share, or SO_REUSEPORT for each.

The workers are real ones, told what they serve by this process: nothing else of fedns runs, and nothing but the
sockets that they inherit is different. fedns itself shares sockets; the other way stands here, and nowhere else.
Workers and dnsperf share the cores as they come, so that queries per second of real time say something only where
there are more cores than workers.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any, Final

from bench.asking import until_right
from bench.ground import ipv4, process_cpu
from bench.perf import length, needed, per_cpu, perf
from fedns.answers import counters
from fedns.answers.rules import Rules, Zone
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker, frame
from fedns.federation.health import Freshness, Status, Timers
from fedns.federation.objects import READY, SERVING, Cluster, Endpoint, Export, Port, pack
from fedns.lab.processes import free_port
from fedns.listening import open_sockets, prepare_udp
from fedns.settings.child import Child
from fedns.settings.schema import Address
from fedns.settings.starting import start

COUNTS: Final = (1, 2, 4)
PORTS: Final = {"many source ports": 16, "one source port": 1}
NAMES: Final = 1000
ADDRESSES: Final = 3
START_SECONDS: Final = 30.0
END_SECONDS: Final = 10.0
LONG: Final = 3600.0
"""Seconds that the member stays fresh, though nobody hears of it."""
TURNS: Final = 2
WARM_SECONDS: Final = 1
WARM_CLIENTS: Final = 32
"""So many source ports that every worker gets some."""


async def measure(directory: Path, seconds: int) -> dict[str, Any]:
    """The better of two runs of each: queries per second of the workers' CPU, and of real time.

    `busiest` is the part of that CPU which the busiest worker used: 1 / workers where they share evenly.
    """
    needed()
    questions = directory / "queries"
    questions.write_text("".join(f"s{at}.bench.myfed.svc.example.com A\n" for at in range(NAMES)))
    runs: dict[str, list[dict[str, float]]] = {}
    for count, way in product(COUNTS, ("shared", "reuseport")):
        async with _workers(directory, count, reuseport=way == "reuseport") as (port, pids):
            # Each worker makes each answer once: that is not measured.
            await perf(port, questions, WARM_SECONDS, "-c", str(WARM_CLIENTS))
            for _, (source, clients) in product(range(TURNS), PORTS.items()):
                run = await _load(port, pids, questions, length(seconds), clients)
                runs.setdefault(f"{way}, {count}, {source}", []).append(run)
    return {name: max(each, key=lambda run: run["per_cpu_second"]) for name, each in sorted(runs.items())}


async def _load(port: int, pids: list[int], questions: Path, seconds: int, clients: int) -> dict[str, float]:
    before = [process_cpu(pid) for pid in pids]
    told = await perf(port, questions, seconds, "-c", str(clients), "-q", "256")
    used = [process_cpu(pid) - then for pid, then in zip(pids, before, strict=True)]
    return {
        "per_cpu_second": per_cpu(told.completed, sum(used)),
        "per_second": told.completed / told.seconds,
        "busiest": max(used) / (sum(used) or 1.0),
        "lost": told.lost,
    }


@asynccontextmanager
async def _workers(directory: Path, count: int, *, reuseport: bool) -> AsyncIterator[tuple[int, list[int]]]:
    """The port on 127.0.0.1 where so many workers answer, and their process ids."""
    said = b"".join(map(frame, _messages(monotonic())))
    path = directory / "feed"
    port = free_port()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        with suppress(asyncio.CancelledError), closing(writer):
            while await reader.read(4096):
                pass

    async with AsyncExitStack() as stack:
        feed = await asyncio.start_unix_server(tell, path)
        stack.push_async_exit(feed)
        stack.callback(path.unlink)
        opened = {each.type: stack.enter_context(closing(each)) for each in _sockets(port, shared=not reuseport)}
        own = [stack.enter_context(closing(_reusing(port))) for _ in range(count)] if reuseport else []
        slots = tuple(os.memfd_create(f"bench {at}") for at in range(count + 1))
        lifeline = os.pipe()
        for each in (*slots, *lifeline):
            stack.callback(os.close, each)
        for each in slots:
            os.ftruncate(each, counters.BYTES)
        pids, blocks = [], []
        for at in range(count):
            child = Child(
                config="",
                overrides={},
                slot=at + 1,
                slots=slots,
                listener=feed.sockets[0].fileno(),
                path=str(path),
                udp=((own[at] if own else opened[socket.SOCK_DGRAM]).fileno(),),
                tcp=(opened[socket.SOCK_STREAM].fileno(),),
                lifeline=lifeline[0],
                workers=count,
            )
            newcomer = start("fedns.servers.worker")
            stack.callback(newcomer.process.wait, END_SECONDS)
            stack.callback(newcomer.process.terminate)
            child.tell(newcomer.connection)
            pids.append(newcomer.process.pid)
            blocks.append(child.block(at + 1))
        async with asyncio.timeout(START_SECONDS):
            while not all(block[counters.LOADED] for block in blocks):
                await asyncio.sleep(0.02)
        await asyncio.to_thread(until_right, port, "s0.bench.myfed.svc.example.com", _addresses(0), START_SECONDS)
        yield port, pids


def _sockets(port: int, *, shared: bool) -> list[socket.socket]:
    """A TCP socket, and a UDP socket if all share it, as fedns opens them."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM) if shared else (socket.SOCK_STREAM,)
    return open_sockets((Address("127.0.0.1", port),), kinds)


def _reusing(port: int) -> socket.socket:
    """A UDP socket among others of one port: the kernel gives it what a hash of the client's address says."""
    each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    prepare_udp(each)
    each.bind(("127.0.0.1", port))
    each.setblocking(False)
    return each


def _addresses(at: int) -> list[str]:
    return [ipv4(at * ADDRESSES + each) for each in range(ADDRESSES)]


def _messages(now: float) -> Iterator[ToWorker]:
    """One member with all services, fresh for as long as a run takes."""
    timers = Timers(suspect_after=LONG, stale_after=LONG, expire_after=LONG)
    zone = Zone(name="example.com", kind="federation", federation="myfed")
    yield NewRules(Rules(zones=(zone,), clusters=(Cluster(name="c0", region="r0"),), timers=timers))
    yield Members((Status(cluster="c0", joined=now, state=Freshness.FRESH, since=now, synced=True, alive=now),))
    ports = (Port("http", 80),)
    exports = []
    for at in range(NAMES):
        pods = [Endpoint(socket.inet_aton(each), READY | SERVING) for each in _addresses(at)]
        exports.append(Export("c0", "bench", f"s{at}", 1, headless=True, ports=ports, slices=pack(ports, pods)))
    yield Replace("c0", tuple(exports), first=True, last=True)
    yield Generation("bench", 1)
