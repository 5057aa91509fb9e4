"""What the processes that answer have counted in their blocks, added up, as metrics.

No name that a stranger asked is a label. A block outlives its process, so counters go on when a worker is replaced.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily, Metric

from fedns.answers import counters
from fedns.control.families import counter, gauge


def traffic(blocks: Sequence[memoryview]) -> Iterator[Metric]:
    """All metrics of queries and replies."""
    yield from _replies(blocks)
    dropped: Counter[tuple[str, ...]] = Counter({(reason,): 0 for reason in counters.DROP_REASONS})
    for block in blocks:
        dropped.update({(reason,): count for reason, count in counters.drops(block).items()})
    yield counter("dns_dropped", "Packets and connections given up.", ("reason",), dropped)
    yield _durations(blocks)
    yield from _cache(blocks)
    yield gauge(
        "dns_connections",
        "Connections open, over any transport.",
        (),
        {(): _sum(blocks, counters.CONNECTIONS)},
    )
    cookies = {("good",): _sum(blocks, counters.GOOD_COOKIES), ("bad",): _sum(blocks, counters.BAD_COOKIES)}
    yield counter("dns_cookies", "Server cookies that proved an address, and BADCOOKIE replies.", ("result",), cookies)
    text = "Responses over the rate limit that were answered with TC."
    yield counter("dns_rate_limit_truncated", text, (), {(): _sum(blocks, counters.TRUNCATED_BY_LIMIT)})
    text = "Packets that found no room in the receive buffer of a UDP socket."
    yield counter("dns_receive_overflows", text, (), {(): _sum(blocks, counters.RECEIVE_OVERFLOWS)})
    tasks = {(str(at),): float(block[counters.TASKS]) for at, block in enumerate(blocks, 1)}
    yield gauge("worker_tasks", "Tasks of a worker's event loop.", ("worker",), tasks)
    text = "Lines of the query log that nobody took in time."
    yield counter("dns_query_log_dropped", text, (), {(): _sum(blocks, counters.LOG_DROPS)})
    text = "Handshakes of TLS, HTTPS and QUIC that failed or took too long."
    yield counter("dns_tls_handshakes_failed", text, (), {(): _sum(blocks, counters.HANDSHAKES_FAILED)})
    told = {("sent",): _sum(blocks, counters.TAP_SENT), ("dropped",): _sum(blocks, counters.TAP_DROPS)}
    yield counter("dns_dnstap", "Queries with their replies, by what became of them in dnstap.", ("result",), told)
    text = "Clients of DNS over QUIC that had to show that they are at their addresses."
    yield counter("dns_quic_retries", text, (), {(): _sum(blocks, counters.QUIC_RETRIES)})
    statuses = {
        (str(status),): float(sum(block[counters.HTTP_REFUSED + at] for block in blocks))
        for at, status in enumerate(counters.HTTP_STATUSES)
    }
    yield counter("dns_http_refused", "HTTP requests that were no DNS query, by status.", ("status",), statuses)
    text = "Times that no connection was accepted for a moment, for want of file descriptors."
    yield counter("dns_accept_pauses", text, (), {(): _sum(blocks, counters.ACCEPT_PAUSES)})


def _replies(blocks: Sequence[memoryview]) -> Iterator[Metric]:
    requests: Counter[tuple[str, ...]] = Counter()
    responses: Counter[tuple[str, ...]] = Counter()
    zones: Counter[tuple[str, ...]] = Counter()
    places: Counter[tuple[str, ...]] = Counter({(each,): 0 for each in counters.ORIGINS})
    workers: Counter[tuple[str, ...]] = Counter()
    errors: Counter[tuple[str, ...]] = Counter()
    for at, block in enumerate(blocks, 1):
        for each in counters.replies(block):
            requests[each.transport, each.family, each.qtype] += each.sent
            responses[each.transport, each.rcode] += each.sent
            zones[each.zone, each.rcode] += each.sent
            places[each.origin,] += each.sent
            workers[str(at),] += each.sent
        errors.update({(str(code),): count for code, count in counters.edes(block).items()})
    yield counter("dns_requests", "Queries that got a reply.", ("proto", "family", "type"), requests)
    yield counter("dns_responses", "Replies, by response code.", ("proto", "rcode"), responses)
    yield counter("dns_zone_responses", "Replies, by kind of zone.", ("zone", "rcode"), zones)
    yield counter("dns_client_places", "Replies, by how the place of the client was found.", ("found_by",), places)
    yield counter("dns_worker_responses", "Replies, by worker.", ("worker",), workers)
    yield counter("dns_extended_errors", "Replies with an extended error.", ("code",), errors)


def _cache(blocks: Sequence[memoryview]) -> Iterator[Metric]:
    misses, parsed = _sum(blocks, counters.MISSES), _sum(blocks, counters.PARSED_HITS)
    yield counter("dns_cache_misses", "Queries that were not in the cache of encoded answers.", (), {(): misses})
    text = "Queries that were in the cache only after they were parsed: by case, cookie, client subnet or first time."
    yield counter("dns_cache_parsed_hits", text, (), {(): parsed})
    yield gauge("dns_cache_entries", "Encoded answers held.", (), {(): _sum(blocks, counters.ENTRIES)})


def _durations(blocks: Sequence[memoryview]) -> Metric:
    family = HistogramMetricFamily(
        "fedns_dns_request_duration_seconds", "From the packet read to the reply written.", labels=("proto",)
    )
    for transport in counters.TRANSPORTS:
        parts = [counters.durations(block, transport) for block in blocks]
        totals = accumulate(map(sum, zip(*(counts for counts, _ in parts), strict=True)))
        bounds = ("+Inf" if bound == float("inf") else f"{bound:.9g}" for bound in counters.bucket_bounds())
        buckets = [(bound, float(total)) for bound, total in zip(bounds, totals, strict=True)]
        family.add_metric((transport,), buckets, sum_value=sum(seconds for _, seconds in parts))
    return family


def _sum(blocks: Sequence[memoryview], word: int) -> float:
    return float(sum(block[word] for block in blocks))
