"""Counters: every kind of reply has a word of its own, inside the block."""

import pytest

from fedns.answers import counters


@pytest.fixture
def block() -> memoryview:
    """An empty block."""
    return memoryview(bytearray(counters.BYTES)).cast("Q")


def test_no_two_kinds_of_reply_share_a_word() -> None:
    """Transport, family, type and rcode select one word each, all before the durations."""
    words = {
        counters.reply_word(stream=stream, family=family, qtype=qtype, rcode=rcode)
        for stream in (False, True)
        for family in (4, 6)
        for qtype in [*counters.TYPE_NUMBERS, 60_000]
        for rcode in [*counters.RCODE_NUMBERS, 23]
    }
    assert len(words) == counters.REPLIES_END - counters.REPLIES
    assert (min(words), max(words) + 1) == (counters.REPLIES, counters.REPLIES_END)
    assert counters.DURATION_SUMS + len(counters.TRANSPORTS) <= counters.WORDS
    assert counters.DROPS + len(counters.DROP_REASONS) <= counters.REPLIES


def test_replies_are_read_back_under_their_names(block: memoryview) -> None:
    """What was counted comes back with transport, family, type and rcode; an unreadable type is `other`."""
    block[counters.reply_word(stream=True, family=6, qtype=33, rcode=3)] += 2
    block[counters.reply_word(stream=False, family=4, qtype=None, rcode=1)] += 1
    assert list(counters.replies(block)) == [("udp", "1", "other", "FORMERR", 1), ("tcp", "2", "SRV", "NXDOMAIN", 2)]


def test_drops_and_durations_are_read_back(block: memoryview) -> None:
    """Drops come by reason, durations by bucket and sum in seconds, each transport apart."""
    block[counters.DROPS] = 7
    block[counters.DURATIONS + counters.DURATION_BUCKETS + 3] = 4
    block[counters.DURATION_SUMS + 1] = 5_000
    assert counters.drops(block)["malformed"] == 7
    counts, seconds = counters.durations(block, "tcp")
    assert counts[3] == sum(counts) == 4
    assert seconds == pytest.approx(5e-6)
    assert sum(counters.durations(block, "udp")[0]) == 0


def test_bucket_bounds_rise_to_infinity() -> None:
    """One bound for each bucket; the last one takes everything."""
    bounds = counters.bucket_bounds()
    assert len(bounds) == counters.DURATION_BUCKETS
    assert bounds == sorted(bounds)
    assert bounds[-1] == float("inf")
