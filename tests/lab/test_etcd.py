"""Etcd: a copy is made of files at rest and comes back whole; a real one is met in the real tier."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fedns.lab.etcd import Etcd, run

SLEEPER = "#!/bin/sh\necho started\nexec sleep 60\n"
"""Stands for the binary: what is tested is what happens around it."""


@pytest_asyncio.fixture
async def etcd(tmp_path: Path) -> AsyncIterator[Etcd]:
    """An etcd that only sleeps, and whose files are the test's."""
    binary = tmp_path / "binary"
    binary.write_text(SLEEPER)
    binary.chmod(0o700)
    made = Etcd(binary, tmp_path)
    (tmp_path / "etcd").mkdir()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def test_an_older_copy_comes_back(etcd: Etcd, tmp_path: Path) -> None:
    """What was written after the copy is gone, what was deleted is there again, and another process runs."""
    files = tmp_path / "etcd"
    (files / "old").write_text("old")
    await etcd.copy(tmp_path / "copy")
    before = etcd.pid
    (files / "old").unlink()
    (files / "new").write_text("new")
    await etcd.restore(tmp_path / "copy")
    assert {each.name: each.read_text() for each in files.iterdir()} == {"old": "old"}
    assert etcd.pid != before


async def test_a_copy_can_fail_and_etcd_goes_on(etcd: Etcd, tmp_path: Path) -> None:
    """A copy that stands already is no place for another; the process is thawed all the same."""
    await etcd.copy(tmp_path / "copy")
    with pytest.raises(FileExistsError):
        await etcd.copy(tmp_path / "copy")
    state = Path(f"/proc/{etcd.pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert state != "T"


async def test_what_a_process_says_is_kept(tmp_path: Path) -> None:
    """Its words are appended to its log: a restart does not hide why the first one ended."""
    binary = tmp_path / "binary"
    binary.write_text("#!/bin/sh\necho $1\n")
    binary.chmod(0o700)
    for word in ("one", "two"):
        assert await (await run(binary, (word,), tmp_path / "log")).wait() == 0
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
