"""A lease lasts since its last renewal was seen, on our own clock."""

from fedns.clusters.facts import LeaseFacts
from fedns.clusters.leases import Leases
from fedns.federation.health import Readable, Unreadable


def lease(renewed: str, seconds: int = 10) -> dict[str, LeaseFacts]:
    """The lease of one source."""
    return {"us1": LeaseFacts(1, "us1", renewed, seconds)}


def test_a_lease_that_is_not_renewed_runs_out_once() -> None:
    """Seen again is not renewed; what its time of renewal says does not matter, only that it changes."""
    leases = Leases("hub")
    assert list(leases.seen(lease("2001"), 0.0)) == [("us1", Readable("lease"))]
    assert not list(leases.seen(lease("2001"), 9.0))
    assert not list(leases.passed(9.9))
    assert list(leases.passed(10.0)) == [("us1", Unreadable("its lease in hub has run out", "lease"))]
    assert not list(leases.passed(11.0))
    assert list(leases.seen(lease("1999"), 12.0)) == [("us1", Readable("lease"))]
    assert not list(leases.passed(21.0))


def test_a_lease_that_is_taken_away_counts_no_more() -> None:
    """A source without a lease, or with one that says no duration, is believed as its hub is."""
    leases = Leases("hub")
    list(leases.seen(lease("1"), 0.0))
    assert list(leases.seen({}, 1.0)) == [("us1", Readable("lease"))]
    assert not list(leases.seen(lease("2", seconds=0), 1.0))
    assert not list(leases.passed(99.0))
