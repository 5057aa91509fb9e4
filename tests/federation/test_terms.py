"""The words of placement, which cross from one process to another as settings and stand in answers as text."""

from msgspec import msgpack

from fedns.federation.placement import Policy, Rung, Tier


def test_the_ladder_is_nearest_first() -> None:
    """Without configuration every rung counts, from the client's zone to anywhere."""
    assert Policy().ladder == tuple(Rung)


def test_tiers_stand_in_order() -> None:
    """The letters of the tiers are their order: the best one is the least."""
    assert sorted(Tier) == list(Tier)


def test_policies_travel() -> None:
    """A policy that went through a worker's socket is the same policy."""
    policy = Policy(min_ready="50%", weights={"eu1": 1}, ladder=(Rung.ZONE,), when_all_unhealthy="closed")
    assert msgpack.decode(msgpack.encode(policy), type=Policy) == policy
