"""Workers are told over real Unix sockets: the whole, deltas, after absences, and however slowly they read."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import structs

from fedns.answers.replica import Replica
from fedns.answers.wire import (
    CHUNK,
    Ack,
    Change,
    Frames,
    Generation,
    Hello,
    Members,
    NewRules,
    Replace,
    ToControl,
    ToWorker,
    frame,
    to_worker,
)
from fedns.control import outbox, publish
from fedns.control.publish import LOG_ENTRIES
from fedns.federation.health import Freshness, Synced
from fedns.servers import feed
from tests.control.stage import Control, block, export, rules, until
from tests.control.storm import Auditor, Storm

WEB = ("shop", "web")


class Peer:
    """A worker's end of the socket, told word by word."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = Frames()
        self._waiting: list[ToWorker] = []

    def say(self, message: ToControl | bytes) -> None:
        """Send a message, or bytes that are none."""
        self._writer.write(message if isinstance(message, bytes) else frame(message))

    async def hear(self) -> list[ToWorker]:
        """All messages up to the next Generation, without it; ConnectionError when the line is closed."""
        heard: list[ToWorker] = []
        while True:
            while self._waiting:
                message = self._waiting.pop(0)
                if isinstance(message, Generation):
                    return heard
                heard.append(message)
            async with asyncio.timeout(5):
                chunk = await self._reader.read(1 << 20)
            if not chunk:
                raise ConnectionResetError
            self._waiting += map(to_worker, self._frames.feed(chunk))


@asynccontextmanager
async def peer(control: Control, epoch: str = "", generation: int = 0) -> AsyncIterator[Peer]:
    """A connection that has said Hello."""
    reader, writer = await asyncio.open_unix_connection(str(control.path))
    try:
        one = Peer(reader, writer)
        one.say(Hello(slot=1, pid=1, epoch=epoch, generation=generation))
        yield one
    finally:
        writer.close()
        await writer.wait_closed()


def kinds(messages: list[ToWorker]) -> list[type]:
    """What sort of messages these are."""
    return [type(message) for message in messages]


async def test_a_new_worker_gets_the_whole(control: Control) -> None:
    """Rules, the members that were read, every status; a member that was not read is left out."""
    many = [export("eu1", f"s{at}") for at in range(CHUNK + 1)]
    control.pipeline.replaced("eu1", many)
    control.pipeline.observed("eu1", Synced())
    async with control.serving(), control.worker() as replica:
        await control.told(replica)
        assert replica.rules == control.truth.rules
        assert set(replica.catalog.exports_of("eu1")) == set(many)
        assert {name: status.state for name, status in replica.statuses.items()} == {
            "eu1": Freshness.FRESH,
            "us1": Freshness.SYNCING,
        }
        await until(lambda: control.publisher.acknowledged == control.publisher.generation, "acknowledged")


async def test_settled_types_are_the_same_everywhere(control: Control) -> None:
    """What a service is while exports disagree is told to every worker, and to the next control process by them."""
    one, other = export("eu1", "web"), structs.replace(export("us1", "web"), headless=False, created=0)
    control.pipeline.replaced("eu1", [one])
    control.pipeline.replaced("us1", [])
    control.pipeline.changed("us1", WEB, other)
    assert control.truth.catalog.settled == {WEB: True}
    async with control.serving(), control.worker() as replica:
        await control.told(replica)
        assert replica.catalog.settled == {WEB: True}
        control.pipeline.changed("eu1", WEB, structs.replace(one, headless=False))
        await control.told(replica)
        assert replica.catalog.settled == {}
        control.pipeline.changed("eu1", WEB, one)
        await control.told(replica)
        assert replica.catalog.settled == {WEB: False}
    successor = Control(control.truth.rules, control.path, epoch="next")
    async with successor.serving(), successor.worker(replica):
        await until(lambda: replica.epoch == "next", "heard of the next one")
        successor.pipeline.replaced("eu1", [structs.replace(one, created=0)])
        successor.pipeline.replaced("us1", [structs.replace(other, created=5)])
        await successor.told(replica)
        assert replica.catalog.settled == successor.truth.catalog.settled == {WEB: False}


