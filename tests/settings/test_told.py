"""What of the settings a worker is told."""

import msgspec

from fedns.answers.rules import Rules
from fedns.federation.locality import Location
from fedns.federation.objects import Cluster
from fedns.settings.schema import FAST, Local, Member, Settings
from fedns.settings.told import rules

EU1 = Member(cluster=Cluster(name="eu1", region="r", jurisdiction="j", network="n"), in_cluster=True)


def test_the_local_place_is_handed_on() -> None:
    """Cluster and zone are told; region, jurisdiction and network follow from the cluster where clients are located."""
    made = rules(Settings(clusters=(EU1,), local=Local(cluster="eu1", zone="z", when_stale="demote")))
    assert made.local == Location("eu1", "z", rule="local")
    assert made.local_when_stale == "demote"


def test_without_a_local_cluster_nothing_is_known() -> None:
    """An unknown place is empty."""
    assert rules(Settings(clusters=(EU1,))).local == Location(rule="local")


def test_rules_cross_a_socket() -> None:
    """What a worker gets survives encoding, timers and all."""
    made = rules(Settings(clusters=(EU1,), freshness=FAST))
    assert made.timers == FAST
    assert made.clusters == (EU1.cluster,)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Rules) == made
