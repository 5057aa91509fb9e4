"""What has no address to give is left out, and counted."""

import json

from msgspec import Raw

from fedns.clusters.decode import Decoder
from tests.names.objects import point, service, slices


def test_names_of_load_balancers_are_counted() -> None:
    """An ingress with a host name alone is left out; the addresses beside it stay."""
    decoder = Decoder()
    made = service("web", "http:80", ips=["10.96.0.1"], lb=[{"hostname": "lb.example.net"}, "203.0.113.1"])
    item = decoder.service(Raw(json.dumps(made).encode()))
    assert getattr(item.facts, "load_balancer_ips", None) == (bytes([203, 0, 113, 1]),)
    assert decoder.refused == {"balancer-hostname": 1}


def test_slices_of_names_are_counted() -> None:
    """An EndpointSlice of host names is none of addresses."""
    decoder = Decoder()
    (made,) = slices("web", point("a.example.net"))
    item = decoder.slice(Raw(json.dumps(made | {"addressType": "FQDN"}).encode()))
    assert item.facts is None
    assert decoder.refused == {"addressType": 1}