async def test_changes_arrive_at_once(control: Control) -> None:
    """A change of one export reaches every worker, and each says so."""
    control.pipeline.replaced("eu1", [])
    async with control.serving(), control.worker() as one, control.worker() as two:
        await control.told(one)
        await control.told(two)
        control.pipeline.changed("eu1", WEB, export("eu1", "web"))
        await control.told(one)
        await control.told(two)
        assert one.catalog.exports_of("eu1") == two.catalog.exports_of("eu1") == [export("eu1", "web")]
        control.pipeline.changed("eu1", WEB, None)
        await control.told(one)
        assert one.catalog.exports_of("eu1") == []


async def test_a_worker_that_was_away_gets_only_what_it_missed(control: Control) -> None:
    """The same epoch and a generation that the log still covers: changed names, nothing else."""
    control.pipeline.replaced("eu1", [export("eu1", "web"), export("eu1", "api")])
    held = control.publisher.generation
    control.pipeline.changed("eu1", WEB, None)
    async with control.serving(), peer(control, "epoch", held) as worker:
        assert await worker.hear() == [
            Change("eu1", *WEB, None),
            Members(tuple(control.truth.statuses.values())),
        ]


async def test_rules_are_told_again_only_when_they_changed(control: Control) -> None:
    """New rules make a worker forget every encoded answer, so it gets them only when it must."""
    held = control.publisher.generation
    async with control.serving(), peer(control, "epoch", held) as worker:
        assert kinds(await worker.hear()) == [Members]
    control.pipeline.reload(rules("eu1"))
    async with control.serving(), peer(control, "epoch", held) as worker:
        assert kinds(await worker.hear()) == [Members, NewRules, Members]


@pytest.mark.parametrize(
    ("epoch", "generation"),
    [
        pytest.param("another", 2, id="another epoch"),
        pytest.param("epoch", 10**6, id="a generation of the future"),
        pytest.param("epoch", 2, id="a generation that the log has forgotten"),
    ],
)
async def test_what_is_not_covered_gets_the_whole(control: Control, epoch: str, generation: int) -> None:
    """Nothing is assumed of a worker whose generation says nothing here."""
    control.pipeline.replaced("eu1", [])
    for at in range(LOG_ENTRIES + 1):
        control.pipeline.changed("eu1", WEB, export("eu1", "web", f"10.0.{at >> 8}.{at & 255}"))
    async with control.serving(), peer(control, epoch, generation) as worker:
        assert kinds(await worker.hear()) == [NewRules, Replace, Members]


async def test_a_new_control_process_takes_nothing_away(control: Control) -> None:
    """What a worker holds of a member stays until the new control process has read that member itself."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.observed("eu1", Synced())
    replica = Replica(block())
    async with control.serving(), control.worker(replica):
        await control.told(replica)
    second = Control(rules("eu1", "us1"), control.path, "second")
    async with second.serving(), second.worker(replica):
        await second.told(replica)
        assert replica.catalog.exports_of("eu1") == [export("eu1", "web")]
        assert replica.statuses["eu1"].synced
        second.pipeline.replaced("eu1", [export("eu1", "api")])
        await second.told(replica)
        assert replica.catalog.exports_of("eu1") == [export("eu1", "api")]


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "away"])
async def test_a_member_that_left_and_came_back_starts_anew(control: Control, *, connected: bool) -> None:
    """A re-added member counts as never read, also for a worker that never saw it leave."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.observed("eu1", Synced())
    replica = Replica(block())

    def leave_and_return() -> None:
        control.pipeline.reload(rules("us1"))
        control.pipeline.reload(rules("eu1", "us1"))

    async with control.serving(), control.worker(replica):
        await control.told(replica)
        if connected:
            leave_and_return()
            await control.told(replica)
    if not connected:
        leave_and_return()
        async with control.serving(), control.worker(replica):
            await control.told(replica)
    assert replica.catalog.exports_of("eu1") == []
    assert not replica.statuses["eu1"].synced


