"""Counters: every kind of reply has a word of its own, inside the block."""

import pytest

from fedns.answers import counters


@pytest.fixture
def block() -> memoryview:
    """An empty block."""
    return memoryview(bytearray(counters.BYTES)).cast("Q")


def test_no_two_kinds_of_reply_share_a_word() -> None:
    """Every combination of labels selects one word, all before the durations; the blocks do not overlap."""
    words = {
        counters.reply_word(transport=transport, family=family, origin=origin, zone=zone, qtype=qtype, rcode=rcode)
        for transport in range(len(counters.TRANSPORTS))
        for family in (4, 6)
        for origin in range(len(counters.ORIGINS))
        for zone in range(len(counters.ZONES))
        for qtype in [*counters.TYPE_NUMBERS, 60_000]
        for rcode in [*counters.RCODE_NUMBERS, 22]
    }
    assert len(words) == counters.REPLIES_END - counters.REPLIES
    assert (min(words), max(words) + 1) == (counters.REPLIES, counters.REPLIES_END)
    assert counters.DURATION_SUMS + len(counters.TRANSPORTS) <= counters.WORDS


def test_each_single_count_has_a_word_of_its_own() -> None:
    """The words before the first block are all taken, each by one name."""
    sizes = {"DURATION_BUCKETS"}
    numbers = [found for name, found in vars(counters).items() if name.isupper() and name not in sizes]
    singles = [each for each in numbers if isinstance(each, int) and each < counters.DROPS]
    assert sorted(singles) == list(range(counters.DROPS))


def test_replies_are_read_back_under_their_names(block: memoryview) -> None:
    """What was counted comes back with all its labels; an unreadable type is `other`."""
    block[counters.reply_word(transport=1, family=6, origin=2, zone=3, qtype=33, rcode=3)] += 2
    block[counters.reply_word(transport=0, family=4, origin=0, zone=0, qtype=None, rcode=1)] += 1
    assert list(counters.replies(block)) == [
        ("udp", "1", "local", "none", "other", "FORMERR", 1),
        ("tcp", "2", "subnet", "reverse", "SRV", "NXDOMAIN", 2),
    ]


def test_extended_errors_are_read_back(block: memoryview) -> None:
    """Each code has its word; one that fedns does not send counts as Other."""
    for code in (22, 22, 4):
        block[counters.ede_word(code)] += 1
    assert {code: count for code, count in counters.edes(block).items() if count} == {0: 1, 22: 2}


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


def test_durations_fall_into_their_buckets(block: memoryview) -> None:
    """Each reply of a batch counts with the time that the batch took; what is longer than all is in the last bucket."""
    counters.count_durations(block, 0, 3_000, 2)
    counters.count_durations(block, 0, 10**12, 1)
    counts, seconds = counters.durations(block, "udp")
    assert [at for at, count in enumerate(counts) if count] == [2, counters.DURATION_BUCKETS - 1]
    assert counters.bucket_bounds()[1] < 3e-6 <= counters.bucket_bounds()[2]
    assert seconds == 1000.000006
