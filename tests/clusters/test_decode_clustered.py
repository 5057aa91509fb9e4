"""Objects in no namespace become facts: nodes by their addresses, namespaces by what they ask for."""

import ipaddress
import json
from typing import Any

import pytest
from msgspec import Raw

from fedns.clusters.decode import CLUSTERED, Decoder
from fedns.clusters.facts import NamespaceFacts, NodeFacts
from fedns.federation.locality import Node
from fedns.settings.schema import Trust

NAME = "ip-10-0-0-1.ec2.internal"
META: dict[str, Any] = {"name": NAME, "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
NODE = {
    "metadata": META,
    "spec": {"podCIDR": "10.64.1.0/24", "podCIDRs": ["10.64.1.0/24", "fd01::/64"]},
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "ExternalIP", "address": "192.0.2.1"},
            {"type": "Hostname", "address": "a"},
        ],
        "conditions": [{"type": "Ready", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}],
    },
}
PODS = bytes((10, 64, 1, 0, 24))


def raw(item: Any) -> Raw:
    """An object as it comes."""
    return Raw(json.dumps(item).encode())


def node_of(**fields: Any) -> tuple[Node, Decoder]:
    """What is read of a node with other fields."""
    decoder = Decoder(Trust(cidrs=("192.0.2.0/24",), namespaces=("shop",)))
    item = decoder.node(raw(NODE | fields))
    assert isinstance(item.facts, NodeFacts)
    assert (item.namespace, item.name) == (CLUSTERED, NAME)
    return item.facts.node, decoder


def labelled(zone: str) -> dict[str, Any]:
    """The metadata of a node in a zone."""
    return META | {"labels": {"topology.kubernetes.io/zone": zone}}


def test_nodes() -> None:
    """Pod prefixes of both families and internal addresses, wherever clients may be sent to; the zone by its label."""
    node, _ = node_of(metadata=labelled("eu-a"))
    assert (node.name, node.created, node.zone) == (NAME, 1767225600, "eu-a")
    assert node.prefixes == (PODS, ipaddress.ip_address("fd01::").packed + b"\x40", bytes((10, 0, 0, 1, 32)))


@pytest.mark.parametrize(
    ("spec", "prefixes", "refused"),
    [
        pytest.param({"podCIDR": "10.64.1.0/24"}, [PODS], 0, id="of an old server"),
        pytest.param({}, [], 0, id="nothing yet"),
        pytest.param(None, [], 0, id="nothing at all"),
        pytest.param({"podCIDRs": ["x", "0.0.0.0/0", "10.0.0.0/7"]}, [], 3, id="what no node has"),
        pytest.param({"podCIDRs": ["10.64.1.9/24"] * 2}, [PODS], 0, id="twice"),
        pytest.param({"podCIDRs": ["10.64.1.0/24"] * 40 + ["10.9.0.0/24"]}, [PODS], 0, id="too many"),
    ],
)
def test_odd_nodes(spec: dict[str, Any] | None, prefixes: list[bytes], refused: int) -> None:
    """What can be no node's is left out and counted; a node that says nothing yet has nothing."""
    node, decoder = node_of(spec=spec, status=None, metadata=labelled("z" * 64))
    assert (list(node.prefixes), node.zone) == (prefixes, "")
    assert decoder.refused["node-address"] == refused


def test_namespaces() -> None:
    """Only those count that ask for something, and that the member may speak for."""
    decoder = Decoder(Trust(namespaces=("shop",)))
    meta = {"name": "shop", "resourceVersion": "7", "annotations": {"fedns.io/jurisdictions": "eu", "other": "x"}}
    item = decoder.space(raw({"metadata": meta}))
    assert (item.namespace, item.name, item.version) == (CLUSTERED, "shop", 7)
    assert item.facts == NamespaceFacts(7, (("fedns.io/jurisdictions", "eu"),))
    for other in ({"name": "bank"}, {"name": "no.label"}, {"annotations": {"other": "x"}}, {"annotations": None}):
        assert decoder.space(raw({"metadata": meta | other})).facts is None
    bad = decoder.space(raw({"metadata": meta | {"annotations": 3}}))
    assert bad.fault
    assert (bad.namespace, bad.name) == (CLUSTERED, "shop")
    assert decoder.bare(raw({"metadata": meta}), clustered=True).name == "shop"