async def test_a_slow_worker_is_told_the_last_value(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a worker does not read, thousands of changes of one export cost one pending name, and no other worker."""
    monkeypatch.setattr(publish, "WRITE_BYTES", 4096)
    control.pipeline.replaced("eu1", [export("eu1", f"s{at}", endpoints=500) for at in range(200)])
    async with control.serving(), peer(control) as slow, control.worker() as quick:
        await until(lambda: len(control.publisher.links) == 2, "both connected")
        await control.told(quick)
        for at in range(5000):
            control.pipeline.changed("eu1", WEB, export("eu1", "web", f"10.0.{at >> 8}.{at & 255}", endpoints=10))
        assert max(link.outbox.pending for link in control.publisher.links) <= 3
        await control.told(quick)
        told = [message for _ in range(2) for message in await slow.hear()]
        assert [message for message in told if isinstance(message, Change)] == [
            Change("eu1", *WEB, export("eu1", "web", "10.0.19.135", endpoints=10))
        ]


async def test_lag_is_that_of_the_slowest(control: Control) -> None:
    """The acknowledged generation is the lowest of all connected workers."""
    async with control.serving(), peer(control) as one, control.worker() as other:
        await control.told(other)
        await one.hear()
        assert control.publisher.acknowledged == 0
        one.say(Ack(control.publisher.generation))
        await until(lambda: control.publisher.acknowledged == control.publisher.generation, "acknowledged")
    assert control.publisher.acknowledged == control.publisher.generation


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        pytest.param(frame(Ack(1)), "its first word was not Hello", id="Ack first"),
        pytest.param(b"\xff\xff\xff\xff", "is announced", id="impossible length"),
        pytest.param(b"\0\0\0\1\xc1", "MessagePack", id="no msgpack"),
        pytest.param(frame(Hello(1, 1, "", 0)) * 2, "Hello twice", id="Hello twice"),
    ],
)
async def test_nonsense_ends_one_connection_only(
    control: Control, words: bytes, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever does not speak our language is cut off and logged; the others go on."""
    caplog.set_level(logging.WARNING)
    async with control.serving(), control.worker() as replica:
        await control.told(replica)
        reader, writer = await asyncio.open_unix_connection(str(control.path))
        writer.write(words)
        async with asyncio.timeout(5):
            while await reader.read(1 << 16):
                pass
        writer.close()
        await writer.wait_closed()
        assert complaint in caplog.text
        control.pipeline.replaced("eu1", [export("eu1", "web")])
        await control.told(replica)


async def test_who_says_nothing_is_cut_off(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a Hello does not stay for ever."""
    monkeypatch.setattr(publish, "HELLO_SECONDS", 0.05)
    async with control.serving():
        reader, writer = await asyncio.open_unix_connection(str(control.path))
        async with asyncio.timeout(5):
            assert await reader.read(1) == b""
        writer.close()
        await writer.wait_closed()


async def test_the_socket_outlives_the_publisher(control: Control) -> None:
    """The next control process inherits the listener, so the path must still lead to it when one ends."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control.path))
        listener.listen()
        for _ in range(2):
            task = asyncio.create_task(control.publisher.serve(listener))
            async with control.worker() as replica:
                await control.told(replica)
            task.cancel()
            await asyncio.wait((task,))
            await until(lambda: not control.publisher.links, "closed")
        assert control.path.exists()


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_a_worker_holds_what_it_acknowledges(
    control: Control, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random news, a worker that reads slowly and reconnects: it holds what it acknowledges, and the truth in the end.

    Every bound is made small, so that all of them are met.
    """
    monkeypatch.setattr(publish, "WRITE_BYTES", 4096)
    monkeypatch.setattr(publish, "LOG_ENTRIES", 400)
    monkeypatch.setattr(outbox, "PIECE", 7)
    monkeypatch.setattr(outbox, "MAX_KEYS", 150)
    monkeypatch.setattr(feed, "READ_BYTES", 3000)
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0.0)
    storm, auditor = Storm(control, seed), Auditor(control)
    for name in ("eu1", "us1"):
        control.pipeline.replaced(name, [])
    async with control.serving():
        for _ in range(20):
            async with control.worker(auditor):
                for _ in range(storm.random.randrange(60)):
                    storm.step()
                    for _ in range(storm.random.randrange(6)):
                        await asyncio.sleep(0)
                if storm.random.random() < 0.3:
                    await control.told(auditor)
        async with control.worker(auditor):
            await control.told(auditor)
    assert auditor.audits > 20
    assert auditor.broken == []
    assert set(auditor.statuses) == set(control.truth.statuses)
    for cluster in control.truth.statuses:
        assert set(auditor.catalog.exports_of(cluster)) == set(control.truth.catalog.exports_of(cluster))
