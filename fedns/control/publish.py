"""Tells every worker what it does not hold yet: a delta, or the whole, over the Unix socket that they connect to.

Every change of the truth gets the next generation number of this process (epoch). A bounded log says which names
changed in which generation, so that a worker which was away for a moment is told only those.

A worker that has nothing to do is told at once. Under a storm it is told piece by piece: the next one goes when the
last one is acknowledged, and once nothing is left, after a rest of four times the CPU time that making it took, and a
worker's installing it takes about the same: neither process is ever busy with news alone, nor waits for a slow machine.
A rest that it has had already, as there was nothing to tell, counts.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic, thread_time, time
from typing import Final

from fedns.answers.wire import Ack, BrokenStreamError, Frames, Generation, Hello, frame, settled, to_control, types_of
from fedns.control.outbox import Outbox
from fedns.control.propagation import Propagation
from fedns.control.truth import Truth
from fedns.federation.objects import Cluster, ServiceKey

LOG_ENTRIES: Final = 10_000
HELLO_SECONDS: Final = 5.0
READ_BYTES: Final = 64 * 1024
WRITE_BYTES: Final = 1024 * 1024
"""Bytes that may wait in one connection's buffer; more waits in the outbox, as names."""
REST_SECONDS: Final = 0.05
"""A worker rests so long between two pieces at most, and a piece that it does not acknowledge is waited for so long."""
REST: Final = 4.0
"""Around the last piece the rest is so many times as long as this process worked for it."""
ACCEPT_PAUSE_SECONDS: Final = 0.1

log = logging.getLogger(__name__)


class Link:
    """One connected worker."""

    def __init__(self, hello: Hello) -> None:
        self.slot = hello.slot
        self.pid = hello.pid
        self.told = 1
        self.acknowledged = 0
        self.heard = asyncio.Event()
        self.outbox = Outbox()


