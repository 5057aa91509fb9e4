"""Two generations of a file: whatever stops a writer, one of them is there and whole."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedns.control.generations import Generations, UnusableFileError, content

WRITER = """
import sys
from pathlib import Path
from fedns.control.generations import Generations
at = 0
while True:
    Generations(Path(sys.argv[1])).write(b"%08d" % at for _ in range(20_000))
    at += 1
    print(flush=True)
"""


def test_the_last_and_the_one_before(tmp_path: Path) -> None:
    """A new generation makes the present one the one before; a bad one is not kept. Only this user may read them."""
    kept = Generations(tmp_path / "snapshot")
    assert content(kept.path) is None
    assert kept.write([b"one", b"!"]) == 4
    kept.write([b"two"])
    assert (content(kept.path), content(kept.before)) == (b"two", b"one!")
    assert kept.path.stat().st_mode & 0o777 == 0o600
    kept.write([b"three"], keep=False)
    assert (content(kept.path), content(kept.before)) == (b"three", b"one!")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["snapshot", "snapshot.previous"]


def test_without_hard_links_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have none."""

    def refuse(*_names: object) -> None:
        raise PermissionError

    monkeypatch.setattr("fedns.control.generations.os.link", refuse)
    kept = Generations(tmp_path / "snapshot")
    kept.write([b"one"])
    kept.path.unlink()
    kept.write([b"two"])
    kept.write([b"three"])
    assert (content(kept.path), content(kept.before)) == (b"three", b"two")


def test_a_writer_that_fails_changes_nothing(tmp_path: Path) -> None:
    """Also when the pieces themselves cannot be had."""
    kept = Generations(tmp_path / "snapshot")
    kept.write([b"one"])

    def pieces() -> Iterator[bytes]:
        yield b"two"
        raise MemoryError

    with pytest.raises(MemoryError):
        kept.write(pieces())
    assert [each.name for each in tmp_path.iterdir()] == ["snapshot"]
    assert content(kept.path) == b"one"


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """On a file system of one MiB that is full, and where a file may not grow so large."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    if mounted:
        words = ("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
        mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
        kept = Generations(folder / "snapshot")
        kept.write([bytes(400_000)])
        kept.write([bytes(500_000)])
        with pytest.raises(OSError, match=r"No space left|File too large"):
            kept.write(bytes(100_000) for _ in range(11))
        assert [each.stat().st_size for each in (kept.path, kept.before)] == [500_000, 400_000]
        assert len(list(folder.iterdir())) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
        if mounted:
            subprocess.run(("umount", str(folder)), check=True)


def test_a_writer_killed_at_any_moment_leaves_a_whole_one(tmp_path: Path) -> None:
    """Kill -9 a hundred times in the middle of writing: the last or the one before is there, whole, and never older."""
    kept = Generations(tmp_path / "snapshot")
    for turn in range(100):
        with subprocess.Popen((sys.executable, "-c", WRITER, str(kept.path)), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(turn % 10 / 2000)  # so that it is another moment of writing each time
            process.kill()
        kept.clear()
        found = [read for path in (kept.path, kept.before) if (read := content(path)) is not None]
        assert found
        assert all(read == 20_000 * read[:8] for read in found)
        assert not list(tmp_path.glob(".*"))


def test_what_others_can_write_is_not_read(tmp_path: Path) -> None:
    """Nor what is no file; what is missing is not an error."""
    path = tmp_path / "snapshot"
    path.write_bytes(b"x")
    path.chmod(0o602)
    with pytest.raises(UnusableFileError, match="others may write it"):
        content(path)
    path.chmod(0o660)
    assert content(path) == b"x", "a group that this process is of"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnusableFileError, match="it is no file"):
        content(path)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        content(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_another_user_owns_is_not_read(tmp_path: Path) -> None:
    """Nor what a foreign group may write; root may own what nobody else can write."""
    path = tmp_path / "snapshot"
    path.write_bytes(b"x")
    os.chown(path, 12345, -1)
    with pytest.raises(UnusableFileError, match="it belongs to user 12345"):
        content(path)
    os.chown(path, 0, 12345)
    path.chmod(0o660)
    with pytest.raises(UnusableFileError, match="others may write it"):
        content(path)
    path.chmod(0o640)
    assert content(path) == b"x"


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    """Its size is looked at first."""
    path = tmp_path / "snapshot"
    with path.open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(UnusableFileError, match="are allowed"):
        content(path)
