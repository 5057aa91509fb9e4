"""The rules travel from the control process to the workers as they are."""

from msgspec import msgpack

from fedns.answers.rules import Rules, Zone
from fedns.federation.locality import ClientRule, Location
from fedns.federation.objects import AddressKind, Cluster
from fedns.federation.placement import Policy, Rung


def test_rules_cross_the_socket_unchanged() -> None:
    """What is encoded is what is decoded, with bytes and enums inside."""
    rules = Rules(
        zones=(Zone(name="example.com", kind="federation", federation="myfed", ttl=1, negative_ttl=2),),
        clusters=(Cluster(name="eu1", gateway_ips=(bytes(4),), addresses=(AddressKind.GATEWAY,)),),
        local=Location(cluster="eu1"),
        clients=(ClientRule(cidrs=("10.0.0.0/8",), cluster="eu1"),),
        policies=(Policy(ladder=(Rung.ANY,), weights={"eu1": 1}),),
        nsid="here",
    )
    assert msgpack.decode(msgpack.encode(rules), type=Rules) == rules