class Publisher:
    """Serves the workers; every method for news may be called before `serve` is.

    `meet` is told whom a worker knows that has followed another control process, before anything is said to it.
    """

    def __init__(
        self, truth: Truth, epoch: str, meet: Callable[[tuple[Cluster, ...]], None] = lambda _clusters: None
    ) -> None:
        self.epoch = epoch
        self._meet = meet
        self.generation = 1
        self.serial = int(time())
        self.links: set[Link] = set()
        self.propagation = Propagation()
        self._truth = truth
        self._log: deque[tuple[int, str, ServiceKey | None]] = deque()
        self._forgotten = 0
        self._rules_at = 1
        self._left_at: dict[str, int] = {}
        self._settlements = truth.catalog.settlements
        self._connections: set[asyncio.Task[None]] = set()

    def rules(self) -> None:
        """The rules of the truth have changed."""
        self._advance()
        self._rules_at = self.generation
        for link in self.links:
            link.outbox.rules()

    def members(self) -> None:
        """A status has moved; this is news of the moment and has no generation."""
        for link in self.links:
            link.outbox.members()

    def nodes(self, names: Iterable[str]) -> None:
        """These nodes of the local cluster are new, different or gone."""
        self._advance()
        for link in self.links:
            link.outbox.nodes(names, self.generation)

    def left(self, cluster: str) -> None:
        """A member has left: the workers forget it."""
        self._advance()
        self._left_at[cluster] = self.generation
        self.propagation.left(cluster)
        for link in self.links:
            link.outbox.left(cluster)

    def whole(self, cluster: str) -> None:
        """A member was read for the first time: whatever a worker holds of it gives way."""
        self._remember(cluster, (None,))
        for link in self.links:
            link.outbox.whole(cluster, self.generation)

    def changed(self, cluster: str, keys: Iterable[ServiceKey], triggered: float = 0.0) -> None:
        """These exports of a member are new, different or gone, since `triggered` (Unix seconds; 0: unknown)."""
        keys = tuple(keys)
        if not keys:
            return
        self._remember(cluster, keys)
        if triggered and self.links:
            self.propagation.sent(self.generation, cluster, triggered)
        for link in self.links:
            link.outbox.keys(cluster, keys, self.generation)

    @property
    def acknowledged(self) -> int:
        """The generation that every connected worker has installed; the present one without workers."""
        return min((link.acknowledged for link in self.links), default=self.generation)

    async def serve(self, listener: socket.socket) -> None:
        """Accept workers until cancelled.

        The accept loop is our own: asyncio's server would remove the socket's path when it closes, and the next
        control process inherits the same listener.
        """
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError as error:
                    log.warning("cannot accept a worker: %s", error)
                    await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                    continue
                task = loop.create_task(self._attend(connection), name="worker link")
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
        finally:
            for task in self._connections:
                task.cancel()

    async def _attend(self, connection: socket.socket) -> None:
        """One connection, from Hello to its end."""
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        writer.transport.set_write_buffer_limits(high=WRITE_BYTES)
        frames = Frames()
        link = None
        try:
            hello, rest = await _first(reader, frames)
            link = self._welcome(hello)
            telling = asyncio.create_task(self._tell(link, writer), name=f"tell worker {link.slot}")
            # A failure to write shows as the end of reading, too; the buffer is bounded either way.
            telling.add_done_callback(lambda _: writer.close())
            try:
                await self._listen(link, reader, frames, rest)
            finally:
                telling.cancel()
                (trouble,) = await asyncio.gather(telling, return_exceptions=True)
                if isinstance(trouble, Exception) and not isinstance(trouble, OSError):
                    log.error("worker %d could not be told", link.slot, exc_info=trouble)
        except (OSError, BrokenStreamError) as error:
            log.warning("worker %s: connection given up: %s", link.slot if link else "?", error)
        finally:
            if link is not None:
                self.links.discard(link)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _welcome(self, hello: Hello) -> Link:
        """Decide what a worker needs, from what it says that it holds."""
        link = Link(hello)
        outbox, held = link.outbox, hello.generation
        self._learn(hello, outbox)
        if hello.epoch == self.epoch and held <= self.generation:
            for cluster, at in self._left_at.items():
                if at > held:
                    outbox.left(cluster)
        if hello.epoch == self.epoch and self._forgotten <= held <= self.generation:
            link.told = link.acknowledged = held
            for at, cluster, key in self._log:
                if at > held and key is None:
                    outbox.whole(cluster, at)
                elif at > held and key is not None:
                    outbox.keys(cluster, (key,), at)
            if self._rules_at > held:
                outbox.rules()
        else:
            outbox.rules()
            for cluster in self._truth.read | self._truth.restored:
                # From the beginning: it holds nothing of this process until all of this has been said.
                outbox.whole(cluster, 1)
        outbox.all_nodes()
        outbox.members()
        self.links.add(link)
        return link

    def _learn(self, hello: Hello, outbox: Outbox) -> None:
        """What a control process before this one knew and settled still counts; for the rest this one's word does."""
        catalog = self._truth.catalog
        if hello.epoch != self.epoch:
            self._meet(hello.clusters)
        if hello.epoch != self.epoch and hello.types:
            catalog.settle({**settled(hello.types), **catalog.settled}, once=True)
        if hello.types != types_of(catalog):
            outbox.types()

    async def _tell(self, link: Link, writer: asyncio.StreamWriter) -> None:
        """Send a worker its news, piece by piece, as fast as it installs them."""
        while True:
            since = monotonic()
            await link.outbox.wake.wait()
            rested, began = monotonic() - since, thread_time()
            messages, told = link.outbox.take(self._truth, self.generation)
            if closed := told >= link.told:
                link.told = told
                link.heard.clear()
                messages.append(Generation(self.epoch, told, self.serial))
            writer.write(b"".join(map(frame, messages)))
            spent = thread_time() - began
            await writer.drain()
            if closed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REST_SECONDS):
                        await link.heard.wait()
            # drain() only waits when the buffer is full: the probes and the heartbeat come first.
            rest = 0.0 if link.outbox.wake.is_set() else REST * spent - rested
            await asyncio.sleep(min(max(rest, 0.0), REST_SECONDS))

    async def _listen(self, link: Link, reader: asyncio.StreamReader, frames: Frames, bodies: list[bytes]) -> None:
        """Take a worker's acknowledgements until it goes."""
        while True:
            for body in bodies:
                match to_control(body):
                    case Ack(generation=generation):
                        link.acknowledged = generation
                        link.heard.set()
                        self.propagation.told(self._installed(), time())
                    case Hello():
                        raise BrokenStreamError("it said Hello twice")
            chunk = await reader.read(READ_BYTES)
            if not chunk:
                return
            bodies = list(frames.feed(chunk))

    def _installed(self) -> int:
        """What every worker has that is not still loading all."""
        return min((link.acknowledged for link in self.links if link.acknowledged), default=0)

    def _advance(self) -> None:
        """The next generation; the serial is the wall clock's, but never goes back with it (RFC 1982)."""
        self.generation += 1
        self.serial = max(self.serial, int(time()))
        if self._settlements != self._truth.catalog.settlements:
            self._settlements = self._truth.catalog.settlements
            for link in self.links:
                link.outbox.types()

    def _remember(self, cluster: str, keys: Iterable[ServiceKey | None]) -> None:
        self._advance()
        for key in keys:
            if len(self._log) >= LOG_ENTRIES:
                self._forgotten = self._log.popleft()[0]
            self._log.append((self.generation, cluster, key))


async def _first(reader: asyncio.StreamReader, frames: Frames) -> tuple[Hello, list[bytes]]:
    """The Hello of a connection, and the frames that came with it."""
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            while chunk := await reader.read(READ_BYTES):
                if bodies := list(frames.feed(chunk)):
                    hello = to_control(bodies[0])
                    if isinstance(hello, Hello):
                        return hello, bodies[1:]
                    break
    except TimeoutError:
        raise BrokenStreamError(f"no Hello within {HELLO_SECONDS:g} s") from None
    raise BrokenStreamError("its first word was not Hello")
