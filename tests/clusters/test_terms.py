"""The terms are what the feed of a member fulfils."""

import inspect

from fedns.clusters.member import MemberFeed
from fedns.clusters.terms import Follower


def test_a_feed_is_a_follower() -> None:
    """Each call that a watch makes exists in the feed, with the same arguments."""
    for name, asked in inspect.getmembers(Follower, inspect.isfunction):
        if not name.startswith("_"):
            assert list(inspect.signature(getattr(MemberFeed, name)).parameters) == list(
                inspect.signature(asked).parameters
            )
