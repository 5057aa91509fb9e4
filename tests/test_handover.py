"""Handing over: sockets go to a successor of the same user that speaks the same version, and nothing is lost by it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import pytest

from fedns import handover
from fedns.client import Ask, ClientError, ask
from fedns.handover import HandoverError, Offer, Succession
from fedns.lab.processes import free_port
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import SERVICE, World
from fedns.listening import open_sockets
from fedns.settings.schema import Address
from tests.lab.worlds import running, until

TAKEOVERS = 2


@pytest.fixture
def address() -> Address:
    """One that nobody else listens on."""
    return Address("127.0.0.1", free_port())


@pytest.fixture
def sockets(address: Address) -> Iterator[list[socket.socket]]:
    """As the supervisor opens them."""
    opened = open_sockets((address,))
    yield opened
    for each in opened:
        each.close()


class Polled:
    """An offer whose owner goes round, in a thread."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.over = False
        self._stop = False
        offer.poll()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop and not self.over:
            self.over = self.offer.poll()

    def end(self, seconds: float = 0.0) -> None:
        """Stop going round, after so long."""
        self._thread.join(seconds)
        self._stop = True
        self._thread.join()
        self.offer.close()


@pytest.fixture
def polled(address: Address, sockets: list[socket.socket]) -> Iterator[Polled]:
    """Somebody who hands over."""
    each = Polled(Offer((address,), sockets))
    yield each
    each.end()


def test_a_successor_gets_the_same_sockets(address: Address, sockets: list[socket.socket], polled: Polled) -> None:
    """Both kinds, found by address; each learns of the other what it must know."""
    other = Succession([address])
    assert other.pid == os.getpid()
    assert other.take(socket.SOCK_DGRAM, "127.0.0.1", 1) is None
    taken = open_sockets((address,), succession=other)
    assert [each.getsockname() for each in taken] == [each.getsockname() for each in sockets]
    assert [each.type for each in taken] == [socket.SOCK_STREAM, socket.SOCK_DGRAM]
    assert not other.sockets
    assert (polled.over, other.lost) == (False, False)
    other.done()
    polled.end(10)
    assert (polled.over, other.lost) == (True, True)
    other.close()
    for each in taken:
        each.close()


def test_one_that_goes_away_has_changed_nothing(address: Address, polled: Polled) -> None:
    """The next one gets the sockets."""
    Succession([address]).close()
    other = Succession([address])
    assert len(other.sockets) == 2
    other.close()
    assert not polled.over


def test_nobody_to_take_over_from(address: Address) -> None:
    """A sentence with the address and the cure."""
    with pytest.raises(HandoverError, match="start this one without --takeover"):
        Succession([address])


