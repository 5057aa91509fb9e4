"""A worker's line to the control process: connect for ever, say what is held, install what is said.

When the control process is gone, the worker goes on answering and ages the members by its own clock; it never exits.
"""

import asyncio
import logging
import os
from time import monotonic
from typing import Final

from fedns.answers.replica import Replica
from fedns.answers.wire import Ack, BrokenStreamError, Frames, Generation, Hello, frame, to_worker, types_of

RETRY_SECONDS: Final = 0.1
READ_BYTES: Final = 256 * 1024

log = logging.getLogger(__name__)


async def follow(path: str, slot: int, replica: Replica) -> None:
    """Follow the control process that listens on the Unix socket `path`; returns only when cancelled."""
    while True:
        held = replica.generation
        try:
            await _follow_once(path, slot, replica)
            reason = "it closed the connection"
        except (OSError, BrokenStreamError) as error:
            reason = str(error)
        if replica.generation != held:
            log.warning("worker %d lost the control process (%s); it answers from what it holds", slot, reason)
        await asyncio.sleep(RETRY_SECONDS)


async def _follow_once(path: str, slot: int, replica: Replica) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        hello = Hello(
            slot=slot,
            pid=os.getpid(),
            epoch=replica.epoch,
            generation=replica.generation,
            types=types_of(replica.catalog),
            clusters=replica.rules.clusters,
        )
        writer.write(frame(hello))
        frames = Frames()
        while chunk := await reader.read(READ_BYTES):
            for body in frames.feed(chunk):
                message = to_worker(body)
                replica.apply(message, monotonic())
                if isinstance(message, Generation):
                    writer.write(frame(Ack(message.generation)))
            # A large catalog arrives in many chunks: packets are answered between them.
            await asyncio.sleep(0)
    finally:
        writer.close()
