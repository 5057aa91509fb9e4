"""The snapshot file: written as things change, read at the start, never trusted further than its sum."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import pytest
from msgspec import msgpack, structs

from fedns.answers.snapshot import unpack
from fedns.control import preserving
from fedns.control.explaining import Explaining
from fedns.control.generations import Generations
from fedns.federation.health import Alive, Freshness, Synced
from fedns.settings.schema import ClientsFrom, Kept, Kubeconfig, Local, Member, Settings
from tests.control.stage import Control, export, node, rules, until


def settings(path: Path, **more: float) -> Settings:
    """Two members, and the file."""
    clusters = rules("eu1", "us1").clusters
    members = tuple(Member(cluster=each, kubeconfig=Kubeconfig(path="/nowhere")) for each in clusters)
    return Settings(clusters=members, snapshot=Kept(path=str(path), **{"interval": 0.05, **more}))


def made(path: Path) -> Control:
    """Another control process."""
    return Control(rules("eu1", "us1"), path, "later")


def read(control: Control, *names: str) -> None:
    """Both members are read; eu1 exports these."""
    control.pipeline.replaced("eu1", [export("eu1", each) for each in names])
    control.pipeline.observed("eu1", Synced())
    control.pipeline.replaced("us1", [export("us1", "api", "10.2.0.1")])
    control.pipeline.observed("us1", Synced())


@asynccontextmanager
async def keeping_at(control: Control, kept: Kept | None) -> AsyncIterator[asyncio.Task[None]]:
    """With the keeper at work."""
    control.keeper.use(kept)
    task = asyncio.create_task(control.keeper.run())
    yield task
    task.cancel()
    await asyncio.wait((task,))


def names(control: Control) -> set[str]:
    """The services that are known."""
    return {name for _, name in set(control.truth.catalog.keys())}


async def test_it_is_written_as_things_change(control: Control, tmp_path: Path) -> None:
    """Nothing before something was read, then every change, and nothing while there is none."""
    path = tmp_path / "snapshot"
    async with keeping_at(control, settings(path).snapshot):
        await asyncio.sleep(0)
        assert not path.exists()
        read(control, "web")
        await until(path.exists, "a snapshot")
        await until(lambda: control.keeper.bytes == path.stat().st_size, "it is known")
        assert unpack(path.read_bytes()).exports().keys() == {"eu1", "us1"}
        control.pipeline.changed("eu1", ("shop", "new"), export("eu1", "new"))
        await until(lambda: "new" in {each.name for each in unpack(path.read_bytes()).exports()["eu1"]}, "the change")
        kept = settings(path).snapshot
        assert kept is not None
        await until(lambda: not control.keeper._due(kept), "it is known that all is written")
        settled = control.keeper.written["success"]
        control.pipeline.observed("eu1", Alive())
        await asyncio.sleep(0.2)
        assert control.keeper.written == {"success": settled, "failure": 0}


async def test_what_does_not_change_is_written_again(control: Control, tmp_path: Path) -> None:
    """It is as true as when it was written first: its age must not grow until nobody uses it."""
    async with keeping_at(control, settings(tmp_path / "snapshot", max_age=1.0).snapshot):
        read(control, "web")
        await until(lambda: control.keeper.written["success"] >= 3, "it is refreshed")


async def test_a_restart_knows_what_was_known(control: Control, tmp_path: Path) -> None:
    """Marked as restored, with the age of each member; what is read then replaces it, member by member."""
    path = tmp_path / "snapshot"
    read(control, "web", "old")
    control.keeper.use(settings(path).snapshot)
    await control.keeper.close()
    later = made(tmp_path / "second")
    assert later.keeper.restore(settings(path))
    assert later.keeper.read == {"restored": 1, "ignored": 0}
    assert names(later) == {"web", "old", "api"}
    assert {name: each.state for name, each in later.truth.statuses.items()} == {
        "eu1": Freshness.RESTORED,
        "us1": Freshness.RESTORED,
    }
    async with later.serving(), later.worker() as replica:
        await later.told(replica)
        assert replica.statuses["eu1"].state == Freshness.RESTORED
        later.pipeline.replaced("eu1", [export("eu1", "web")])
        later.pipeline.observed("eu1", Synced())
        await later.told(replica)
        await until(lambda: replica.statuses["eu1"].state == Freshness.FRESH, "eu1 is fresh")
        assert set(replica.catalog.keys()) == {("shop", "web"), ("shop", "api")}
        assert replica.statuses["us1"].state == Freshness.RESTORED
    assert later.truth.restored == {"us1"}


async def test_what_a_worker_has_read_is_never_replaced_by_a_snapshot(control: Control, tmp_path: Path) -> None:
    """A new control process that knows less than a worker which lived on takes nothing from it."""
    path = tmp_path / "snapshot"
    read(control, "web")
    control.keeper.use(settings(path).snapshot)
    await control.keeper.close()
    async with control.serving(), control.worker() as replica:
        control.pipeline.changed("eu1", ("shop", "new"), export("eu1", "new"))
        control.pipeline.changed("eu1", ("shop", "web"), None)
        await control.told(replica)
        await until(lambda: replica.statuses["eu1"].state == Freshness.FRESH, "eu1 is fresh")
    later = made(tmp_path / "second")
    assert later.keeper.restore(settings(path))
    async with later.serving(), later.worker(replica):
        await later.told(replica)
        assert {key[1] for key in set(replica.catalog.keys())} == {"new", "api"}
        assert replica.statuses["eu1"].state != Freshness.RESTORED


async def test_a_restored_member_is_kept_by_the_next_snapshot(control: Control, tmp_path: Path) -> None:
    """One member is read again, the other stays away over two restarts: nothing of it is lost, and its age goes on."""
    path = tmp_path / "snapshot"
    read(control, "web")
    control.keeper.use(settings(path).snapshot)
    await control.keeper.close()
    for at in range(2):
        later = made(tmp_path / f"control{at}")
        later.keeper.use(settings(path).snapshot)
        assert later.keeper.restore(settings(path))
        later.pipeline.replaced("eu1", [export("eu1", f"web{at}")])
        later.pipeline.observed("eu1", Synced())
        await later.keeper.close()
        assert names(later) == {f"web{at}", "api"}
    assert later.truth.statuses["us1"].alive <= control.truth.statuses["us1"].alive + 0.5


def broken(whole: bytes) -> dict[str, bytes]:
    """What may become of a file."""
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    heading = msgpack.decode(whole[19 : 19 + int.from_bytes(whole[15:19])])
    assert heading["format"] == 1
    return {"nothing": b"", "flipped": bytes(flipped), "text": b"hello", "longer": whole + b"x"}


async def test_whatever_becomes_of_the_last_one_the_one_before_is_used(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Cut at each of 200 places, a bit changed, or another file: a sentence, and the previous state."""
    path = tmp_path / "snapshot"
    control.keeper.use(settings(path).snapshot)
    for name in ("before", "last"):
        read(control, name)
        await control.keeper.close()
    whole = path.read_bytes()
    cuts = {f"cut at {at}": whole[:at] for at in range(0, len(whole), max(1, len(whole) // 200))}
    assert len(cuts) >= 200
    for what, content in (cuts | broken(whole)).items():
        path.write_bytes(content)
        caplog.clear()
        later = made(tmp_path / "second")
        assert later.keeper.restore(settings(path)), what
        assert names(later) == {"before", "api"}, what
        assert later.keeper.read == {"restored": 1, "ignored": 1}, what
        assert "is not used" in caplog.text, what
    # The bad one is not kept as the one before when it is replaced.
    later.keeper.use(settings(path).snapshot)
    read(later, "next")
    await later.keeper.close()
    assert unpack(path.read_bytes()).exports()["eu1"] == [export("eu1", "next")]
    assert unpack(Generations(path).before.read_bytes()).exports()["eu1"] == [export("eu1", "before")]


async def test_a_snapshot_that_is_too_old_is_told_and_left(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another run of the machine the wall clock tells its age; in the same one the steady clock does."""
    path = tmp_path / "snapshot"
    read(control, "web")
    control.keeper.use(settings(path).snapshot)
    await control.keeper.close()
    now = time()
    monkeypatch.setattr(preserving, "time", lambda: now + 90_000)
    assert made(tmp_path / "second").keeper.restore(settings(path)), "the wall clock jumped a day, nothing else did"
    monkeypatch.setattr(preserving, "boot", lambda: "another run")
    assert not made(tmp_path / "second").keeper.restore(settings(path))
    assert "it is 25.0 h old, older than snapshot.maxAge" in caplog.text
    monkeypatch.setattr(preserving, "time", lambda: now - 90_000)
    assert made(tmp_path / "second").keeper.restore(settings(path))
    assert "the clock was set back" in caplog.text


async def test_a_member_that_is_too_old_is_not_restored(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A snapshot of nothing else is none."""
    path = tmp_path / "snapshot"
    control.now -= 100
    read(control, "web")
    control.keeper.use(settings(path).snapshot)
    await control.keeper.close()
    assert not made(tmp_path / "second").keeper.restore(settings(path, max_age=50.0))
    assert "eu1: not restored" in caplog.text


async def test_a_disk_that_fails_costs_only_the_snapshot(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it begins and one when it ends; all failures are counted."""
    caplog.set_level("INFO")
    folder = tmp_path / "not-yet"
    async with keeping_at(control, settings(folder / "snapshot").snapshot):
        read(control, "web")
        await until(lambda: control.keeper.written["failure"] >= 3, "it fails again and again")
        assert caplog.text.count("cannot be written: No such file or directory") == 1
        folder.mkdir()
        await until(lambda: control.keeper.written["success"], "it is written")
    assert "is written again" in caplog.text
    assert not control.keeper.fault


async def test_without_a_file_nothing_is_kept(control: Control, tmp_path: Path) -> None:
    """Off is off, and may be changed while it runs."""
    path = tmp_path / "snapshot"
    off = Settings(clusters=())
    assert not control.keeper.restore(off)
    assert not control.keeper.restore(settings(path)), "there is none yet"
    assert control.keeper.read == {"restored": 0, "ignored": 0}
    read(control, "web")
    async with keeping_at(control, None):
        await asyncio.sleep(0)
        control.keeper.use(settings(path).snapshot)
        await until(path.exists, "a snapshot")
        control.keeper.use(None)
    await control.keeper.close()


async def test_a_last_snapshot_does_not_hold_up_the_end(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs is given up on."""
    path = tmp_path / "snapshot"
    read(control, "web")
    control.keeper.use(settings(path).snapshot)
    monkeypatch.setattr(preserving, "FINAL_SECONDS", 0.05)
    os.mkfifo(Generations(path)._new)
    await asyncio.sleep(0)
    task = asyncio.create_task(control.keeper.close())
    await until(task.done, "the end")
    assert "no last snapshot" in caplog.text
    # Let the thread that waits for a reader of the pipe go.
    os.close(os.open(Generations(path)._new, os.O_RDONLY | os.O_NONBLOCK))


async def test_a_restart_knows_where_clients_are(tmp_path: Path) -> None:
    """The nodes are kept, and told to workers before the local cluster can be read."""
    path = tmp_path / "snapshot"
    first = Control(rules("eu1", local="eu1"), tmp_path / "first")
    read(first, "web")
    first.pipeline.located("eu1", {"n1": node(1, "eu-b")}, whole=True)
    first.keeper.use(settings(path).snapshot)
    await first.keeper.close()
    later = Control(rules("eu1", local="eu1"), tmp_path / "later")
    now = structs.replace(settings(path), local=Local(cluster="eu1"), clients_from=ClientsFrom(nodes=True))
    assert later.keeper.restore(now)
    async with later.serving(), later.worker() as replica:
        await later.told(replica)
        await until(lambda: replica.view("10.64.1.7", stream=False).client.location.zone == "eu-b", "it is known")
        found = Explaining(later.truth).page("shop/web", "10.64.1.7")
        assert found["location"]["rule"] == "node n1"
