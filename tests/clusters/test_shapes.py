"""Kubernetes' JSON is read field by field, and what is not needed may be anything."""

import json

import msgspec
import pytest

from fedns.clusters import shapes
from tests.clusters.scripted import service


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
