"""Asking other replicas what they serve, over real sockets: another replica's packet door answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final, cast

import pytest
from msgspec import structs

from fedns.answers import counters, digests
from fedns.answers.replica import Replica
from fedns.answers.respond import respond
from fedns.control.replicas import Others, bound, number
from fedns.federation.health import Synced
from fedns.lab.processes import free_port
from fedns.settings.schema import FAST, Address, Replicas
from tests.control.stage import Control, export, rules, until

ROUND: Final = 0.05


class Door(asyncio.DatagramProtocol):
    """Answers as a worker does, on one socket."""

    def __init__(self, held: Replica) -> None:
        self._held = held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question."""
        view = self._held.view("127.0.0.1", stream=False)
        self._transport.sendto(respond(data, view, self._held, monotonic()), addr)


@asynccontextmanager
async def door(held: Replica) -> AsyncIterator[Address]:
    """A replica that answers on a free port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Door(held), local_addr=("127.0.0.1", 0))
    try:
        yield Address(*transport.get_extra_info("sockname"))
    finally:
        transport.close()


@asynccontextmanager
async def asking(others: Others, *addresses: Address, limit: float | None = None) -> AsyncIterator[None]:
    """With these replicas asked all the while."""
    others.use(Replicas(addresses=addresses, interval=ROUND, bound=limit))
    task = asyncio.create_task(others.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


def known(control: Control) -> None:
    """A member that has been read."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.observed("eu1", Synced())


@asynccontextmanager
async def pair(path: Path) -> AsyncIterator[tuple[Control, Control, Address]]:
    """Two replicas that have read the same member, and the address where the second one's worker answers."""
    one, other = Control(rules("eu1"), path / "one", "one"), Control(rules("eu1"), path / "other", "other")
    for each in (one, other):
        known(each)
    async with other.serving(), other.worker() as held, door(held) as address:
        await other.told(held)
        yield one, other, address


async def test_a_worker_tells_what_its_control_process_tells(control: Control) -> None:
    """What a worker answers to `_digest` is what the control process makes of the truth, at first and after changes."""
    known(control)
    async with control.serving(), control.worker() as held:
        for name in ("web", "api", "db"):
            control.pipeline.changed("eu1", ("shop", name), export("eu1", name, "10.9.9.9"))
            await control.told(held)
            found = digests.digests(held.rules, held.catalog, held.statuses, held.epoch)
            assert found == control.others.mine()
        assert found.members["eu1"].services == 3


async def test_a_replica_that_differs_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It agrees; it lacks a change for longer than the bound: metric, page, log and history say so; then it has it."""
    caplog.set_level("INFO", "fedns")
    async with pair(tmp_path) as (one, other, address), asking(one.others, address, limit=3.0):
        name = str(address)
        await until(lambda: one.others.apart() == {name: 0.0}, "it agrees")
        one.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web", "10.0.0.2"))
        one.now += 3.5
        await until(lambda: one.others.known[name].since is not None, "it differs")
        assert not [each for each in caplog.messages if each.startswith("replica")]
        one.now += 3.5
        words = f"replica {name} has served something else for 3 s; eu1: other exports (1 services here, 1 there)"
        await until(lambda: words in caplog.messages, "it is told")
        assert one.others.apart()[name] >= 3.5
        (told,) = one.others.page()["replicas"]
        assert (told["verdict"], told["reasons"]) == ("disagrees", ["eu1: other exports (1 services here, 1 there)"])
        other.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web", "10.0.0.2"))
        await until(lambda: f"replica {name} serves the same again" in caplog.messages, "it agrees again")
        assert one.others.apart() == {name: 0.0}
        assert [each.kind for each in one.pipeline.history.find("", 0.0)].count("replica") == 2


async def test_a_late_change_is_no_difference(tmp_path: Path) -> None:
    """What this replica has a moment before the other one, or after it, is never told of."""
    async with pair(tmp_path) as (one, other, address), asking(one.others, address):
        agreement = one.others.known.get
        await until(lambda: str(address) in one.others.apart(), "it was asked")
        one.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web", "10.0.0.2"))
        seen = agreement(str(address))
        assert seen is not None
        heard = seen.heard
        one.now += 1
        await until(lambda: seen.heard != heard, "it was asked again")
        assert seen.since is None
        for address_now in ("10.0.0.2", "10.0.0.3"):
            other.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web", address_now))
        await until(lambda: seen.since is not None, "it is ahead")
        one.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web", "10.0.0.3"))
        await until(lambda: seen.since is None, "this one has it, too")


async def test_oneself_is_passed_over(control: Control) -> None:
    """A name may stand for all replicas: the one that asks is none of the others."""
    known(control)
    async with control.serving(), control.worker() as held, door(held) as address:
        await control.told(held)
        async with asking(control.others, address):
            await until(lambda: held.counts[counters.MISSES] > 1, "it was asked again")
            assert not control.others.known


@pytest.mark.parametrize(
    ("what", "words"),
    [
        pytest.param("refused", "response code 5: its diagnostics.allow must have this address", id="refused"),
        pytest.param("name", "its name cannot be looked up", id="unknown name"),
        pytest.param("nobody", "cannot be asked", id="nobody there"),
    ],
)
async def test_who_cannot_be_asked(what: str, words: str, tmp_path: Path) -> None:
    """Why a replica tells nothing is said in a sentence; it neither agrees nor disagrees."""
    async with pair(tmp_path) as (one, other, address):
        if what == "refused":
            other.pipeline.reload(structs.replace(other.truth.rules, diagnostics=()))
        wanted = {"name": Address("no-such-name.invalid", 53), "nobody": Address("127.0.0.1", free_port())}
        async with asking(one.others, wanted.get(what, address)):

            def why() -> str:
                return "".join(reason for each in one.others.page()["replicas"] for reason in each["reasons"])

            await until(lambda: words in why(), words)
            assert {each["verdict"] for each in one.others.page()["replicas"]} == {"unknown"}


async def test_replicas_that_are_not_asked_any_more(tmp_path: Path) -> None:
    """A configuration without them forgets what was known of them."""
    async with pair(tmp_path) as (one, _, address):
        async with asking(one.others, address):
            await until(one.others.apart, "it was asked")
            one.others.use(Replicas(addresses=(Address("127.0.0.1", free_port()),), interval=ROUND))
            await until(lambda: str(address) not in one.others.known, "another one is asked")
        one.others.use(Replicas())
        assert not one.others.known


def test_the_bound_follows_from_the_timers(control: Control) -> None:
    """Unless it is configured, it is as long as one replica may need to see what another one sees."""
    assert (control.others.bound, bound(FAST)) == (15.0, 3.0)
    control.others.use(Replicas(bound=4.0))
    assert control.others.bound == 4.0


def test_a_digest_for_each_place(control: Control) -> None:
    """One for each place that the configuration names; as a number it is exact, and equal where the digest is."""
    known(control)
    before = control.others.places()
    assert list(before) == ["anywhere (default)"] or list(before) == ["anywhere"]
    control.pipeline.changed("eu1", ("shop", "api"), export("eu1", "api"))
    after = control.others.places()
    assert number(*after.values()) != number(*before.values())
    assert number("ffffffffffff0000") == 2**48 - 1
