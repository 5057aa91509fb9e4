"""Kubernetes' JSON is read field by field, and what is not needed may be anything."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from fedns.clusters import shapes
from fedns.clusters.decode import Decoder
from fedns.clusters.facts import SliceFacts
from tests.clusters.scripted import endpointslice, service


def test_unknown_fields_may_be_anything() -> None:
    """A field that nobody reads, and a label that is no text, cost nothing."""
    item = service("web", 1) | {"other": [{}]}
    item["metadata"]["labels"]["other"] = 5
    found = shapes.SERVICE.decode(json.dumps(item))
    assert found.metadata.labels is not None
    assert (found.metadata.name, found.metadata.labels.export) == ("web", "true")


@pytest.mark.parametrize(
    "decoder", [shapes.SERVICE, shapes.SLICE, shapes.EXPORT, shapes.IMPORT, shapes.LEASE, shapes.BARE]
)
def test_an_object_without_a_name_is_none(decoder: "msgspec.json.Decoder[object]") -> None:
    """Every kind needs metadata with a name."""
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(b'{"metadata": {}, "spec": {"type": "Headless"}, "addressType": "IPv4"}')


PODS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("pod", {"targetRef": {"kind": "Pod", "name": "web-7d9f-x2x"}}, "web-7d9f-x2x"),
    ("hostname first", {"hostname": "pet-0", "targetRef": {"kind": "Pod", "name": "web-x"}}, "pet-0"),
    ("63 bytes", {"targetRef": {"kind": "Pod", "name": "p" * 63}}, "p" * 63),
    ("too long", {"targetRef": {"kind": "Pod", "name": "p" * 64}}, ""),
    ("no label", {"targetRef": {"kind": "Pod", "name": "web.x"}}, ""),
    ("no pod", {"targetRef": {"kind": "Node", "name": "node-1"}}, ""),
    ("nulls", {"targetRef": {"kind": None, "name": None}}, ""),
    ("no name", {"targetRef": {"kind": "Pod"}}, ""),
    ("null", {"targetRef": None}, ""),
    ("none", {}, ""),
)


@pytest.mark.parametrize(("said", "expected"), [each[1:] for each in PODS], ids=[each[0] for each in PODS])
@pytest.mark.parametrize("imported", [False, True], ids=["own", "imported"])
def test_hosts_by_their_pods(said: dict[str, Any], expected: str, imported: bool) -> None:
    """Where it is asked for, a pod's name is a hostname if it can be one; otherwise nobody reads it."""
    item = endpointslice("web-1", 7, "web") | {"endpoints": [{"addresses": ["10.0.0.1"]} | said]}
    if imported:
        item["metadata"]["labels"] = {
            "multicluster.kubernetes.io/service-name": "web",
            "multicluster.kubernetes.io/source-cluster": "ap1",
        }
    for pods, name in ((True, expected), (False, said.get("hostname", ""))):
        decoder = Decoder(pods=pods)
        found = (decoder.imported_slice if imported else decoder.slice)(Raw(json.dumps(item).encode())).facts
        assert isinstance(found, SliceFacts)
        assert [each.hostname for part in found.slices for each in part.endpoints()] == [name]
        assert not decoder.refused
        assert bool(found.slices[0].hostnames) == bool(name)


def test_pods_of_a_slice_without_endpoints() -> None:
    """There are none to name."""
    item = endpointslice("web-1", 7, "web") | {"endpoints": None}
    found = Decoder(pods=True).slice(Raw(json.dumps(item).encode())).facts
    assert isinstance(found, SliceFacts)
    assert found.slices == ()
