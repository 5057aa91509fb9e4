"""The state of a stream: a value that starts with nothing."""

from fedns.clusters.streams import Stream


def test_a_stream_starts_with_nothing() -> None:
    """Streams share no counters."""
    one, other = Stream(resource="services"), Stream(resource="slices")
    one.relists["gone"] += 1
    assert (one.relists.total(), other.relists.total()) == (1, 0)
    assert (other.state, other.last_event, other.last_bookmark) == ("connecting", None, None)
