"""Tells every worker what it does not hold yet: a delta, or the whole, over the Unix socket that they connect to.

Every change of the truth gets the next generation number of this process (epoch). A bounded log says which names
changed in which generation, so that a worker which was away for a moment is told only those.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Iterable
from time import time
from typing import Final

from fedns.answers.wire import Ack, BrokenStreamError, Frames, Generation, Hello, frame, to_control
from fedns.control.outbox import Outbox
from fedns.control.truth import Truth
from fedns.federation.objects import ServiceKey

LOG_ENTRIES: Final = 10_000
HELLO_SECONDS: Final = 5.0
READ_BYTES: Final = 64 * 1024
WRITE_BYTES: Final = 1024 * 1024
"""Bytes that may wait in one connection's buffer; more waits in the outbox, as names."""
ACCEPT_PAUSE_SECONDS: Final = 0.1

log = logging.getLogger(__name__)


class Link:
    """One connected worker."""

    def __init__(self, hello: Hello) -> None:
        self.slot = hello.slot
        self.pid = hello.pid
        self.acknowledged = 0
        self.outbox = Outbox()


class Publisher:
    """Serves the workers; every method for news may be called before `serve` is."""

    def __init__(self, truth: Truth, epoch: str) -> None:
        self.epoch = epoch
        self.generation = 1
        self.serial = int(time())
        self.links: set[Link] = set()
        self._truth = truth
        self._log: deque[tuple[int, str, ServiceKey | None]] = deque()
        self._forgotten = 0
        self._rules_at = 1
        self._left_at: dict[str, int] = {}
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

    def left(self, cluster: str) -> None:
        """A member has left: the workers forget it."""
        self._advance()
        self._left_at[cluster] = self.generation
        for link in self.links:
            link.outbox.left(cluster)

    def whole(self, cluster: str) -> None:
        """A member was read for the first time: whatever a worker holds of it gives way."""
        self._remember(cluster, (None,))
        for link in self.links:
            link.outbox.whole(cluster)

    def changed(self, cluster: str, keys: Iterable[ServiceKey]) -> None:
        """These exports of a member are new, different or gone."""
        keys = tuple(keys)
        if not keys:
            return
        self._remember(cluster, keys)
        for link in self.links:
            link.outbox.keys(cluster, keys)

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
                await _listen(link, reader, frames, rest)
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
        if hello.epoch == self.epoch and self._forgotten <= held <= self.generation:
            link.acknowledged = held
            for cluster, at in self._left_at.items():
                if at > held:
                    outbox.left(cluster)
            for at, cluster, key in self._log:
                if at > held and key is None:
                    outbox.whole(cluster)
                elif at > held and key is not None:
                    outbox.keys(cluster, (key,))
            if self._rules_at > held:
                outbox.rules()
        else:
            outbox.rules()
            for cluster in self._truth.read:
                outbox.whole(cluster)
        outbox.members()
        self.links.add(link)
        return link

    async def _tell(self, link: Link, writer: asyncio.StreamWriter) -> None:
        """Send a worker its news, as fast as it reads."""
        while True:
            await link.outbox.wake.wait()
            for message in link.outbox.take(self._truth, Generation(self.epoch, self.generation, self.serial)):
                writer.write(frame(message))
                await writer.drain()
                # drain() only waits when the buffer is full: the probes and the heartbeat come first.
                await asyncio.sleep(0)

    def _advance(self) -> None:
        """The next generation; the serial is the wall clock's, but never goes back with it (RFC 1982)."""
        self.generation += 1
        self.serial = max(self.serial, int(time()))

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


async def _listen(link: Link, reader: asyncio.StreamReader, frames: Frames, bodies: list[bytes]) -> None:
    """Take a worker's acknowledgements until it goes."""
    while True:
        for body in bodies:
            match to_control(body):
                case Ack(generation=generation):
                    link.acknowledged = generation
                case Hello():
                    raise BrokenStreamError("it said Hello twice")
        chunk = await reader.read(READ_BYTES)
        if not chunk:
            return
        bodies = list(frames.feed(chunk))
