"""Objects that cannot be understood are said once each, for as long as they cannot."""

import logging

import pytest

from fedns.clusters.decode import CLUSTERED, Item
from fedns.clusters.faults import Faults
from fedns.clusters.listing import NODES, SERVICES


def test_each_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Another reason is news, the same one is not; what is right again is forgotten."""
    faults = Faults("eu1")
    with caplog.at_level(logging.WARNING):
        for reason in ("odd", "odd", "odder"):
            faults.report(SERVICES, Item("shop", "web", 1, fault=reason))
        faults.report(NODES, Item(CLUSTERED, "n1", 1, fault="odd"))
        faults.report(SERVICES, Item("", "", 1, fault="odd"))
    assert [record.getMessage() for record in caplog.records] == [
        "member eu1: services shop/web is left as it was: odd",
        "member eu1: services shop/web is left as it was: odder",
        "member eu1: nodes n1 is left as it was: odd",
        "member eu1: one of the services is left out: odd",
    ]
    faults.report(SERVICES, Item("shop", "web", 2))
    assert faults.sentences() == ["nodes n1: odd", "one of the services: odd"]


def test_many_are_counted() -> None:
    """Ten are named, and no more than a thousand remembered."""
    faults = Faults("eu1")
    for at in range(1200):
        faults.report(SERVICES, Item("shop", f"s{at}", 1, fault="odd"))
    assert len(faults.sentences()) == 11
    assert faults.sentences()[-1] == "990 more objects cannot be understood"
