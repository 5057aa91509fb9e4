"""Names in messages: pointers stay right and cheap, and walking over a name follows none."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.answers.compression import MAX_NAME_BYTES, after_name, labels_of, put_name

OUTSIDE = -1

ENDS: dict[str, tuple[bytes, int]] = {
    "root": (b"\0rest", 1),
    "labels": (b"\3web\4shop\0rest", 10),
    "pointer alone": (b"\xc0\x0crest", 2),
    "pointer after a label": (b"\3web\xff\xffrest", 6),
    "the longest name": (b"\1a" * 127 + b"\0", 255),
    "one byte longer": (b"\1a" * 126 + b"\2aa" + b"\0", OUTSIDE),
    "label type 0x40": (b"\x40rest", OUTSIDE),
    "label type 0x80": (b"\3web\x80rest", OUTSIDE),
    "cut in a label": (b"\3we", OUTSIDE),
    "cut before the root": (b"\3web", OUTSIDE),
    "nothing": (b"", OUTSIDE),
}


@pytest.mark.parametrize(("packet", "end"), ENDS.values(), ids=ENDS.keys())
def test_a_name_ends_with_the_root_or_a_pointer(packet: bytes, end: int) -> None:
    """A pointer ends a name and is not followed; what is no name ends beyond the packet."""
    found = after_name(packet, 0)
    assert found == end if end != OUTSIDE else found > len(packet)


LABELS = st.lists(st.binary(min_size=1, max_size=6), max_size=12)


def wire(labels: list[bytes]) -> bytes:
    """A name in wire form."""
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


@given(st.lists(LABELS, max_size=30), st.sampled_from([12, 0x3FF0, 0x3FFF, 0x4000, 0x5000]))
def test_written_names_read_back(names: list[list[bytes]], start: int) -> None:
    """The oracle reads every name as it was meant, wherever in the message it stands."""
    out = bytearray(start)
    pointers: dict[bytes, bytes] = {}
    for labels in names:
        at = len(out)
        put_name(out, pointers, wire(labels))
        assert dns.name.from_wire(bytes(out), at)[0] == dns.name.Name([*labels, b""])
        assert after_name(bytes(out), at) == len(out)


def test_case_does_not_hinder_a_pointer() -> None:
    """Names that differ in case only share their bytes (RFC 4343), and the first one's case stays."""
    out = bytearray(12)
    pointers: dict[bytes, bytes] = {}
    put_name(out, pointers, b"\3Web\4SHOP\0")
    put_name(out, pointers, b"\3web\4shop\0")
    assert out[12:] == b"\3Web\4SHOP\0\xc0\x0c"


@pytest.mark.parametrize(("start", "pointed"), [(0x3FFF, True), (0x4000, False)], ids=["last offset", "first beyond"])
def test_no_pointer_leads_beyond_14_bits(start: int, *, pointed: bool) -> None:
    """A name that starts at 0x4000 or later is never pointed at (RFC 1035 section 4.1.4)."""
    out = bytearray(start)
    pointers: dict[bytes, bytes] = {}
    put_name(out, pointers, b"\3web\0")
    put_name(out, pointers, b"\3web\0")
    assert out[start:] == b"\3web\0" + (b"\xff\xff" if pointed else b"\3web\0")


class Counting(dict[bytes, bytes]):
    """Pointers that count how often they were asked."""

    asked = 0

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:  # type: ignore[override]  # narrower on purpose
        """One look-up."""
        self.asked += 1
        return super().get(key, default)


def test_work_is_bounded_by_the_bytes_written() -> None:
    """The worst names (127 labels, no suffix in common) cost one look-up for each two bytes of output."""
    out = bytearray(12)
    pointers = Counting()
    for at in range(250):
        last = bytes((1, at // 16 + 128, 1, at % 16 + 128))
        put_name(out, pointers, (b"\1a" * 125 + last)[: MAX_NAME_BYTES - 1] + b"\0")
    assert pointers.asked <= len(out) / 2 + 250


def test_labels() -> None:
    """The labels of a name as they are, without the root."""
    assert list(labels_of(b"\3Web\1.\0")) == [b"Web", b"."]
    assert list(labels_of(b"\0")) == []
