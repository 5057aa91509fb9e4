"""dnsperf: what its report says, and what a lost query counts as."""

import pytest

from bench.perf import TIMEOUT_SECONDS, length, per_cpu, read, tail

REPORT = """\
> NOERROR s0.bench.myfed.svc.example.com A 0.000304
> NXDOMAIN s1.bench.myfed.svc.example.com A 0.000102
> T s2.bench.myfed.svc.example.com A
[Timeout] Query timed out: msg id 2

Statistics:

  Queries sent:         3
  Queries completed:    2 (66.67%)
  Queries lost:         1 (33.33%)

  Run time (s):         2.000272
  Queries per second:   0.999864

  Average Latency (s):  0.000203 (min 0.000102, max 0.000304)
"""


def test_a_report_is_read() -> None:
    """Counts, and every latency, whatever was answered; what is lost took as long as it was waited for."""
    told = read(REPORT)
    assert (told.completed, told.lost, told.seconds) == (2, 1, 2.000272)
    assert told.average_ms == pytest.approx(0.203)
    assert told.times == [0.000102, 0.000304, TIMEOUT_SECONDS]


def test_without_latencies_there_are_no_times() -> None:
    """Also where queries were lost."""
    assert read("\n".join(line for line in REPORT.splitlines() if not line.startswith(">"))).times == []


def test_what_is_no_report_ends_the_run() -> None:
    """With what dnsperf said instead."""
    with pytest.raises(SystemExit, match="dnsperf failed: unable to open"):
        read("unable to open")


def test_the_tail_is_in_milliseconds() -> None:
    """Of a thousand answers the last one is beyond the 99.9th percentile's place, and of one answer it is that one."""
    assert tail([at / 1000 for at in range(1000)]) == {"p50_ms": 500, "p99_ms": 990, "p999_ms": 999, "max_ms": 999}
    assert set(tail([0.002]).values()) == {2.0}


def test_a_load_lasts_a_second_at_least() -> None:
    """And a quarter of what was asked for otherwise."""
    assert [length(seconds) for seconds in (1, 3, 10)] == [1, 1, 2]


def test_less_than_a_tick_of_cpu_counts_as_one() -> None:
    """A load that ends before its connections stand is no division by zero."""
    assert per_cpu(100, 2.0) == 50
    assert 0 < per_cpu(1, 0.0) <= 10_000