@pytest.mark.parametrize(
    ("attribute", "value", "sentence"),
    [
        pytest.param("FORMAT", 2, "it speaks version 1 of the handover, the new one version 2", id="another version"),
        pytest.param("_user", lambda _each: 12345, "it runs as user 12345", id="another user"),
    ],
)
@pytest.mark.usefixtures("polled")
def test_what_does_not_fit_is_refused(
    address: Address, attribute: str, value: object, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sentence that says which process says so, and why."""
    asked = json.dumps

    def told(words: dict[str, object]) -> str:
        return asked(words | {"format": 2} if "pid" not in words and attribute == "FORMAT" else words)

    monkeypatch.setattr("fedns.handover.json.dumps", told)
    if attribute == "_user":
        monkeypatch.setattr(handover, attribute, value)
    with pytest.raises(HandoverError, match=sentence):
        Succession([address])


def test_strange_words_get_nothing(address: Address, polled: Polled) -> None:
    """What is no question of a successor is refused; who asks nothing does not hold up the next one for ever."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(handover._name([address]))
        stranger.settimeout(5)
        stranger.send(b"hello")
        assert "does not know" in json.loads(stranger.recv(4096))["refused"]
        assert not stranger.recv(4096), "it is hung up on, so that it cannot say that it is done"
    Succession([address]).close()
    assert not polled.over


def test_one_that_says_nothing_holds_up_nobody(
    address: Address, polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the next one has its turn."""
    monkeypatch.setattr(handover, "PATIENCE_SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.connect(handover._name([address]))
        silent.settimeout(10)
        assert not silent.recv(4096)
        monkeypatch.undo()
        Succession([address]).close()
    assert not polled.over


def test_process_1_does_not_hand_over(
    address: Address, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Its end would end the container, and the successor with it."""
    request.getfixturevalue("polled")
    monkeypatch.setattr("fedns.handover.os.getpid", lambda: 1)
    with pytest.raises(HandoverError, match="replace the pod"):
        Succession([address])


@asynccontextmanager
async def stream(world: World) -> AsyncIterator[dict[str, int]]:
    """Questions over UDP and TCP all the while, each from a socket of its own, asked once; what became of them."""
    counts = {"good": 0, "lost": 0, "wrong": 0, "marked": 0}
    expected = sorted(world.deployments["eu1"].addresses("eu-west-a"))
    source = world.plan[0].source("eu-west-a")

    async def one(*, tcp: bool) -> None:
        while True:
            question = Ask(SERVICE, "A", ("127.0.0.1", world.port), source, stream=tcp, timeout=5.0, tries=1)
            try:
                reply = await ask(question)
            except ClientError:
                counts["lost"] += 1
                continue
            counts["good" if sorted(addresses_of(reply)) == expected else "wrong"] += 1
            counts["marked"] += bool(extended_errors(reply))

    tasks = [asyncio.create_task(one(tcp=tcp)) for tcp in (False, False, False, True)]
    yield counts
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def successor(world: World, *words: str) -> asyncio.subprocess.Process:
    """Another `fedns serve --takeover` with the same configuration."""
    with (world.directory / "fedns.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fedns", "serve", "--takeover", "--config", str(world.config), *words),
            stdout=log,
            stderr=log,
        )


@pytest.mark.timeout(180)
async def test_no_query_is_lost_over_several_takeovers(tmp_path: Path) -> None:
    """One after the other: the one that ran ends with 0, answers are right and unmarked all the while."""
    async with running(tmp_path, members=2) as world:
        async with stream(world) as counts:
            for _ in range(TAKEOVERS):
                before = world._server
                await world.succeed()
                assert before is not None
                assert before.returncode == 0
                seen = counts["good"]
                await until(lambda seen=seen: counts["good"] > seen + 100)
        assert (counts["lost"], counts["wrong"], counts["marked"]) == (0, 0, 0), counts
        world.deployments["eu1"].scale("eu-west-a", 5)
        await world.deploy()

        async def followed() -> bool:
            reply = await world.ask(SERVICE, source=world.plan[0].source("eu-west-a"))
            return reply is not None and len(addresses_of(reply)) == 5

        await until(followed)
        await until(world.is_ready)


@pytest.mark.timeout(120)
async def test_a_successor_that_ends_too_soon_changes_nothing(tmp_path: Path) -> None:
    """Told to stop while it still reads a member that hangs: the one that runs goes on."""
    async with running(tmp_path, members=2) as world:
        await world.clusters["eu2"].fault("hang")
        async with stream(world) as counts:
            new = await successor(world)
            await until(lambda: "taking over from process" in (tmp_path / "fedns.log").read_text())
            new.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(new.wait(), 30) == 1
            seen = counts["good"]
            await until(lambda: counts["good"] > seen + 50)
        assert world._server is not None
        assert world._server.returncode is None
        assert counts["lost"] == counts["wrong"] == 0


async def test_without_one_to_take_over_from_it_does_not_start(tmp_path: Path) -> None:
    """Exit code 1 and a sentence."""
    async with World(tmp_path, members=1, port=free_port()) as world:
        new = await successor(world)
        assert await asyncio.wait_for(new.wait(), 30) == 1
        assert "start this one without --takeover" in (tmp_path / "fedns.log").read_text()
