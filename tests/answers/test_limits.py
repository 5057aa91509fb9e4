"""Response rate limits: each prefix its share, debt for who goes on, and a bounded table."""

from ipaddress import ip_address

import pytest

from fedns.answers import limits
from fedns.answers.limits import Bucket, Limiter
from fedns.answers.rules import RateLimit

LIMIT = RateLimit(responses_per_second=10, slip=2, window=2.0)


def test_a_bucket_gives_its_rate() -> None:
    """Ten at once, then ten a second; who waits gets no more than a second's worth."""
    bucket = Bucket(LIMIT)
    assert [bucket.over(5.0) for _ in range(11)] == [False] * 10 + [True]
    bucket = Bucket(LIMIT)
    assert sum(not bucket.over(at / 10) for at in range(100)) == 100
    assert sum(not bucket.over(1000.0) for _ in range(30)) == 10


def test_who_goes_on_stays_limited_until_its_debt_is_paid() -> None:
    """A flood gets nothing more; the debt is of one window at most."""
    bucket = Bucket(LIMIT)
    assert sum(not bucket.over(at / 100) for at in range(1000)) < 20
    assert bucket.over(10.5)
    assert not bucket.over(10.0 + LIMIT.window + 0.2)


@pytest.mark.parametrize(("slip", "answered"), [(0, 0), (1, 6), (2, 3), (3, 2)])
def test_slips(slip: int, answered: int) -> None:
    """One in `slip` of the limited ones is answered all the same; none with 0."""
    bucket = Bucket(RateLimit(slip=slip))
    assert sum(bucket.slips() for _ in range(6)) == answered


def test_clients_of_one_prefix_share_a_bucket() -> None:
    """IPv4 by /24 and IPv6 by /56, as set; exempt ones have none."""
    limiter = Limiter(LIMIT, lambda address: address[0] == 10)

    def of(text: str) -> Bucket | None:
        return limiter.bucket(ip_address(text).packed)

    assert of("192.0.2.1") is of("192.0.2.255")
    assert of("192.0.2.1") is not of("192.0.3.1")
    assert of("2001:db8::1") is of("2001:db8:0:ff::1")
    assert of("2001:db8::1") is not of("2001:db8:0:100::1")
    assert of("10.0.0.1") is None


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prefix that was followed longest gives way."""
    monkeypatch.setattr(limits, "MAX_BUCKETS", 2)
    limiter = Limiter(LIMIT, lambda _address: False)
    first, second = limiter.bucket(bytes(4)), limiter.bucket(b"\1\0\0\0")
    assert limiter.bucket(b"\2\0\0\0")
    assert limiter.bucket(b"\1\0\0\0") is second
    assert limiter.bucket(bytes(4)) is not first
