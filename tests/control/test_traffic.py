"""What the answering processes have counted, as a Prometheus server reads it."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from fedns.answers import counters
from fedns.control.traffic import traffic
from tests.control.stage import block

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Traffic(Collector):
    """These blocks."""

    def __init__(self, *blocks: memoryview) -> None:
        self._blocks = blocks

    def collect(self) -> Iterator[Metric]:
        """All families."""
        return traffic(self._blocks)


def read(*blocks: memoryview) -> Samples:
    """Every sample by name and labels."""
    registry = CollectorRegistry()
    registry.register(Traffic(*blocks))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample of fedns."""
    return samples[f"fedns_{name}", frozenset(labels.items())]


def test_counts_are_added_over_all_processes() -> None:
    """Requests, responses, drops and durations are sums over the blocks, in CoreDNS's labels."""
    one, two = block(), block()
    for words, count in ((one, 2), (two, 3)):
        words[counters.reply_word(transport=0, family=4, origin=0, zone=1, qtype=1, rcode=0)] = count
        words[counters.reply_word(transport=0, family=4, origin=0, zone=1, qtype=1, rcode=3)] = 1
        words[counters.reply_word(transport=1, family=6, origin=3, zone=2, qtype=999, rcode=0)] = 1
        words[counters.DROPS + counters.DROP_REASONS.index("malformed")] = 5
        words[counters.PARSED_HITS] = 6
        words[counters.TASKS] = count
        words[counters.ede_word(22)] = 2
        words[counters.DURATIONS] = 4
        words[counters.DURATIONS + counters.DURATION_BUCKETS - 1] = 1
        words[counters.DURATION_SUMS] = 500_000_000
    samples = read(one, two)
    assert value(samples, "dns_requests_total", proto="udp", family="1", type="A") == 7
    assert value(samples, "dns_requests_total", proto="tcp", family="2", type="other") == 2
    assert value(samples, "dns_responses_total", proto="udp", rcode="NOERROR") == 5
    assert value(samples, "dns_responses_total", proto="udp", rcode="NXDOMAIN") == 2
    assert value(samples, "dns_dropped_total", reason="malformed") == 10
    assert value(samples, "dns_dropped_total", reason="slow_client") == 0
    assert [value(samples, "worker_tasks", worker=each) for each in ("1", "2")] == [2, 3]
    assert value(samples, "dns_zone_responses_total", zone="clusterset", rcode="NOERROR") == 5
    assert value(samples, "dns_client_places_total", found_by="hint") == 2
    assert value(samples, "dns_client_places_total", found_by="subnet") == 0
    assert value(samples, "dns_worker_responses_total", worker="2") == 5
    assert value(samples, "dns_extended_errors_total", code="22") == 4
    assert value(samples, "dns_cache_parsed_hits_total") == 12
    duration = "dns_request_duration_seconds"
    assert value(samples, f"{duration}_bucket", proto="udp", le="1.024e-06") == 8
    assert value(samples, f"{duration}_bucket", proto="udp", le="+Inf") == 10
    assert value(samples, f"{duration}_count", proto="udp") == 10
    assert value(samples, f"{duration}_sum", proto="udp") == 1.0
