"""What frames cost: good clients never run out of credit, floods do, in whatever pieces they come."""

from itertools import repeat

import pytest

from fedns.servers.frames import CREDIT, PREFACE_BYTES, Meter

BLOCK = 16 * 1024
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_HEADERS = 4


def frame(kind: int, size: int = 0, flags: int = 0) -> bytes:
    """A frame of zeros on stream 1."""
    return size.to_bytes(3) + bytes((kind, flags, 0, 0, 0, 1)) + bytes(size)


def affordable(stream: bytes, size: int = 1024) -> bool:
    """Whether a client that sends this, in pieces of so many bytes, is never stopped."""
    meter = Meter(BLOCK)
    stream = bytes(PREFACE_BYTES) + stream
    return all(meter.take(stream[at : at + size]) for at in range(0, len(stream), size))


FLOODS = {
    "resets": frame(HEADERS, 20, END_HEADERS) + frame(RST_STREAM, 4),
    "settings": frame(SETTINGS, 6),
    "pings": frame(PING, 8),
    "priorities": frame(PRIORITY, 5),
    "window updates": frame(WINDOW_UPDATE, 4),
    "empty data": frame(DATA),
    "unknown frames": frame(77),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("size", [1, 13, 1024])
def test_a_flood_runs_out_of_credit(flood: bytes, size: int) -> None:
    """A thousand of them are too many, a few are not."""
    assert affordable(flood * 20, size)
    assert not affordable(flood * 1000, size)


@pytest.mark.parametrize("size", [1, 13, 1024])
def test_a_header_block_is_bounded_in_all_its_frames(size: int) -> None:
    """CONTINUATION counts with what it continues; the next block starts anew."""
    block = frame(HEADERS, 8000) + frame(CONTINUATION, 8000, END_HEADERS)
    assert affordable(block * 3, size)
    assert not affordable(
        frame(HEADERS, 8000) + frame(CONTINUATION, 8000) + frame(CONTINUATION, 400, END_HEADERS), size
    )


def test_answers_pay_for_what_they_need() -> None:
    """A client that asks for ever may ask for ever, and save up no more than it had at the start."""
    meter = Meter(BLOCK)
    request = frame(HEADERS, 30) + frame(CONTINUATION, 5, END_HEADERS) + frame(DATA, 40) + frame(WINDOW_UPDATE, 4)
    assert meter.take(bytes(PREFACE_BYTES))
    for each in repeat(request, CREDIT * 3):
        assert meter.take(each)
        meter.earn()
    assert not meter.take(frame(PING, 8) * (CREDIT // 4 + 1))
