"""Who asks: prefixes, and places that trusted clients speak for."""

from ipaddress import ip_address

import pytest
from msgspec import structs

from fedns.answers import codes, views
from fedns.answers.rules import RateLimit
from fedns.answers.views import CLIENTS, HINT, LOCAL, SUBNET, Networks, View, Views
from fedns.federation.locality import Node
from tests.answers.replicas import RULES

TRUSTING = structs.replace(RULES, ecs_from=("127.0.0.0/8", "::1/128"))
CLUSTERS = {cluster.name: cluster for cluster in RULES.clusters}


def held(**changes: object) -> Views:
    """The views under the rules of the tests, with changes."""
    return Views(structs.replace(TRUSTING, **changes), CLUSTERS)


def view(made: Views, address: str = "127.0.0.1", *, stream: bool = False) -> View:
    """A client over UDP or TCP."""
    return made.view(address, stream=stream, secure="")


def announced(address: str, length: int) -> bytes:
    """A client subnet option."""
    packed = ip_address(address).packed
    family = 1 if len(packed) == 4 else 2
    return family.to_bytes(2) + bytes((length, 0)) + packed[: (length + 7) // 8]


@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.1.2.3", True), ("11.0.0.1", False), ("2001:db8::1", True), ("2001:db9::1", False), ("::10.1.2.3", False)],
)
def test_networks(address: str, *, inside: bool) -> None:
    """Prefixes of both families, of any length; IPv4 is not low IPv6."""
    networks = Networks(["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "192.0.2.1/32"])
    assert (ip_address(address).packed in networks) is inside


def test_a_trusted_client_speaks_for_a_subnet() -> None:
    """The place is the subnet's, the scope says for how much of it, and the answers are those of clients there."""
    made = held()
    spot = made.spot(view(made), codes.CLIENT_SUBNET, announced("10.9.7.0", 24))
    assert (spot.location.cluster, spot.origin, spot.subnet) == ("us1", SUBNET, "10.9.7.0/24")
    assert spot.echo == b"\0\x08\0\x07\0\1\x18\x10\x0a\x09\x07"
    assert spot.known is made.spot(view(made), codes.CLIENT_SUBNET, announced("10.9.8.0", 24)).known
    assert made.spot(view(made, "127.0.0.9"), codes.CLIENT_SUBNET, announced("10.9.7.0", 24)) is spot
    elsewhere = made.spot(view(made), codes.CLIENT_SUBNET, announced("2001:db8::", 56))
    assert (elsewhere.location.cluster, elsewhere.echo[7]) == ("eu1", 0)


@pytest.mark.parametrize(
    ("source", "option"),
    [("192.0.2.1", announced("10.9.7.0", 24)), ("127.0.0.1", announced("0.0.0.0", 0)), ("127.0.0.1", bytes(4))],
    ids=["a stranger", "a client that wants none", "no address family"],
)
def test_a_subnet_that_says_nothing_has_scope_0(source: str, option: bytes) -> None:
    """It comes back, as RFC 7871 wants, and the place is that of the sender."""
    made = held()
    spot = made.spot(view(made, source), codes.CLIENT_SUBNET, option)
    assert spot.known is view(made, source).spot.known
    assert spot.echo[4:] == option


@pytest.mark.parametrize(
    ("hint", "cluster", "region", "origin"),
    [
        (b"cluster=us1 zone=us-b", "us1", "us-east", HINT),
        (b"region=moon new=word", "", "moon", HINT),
        (b"cluster=nowhere", "eu1", "eu-west", LOCAL),
        (b"\xff\0 =x", "eu1", "eu-west", LOCAL),
        (b"", "eu1", "eu-west", LOCAL),
    ],
)
def test_a_trusted_sidecar_names_its_place(hint: bytes, cluster: str, region: str, origin: int) -> None:
    """Known clusters complete it; what says nothing that is known is as if it were not there."""
    made = held()
    spot = made.spot(view(made), codes.LOCATION, hint)
    assert (spot.location.cluster, spot.location.region, spot.origin, spot.echo) == (cluster, region, origin, b"")


def test_a_stranger_names_no_place() -> None:
    """A hint from elsewhere changes nothing."""
    made = held()
    assert made.spot(view(made, "10.9.0.1"), codes.LOCATION, b"cluster=eu1") is view(made, "10.9.0.1").spot
    assert view(made, "10.9.0.1").spot.origin == CLIENTS


def test_places_of_others_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither subnets nor hints fill the memory."""
    monkeypatch.setattr(views, "MAX_VIEWS", 2)
    monkeypatch.setattr(views, "MAX_KINDS", 3)
    made = held()
    for number in range(9):
        made.spot(view(made), codes.CLIENT_SUBNET, announced(f"10.{number}.0.0", 16))
        made.spot(view(made), codes.LOCATION, b"region=%d" % number)
        assert len(made._spots) <= 2
    assert len(made._known) <= 3


def test_the_rule_is_no_part_of_what_is_known() -> None:
    """Two prefixes at one place share their answers."""
    more = structs.replace(RULES.clients[0], cidrs=("10.8.0.0/16",))
    made = held(clients=(*RULES.clients, more))
    assert view(made, "10.8.0.1").spot.known is view(made, "10.9.0.1").spot.known
    assert view(made, "10.8.0.1").client.location.rule == "10.8.0.0/16"


def test_who_is_limited() -> None:
    """Over UDP, with a limit set, who is not exempt; each prefix has one bucket."""
    made = held(rate_limit=RateLimit(exempt=("127.0.0.0/8",)))
    assert view(made).bucket is None
    assert view(made, "192.0.2.1").bucket is view(made, "192.0.2.2").bucket is not None
    assert view(made, "192.0.2.1", stream=True).bucket is None
    assert view(held(), "192.0.2.1").bucket is None


def test_nodes_move_their_clients_alone() -> None:
    """Who is on a node that changed is looked up again; all others, and every answer, stay as they are."""
    near = Node("n1", 1, "eu-b", (bytes((10, 64, 1, 0, 24)),))
    made = Views(TRUSTING, CLUSTERS, {"n1": near})
    there, here = view(made, "10.64.1.1"), view(made, "127.0.0.1")
    assert (there.client.location.zone, there.client.location.rule) == ("eu-b", "node n1")
    assert there.spot.origin == CLIENTS
    spoken = made.spot(here, codes.CLIENT_SUBNET, announced("10.64.1.0", 24))
    assert spoken.location.rule == "node n1"
    made.move({"n1": near})
    assert view(made, "10.64.1.1") is there
    made.move({"n1": structs.replace(near, zone="eu-c")})
    assert view(made, "10.64.1.1").client.location.zone == "eu-c"
    assert made.spot(here, codes.CLIENT_SUBNET, announced("10.64.1.0", 24)).location.zone == "eu-c"
    assert view(made, "127.0.0.1") is here
    made.move({"n1": None})
    assert view(made, "10.64.1.1").client.location.rule == "local"
