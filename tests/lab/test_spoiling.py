"""What faults do to bytes."""

import json
import zlib
from typing import Any

import msgspec
import pytest

from fedns.lab import spoiling
from fedns.lab.faults import Faults, parse

PATH = "/api/v1/services"
LINE = b'{"type":"ADDED","object":{"kind":"Service","metadata":{"name":"a","uid":"u"},"spec":{}}}\n'
LIST = b'{"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}\n'


def faults(text: str) -> Faults:
    """This fault, on."""
    made = Faults()
    made.set(parse(text))
    return made


def spoilt(kind: str, content: bytes = LINE) -> bytes:
    """What becomes of a line."""
    return spoiling.garble(content, faults(f"garble={kind}"), PATH)


def test_a_bit_is_flipped() -> None:
    """One bit differs, and no more."""
    new = spoilt("bits")
    assert len(new) == len(LINE)
    assert sum((a ^ b).bit_count() for a, b in zip(new, LINE, strict=True)) == 1
    assert spoiling.garble(b"", faults("garble=bits"), PATH) == b""


def test_it_is_no_utf8() -> None:
    """JSON that cannot be read as text."""
    with pytest.raises(UnicodeDecodeError):
        spoilt("utf8").decode()


def test_two_values_stand_on_one_line() -> None:
    """The whole of it twice, with one end of line."""
    new = spoilt("twice")
    assert new.count(b"\n") == 1
    assert new == LINE.strip() + LINE


@pytest.mark.parametrize(("content", "field"), [(LINE, "type"), (LIST, "kind")], ids=["event", "list"])
def test_the_type_is_unknown(content: bytes, field: str) -> None:
    """Well-formed, and of no type that there is."""
    assert json.loads(spoilt("type", content))[field].upper() == "NONSENSE"


@pytest.mark.parametrize("content", [LINE, LIST], ids=["event", "list"])
def test_objects_miss_their_metadata(content: bytes) -> None:
    """The object has none; a list keeps its version."""
    new: dict[str, Any] = json.loads(spoilt("fields", content))
    item = new["object"] if "object" in new else new["items"][0]
    assert "metadata" not in item
    if "items" in new:
        assert new["metadata"] == {"resourceVersion": "7"}


def test_a_cut_ends_the_reply_in_the_middle_of_a_line() -> None:
    """What stood before is there, and half of the line."""
    with pytest.raises(spoiling.CutError) as cut:
        spoilt("cut")
    assert cut.value.args == (LINE[: len(LINE) // 2],)
    some = faults("garble=cut:0.5")
    with pytest.raises(spoiling.CutError) as cut:
        spoiling.block(LINE * 50, some, PATH)
    assert len(cut.value.args[0]) % len(LINE) == len(LINE) // 2


def test_a_rate_spares_the_rest() -> None:
    """Some lines are spoilt and some are not; without the fault none is."""
    lines = spoiling.block(LINE * 100, faults("garble=type:0.3"), PATH).splitlines(keepends=True)
    assert 0 < lines.count(LINE) < 100
    assert spoiling.block(LINE, Faults(), PATH) == LINE
    assert spoiling.garble(LINE, Faults(), PATH) == LINE


async def test_a_huge_object_has_the_size_asked_for() -> None:
    """It is JSON, in a stream and at the end of a list, whether there is something in it or not."""
    huge = faults("huge=100KiB")
    event = json.loads(b"".join([piece async for piece in spoiling.beginning(huge, PATH)]))
    assert len(event["object"]["metadata"]["annotations"]["lab"]) == 100 * 1024
    for body, count in ((LIST, 2), (b'{"kind":"ServiceList","items":[]}\n', 1)):
        whole = b"".join([piece async for piece in spoiling.extended(body, spoiling.more(huge, PATH))])
        items = json.loads(whole)["items"]
        assert len(items) == count
        assert len(items[-1]["metadata"]["annotations"]["lab"]) == 100 * 1024


async def test_a_deep_object_is_deeper_than_a_parser_goes() -> None:
    """So many brackets, all of them closed."""
    event = b"".join([piece async for piece in spoiling.beginning(faults("deep=100000"), PATH)])
    assert event.count(b"[") == event.count(b"]") == 100_000
    with pytest.raises(RecursionError):
        msgspec.json.decode(event)


def test_a_bomb_is_small_and_unpacks_to_its_size() -> None:
    """What was to be said, and white space; a thousandth of it on the wire."""
    bomb = parse("bomb=8MiB")
    content = spoiling.packed(LIST, bomb)
    assert len(content) < 32 * 1024
    first = zlib.decompressobj(31)
    assert first.decompress(content) == LIST
    assert zlib.decompressobj(31).decompress(first.unused_data) == b" " * (8 << 20)
