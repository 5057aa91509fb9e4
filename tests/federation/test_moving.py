"""What a migration does to shares: exactly its part of what the source got goes to the target."""

from fractions import Fraction

import pytest
from msgspec import structs

from fedns.federation.drains import drain
from fedns.federation.locality import Location
from fedns.federation.migrations import Shift
from fedns.federation.objects import Service
from fedns.federation.placement import Placement, Policy, Reason, place
from tests.federation.worlds import EU1, EU2, EU3, HERE, UP, US1, export, pods, service, world

F = Fraction
AWAY = Location(region="moon", network="default")
CLUSTERS = {each.name: each for each in (EU1, EU2, EU3, US1)}


def at(cluster: str, count: int) -> object:
    """So many ready pods in a zone of their own."""
    return export(cluster, *pods(*[UP] * count, net=10 + list(CLUSTERS).index(cluster), zone="z"))


def shift(percent: int, source: str = "us1", target: str = "eu1", name: str = "api") -> Shift:
    """So many percent of shop/api."""
    return Shift(namespace="shop", service=name, source=source, target=target, percent=percent)


def decided(given: Service, *shifts: Shift, where: Location = AWAY, policy: Policy | None = None) -> Placement:
    """The decision with these migrations."""
    return place(given, where, structs.replace(world(), shifts=shifts), policy or Policy())


def shares(decision: Placement) -> dict[str, Fraction]:
    """The share of each group, by its clusters."""
    return {"+".join(sorted({each.cluster for each in group.candidates})): group.share for group in decision.groups}


THREE = service(at("eu1", 2), at("eu2", 1), at("us1", 3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shifts", "policy", "expected"),
    [
        pytest.param([], None, {"eu1+eu2+us1": F(1)}, id="none"),
        pytest.param([shift(0)], None, {"eu1+eu2+us1": F(1)}, id="nothing yet"),
        pytest.param([shift(50, name="web")], None, {"eu1+eu2+us1": F(1)}, id="another service"),
        pytest.param(
            [shift(50)], None, {"eu1": F(2, 6) + F(3, 12), "eu2": F(1, 6), "us1": F(3, 12)}, id="half of the addresses'"
        ),
        pytest.param([shift(100)], None, {"eu1": F(5, 6), "eu2": F(1, 6)}, id="all"),
        pytest.param(
            [shift(10)],
            Policy(weights={"us1": 80, "eu1": 20}),
            {"eu1": F(28, 100), "us1": F(72, 100)},
            id="a tenth of a weight",
        ),
        pytest.param([shift(50)], Policy(weights={"us1": 1, "eu1": 0}), {"us1": F(1)}, id="a backup is another tier"),
        pytest.param([shift(50, target="eu3")], None, {"eu1+eu2+us1": F(1)}, id="nobody there"),
        pytest.param([shift(50, source="eu3")], None, {"eu1": F(2, 6), "eu2+us1": F(4, 6)}, id="nobody to leave"),
        pytest.param([shift(50, source="eu1")], None, {"eu1+eu2+us1": F(1)}, id="to itself"),
    ],
)
def test_shares(shifts: list[Shift], policy: Policy | None, expected: dict[str, Fraction]) -> None:
    """In one rung: what clients would pick of the source, by addresses or by weight, moves in its part."""
    assert shares(decided(THREE, *shifts, policy=policy)) == expected


def test_from_a_near_rung_to_a_far_one() -> None:
    """The target gets its part from wherever it stands, and only the source gives; behind stand those who gave all."""
    two = service(at("eu1", 2), at("us1", 3))  # type: ignore[arg-type]
    decision = decided(two, shift(25, "eu1", "us1"), where=HERE)
    assert [(group.rung, group.share) for group in decision.groups] == [("cluster", F(3, 4)), ("any", F(1, 4))]
    assert not decision.left_out
    done = decided(two, shift(100, "eu1", "us1"), where=HERE)
    assert shares(done) == {"us1": F(1)}
    assert [(each.reason, each.priority) for each in done.left_out] == [(Reason.MIGRATED, 9)]


def test_others_of_the_target_s_rung_stay_out() -> None:
    """Only the target is fetched from a far rung, not who stands beside it."""
    decision = decided(service(at("eu1", 1), at("eu3", 1), at("us1", 1)), shift(50, "eu1", "us1"), where=HERE)  # type: ignore[arg-type]
    assert shares(decision) == {"eu1": F(1, 2), "us1": F(1, 2)}
    assert [(each.candidates[0].cluster, each.reason) for each in decision.left_out] == [("eu3", Reason.FARTHER)]


def test_spill_and_migration() -> None:
    """Each share of the source gives its part; the target's own share in its rung grows by them."""
    given = service(at("eu1", 1), at("eu2", 1), at("us1", 5))  # type: ignore[arg-type]
    policy = Policy(min_ready=4)
    before = shares(decided(given, where=HERE, policy=policy))
    assert before == {"eu1": F(1, 4), "eu2": F(1, 4), "us1": F(1, 2)}
    after = shares(decided(given, shift(50, "us1", "eu2"), where=HERE, policy=policy))
    assert after == {"eu1": F(1, 4), "eu2": F(1, 2), "us1": F(1, 4)}


def test_a_drained_target_gets_nothing() -> None:
    """It is in another tier; and a drained service keeps no priority for those who gave all."""
    drained = structs.replace(world(), shifts=(shift(100),), drains=(drain("eu1"),))
    assert shares(place(THREE, AWAY, drained, Policy())) == {"eu2+us1": F(1)}
    everything = structs.replace(drained, drains=tuple(map(drain, CLUSTERS)))
    decision = place(THREE, AWAY, everything, Policy())
    assert shares(decision) == {"eu1": F(5, 6), "eu2": F(1, 6)}
    assert [each.priority for each in decision.left_out] == [None]
