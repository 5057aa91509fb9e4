"""Feed: a worker installs what the control process says, survives its end, and comes back with what it holds."""

import asyncio
from pathlib import Path

from fedns.answers import counters
from fedns.answers.replica import Replica
from fedns.answers.wire import Ack, Frames, Generation, Hello, Members, NewRules, ToControl, frame, to_control
from fedns.servers.feed import follow
from tests.answers.replicas import RULES, fresh


class Control:
    """The control process's side: takes one worker at a time and keeps what it says."""

    def __init__(self, generation: int, *, broken: bool = False) -> None:
        self.heard: asyncio.Queue[ToControl] = asyncio.Queue()
        self.generation = generation
        self.broken = broken
        self._writer: asyncio.StreamWriter | None = None

    def end(self) -> None:
        """This control process is gone, and its connection with it."""
        assert self._writer is not None
        self._writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say a whole truth, then listen to the end."""
        self._writer = writer
        frames = Frames()
        said = False
        while chunk := await reader.read(1000):
            for body in frames.feed(chunk):
                self.heard.put_nowait(to_control(body))
            if not said:
                said = True
                writer.write(frame(NewRules(RULES)) + frame(Members((fresh("eu1"),))))
                writer.write(frame(Generation("epoch", self.generation)))
                if self.broken:
                    writer.write((2**32 - 1).to_bytes(4))
        writer.close()


async def test_a_worker_follows_across_restarts_and_broken_streams(tmp_path: Path) -> None:
    """Hello says what is held, each generation is acknowledged, and a new control process is found by itself."""
    path = str(tmp_path / "control")
    held = Replica(memoryview(bytearray(counters.BYTES)).cast("Q"))
    feed = asyncio.create_task(follow(path, 3, held))
    expected = ""
    for control in (Control(5), Control(6, broken=True), Control(7)):
        server = await asyncio.start_unix_server(control.talk, path)
        async with asyncio.timeout(5):
            hello = await control.heard.get()
            assert isinstance(hello, Hello)
            assert (hello.slot, hello.epoch) == (3, expected)
            assert hello.clusters == (RULES.clusters if expected else ())
            assert await control.heard.get() == Ack(control.generation)
        expected = "epoch"
        assert held.loaded
        server.close()
        control.end()
    feed.cancel()
    await asyncio.wait([feed])
    assert held.generation == 7
