"""What has no address to give, or a name that is none, is left out, and counted."""

import json

import pytest
from msgspec import Raw

from fedns.clusters.decode import Decoder
from fedns.clusters.facts import ServiceFacts
from fedns.settings.schema import Trust
from tests.names.objects import point, service, slices


@pytest.mark.parametrize(
    ("name", "trust", "taken"),
    [
        ("LB-1.Example.net.", Trust(), ("lb-1.example.net",)),
        ("localhost", Trust(), ()),
        ("a..b", Trust(), ()),
        ("a_b.example.net", Trust(), ()),
        (".".join(["a" * 63] * 4), Trust(), ()),
        ("lb.example.net", Trust(cidrs=("203.0.113.0/24", "::/0")), ()),
    ],
)
def test_names_of_load_balancers(name: str, trust: Trust, taken: tuple[str, ...]) -> None:
    """A host name counts where it is one, and where the member may give every address; others are counted."""
    decoder = Decoder(trust)
    made = service("web", "http:80", ips=["203.0.113.9"], lb=[{"hostname": name}, "203.0.113.1"])
    item = decoder.service(Raw(json.dumps(made).encode()))
    assert isinstance(item.facts, ServiceFacts)
    assert item.facts.load_balancer_ips == (bytes([203, 0, 113, 1]),)
    assert item.facts.load_balancer_names == taken
    assert decoder.refused == ({} if taken else {"balancer-hostname": 1})


def test_slices_of_names_are_counted() -> None:
    """An EndpointSlice of host names is none of addresses."""
    decoder = Decoder()
    (made,) = slices("web", point("a.example.net"))
    item = decoder.slice(Raw(json.dumps(made | {"addressType": "FQDN"}).encode()))
    assert item.facts is None
    assert decoder.refused == {"addressType": 1}
