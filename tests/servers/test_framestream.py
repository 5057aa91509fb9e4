"""Frame Streams: the handshake with readers, good and bad."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedns.servers.dnstap import CONTENT_TYPE
from fedns.servers.framestream import FrameStreamError, Writer, control
from tests.servers.collectors import ACCEPT, FINISH, READY, START, STOP, Collector


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the reader listens."""
    return tmp_path / "reader"


@pytest.fixture
def reader(path: Path, request: pytest.FixtureRequest) -> Iterator[Collector]:
    """A reader, which says what it is told to."""
    made = Collector(path, getattr(request, "param", b""))
    yield made
    made.close()


def test_frames_arrive_and_have_an_end(path: Path, reader: Collector) -> None:
    """In order, and the reader has all when it says so."""
    writer = Writer(str(path), CONTENT_TYPE, 20)
    writer.write([b"one", b"x" * 100_000])
    writer.write([b"three"])
    writer.finish()
    assert reader.frames == [b"one", b"x" * 100_000, b"three"]
    assert reader.controls == [READY, START, STOP]
    writer.close()


BAD = {
    "another type": control(ACCEPT, b"protobuf:other"),
    "no type": control(ACCEPT),
    "another word": control(FINISH, CONTENT_TYPE),
    "no control frame": b"\0\0\0\4oops",
    "a long control frame": bytes(4) + b"\0\1\0\0",
}


@pytest.mark.parametrize("reader", BAD.values(), ids=BAD, indirect=True)
@pytest.mark.usefixtures("reader")
def test_a_reader_of_something_else_is_refused(path: Path) -> None:
    """With a sentence; nothing is sent to it."""
    with pytest.raises(FrameStreamError, match="it does not"):
        Writer(str(path), CONTENT_TYPE, 20)


def test_several_types_may_be_offered(path: Path) -> None:
    """One of them is enough."""
    both = bytearray(control(ACCEPT, b"other") + control(ACCEPT, CONTENT_TYPE)[12:])
    both[4:8] = (len(both) - 8).to_bytes(4)
    reader = Collector(path, bytes(both))
    Writer(str(path), CONTENT_TYPE, 20).close()
    reader.close()


def test_nobody_there(path: Path) -> None:
    """As any other socket."""
    with pytest.raises(FileNotFoundError):
        Writer(str(path), CONTENT_TYPE, 20)


def test_a_reader_that_hangs_up(path: Path, reader: Collector) -> None:
    """Is an error at the next word."""
    writer = Writer(str(path), CONTENT_TYPE, 20)
    reader.close()
    with pytest.raises(OSError, match=r"hung up|Broken pipe|reset"):
        writer.finish()
    writer.close()
