"""What a Service and a ServiceImport say of their traffic becomes a word that is known here, or none."""

import pytest

from fedns.clusters.decode import Decoder
from fedns.clusters.facts import ImportFacts, ServiceFacts
from tests.clusters.scripted import export, service
from tests.clusters.test_decode import raw


@pytest.mark.parametrize(
    ("said", "known"),
    [
        pytest.param("PreferSameZone", "PreferSameZone", id="zone"),
        pytest.param("PreferClose", "PreferSameZone", id="the old word"),
        pytest.param("PreferSameNode", "PreferSameNode", id="node"),
        pytest.param("example.com/odd", "", id="another word"),
        pytest.param(None, "", id="none"),
    ],
)
def test_traffic_distribution(said: str | None, known: str) -> None:
    """Of Services and of ServiceImports; what is an implementation's own says nothing here."""
    facts = Decoder().service(raw(service("web", 7, trafficDistribution=said))).facts
    assert isinstance(facts, ServiceFacts)
    assert facts.traffic == known
    spec = {"type": "Headless", "trafficDistribution": said}
    imported = Decoder().imported(raw(export("web", 3) | {"spec": spec})).facts
    assert isinstance(imported, ImportFacts)
    assert imported.traffic == known
