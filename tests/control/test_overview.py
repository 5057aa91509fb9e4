"""What the page of clusters says of each of them."""

import json
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from fedns.clusters.streams import Stream
from fedns.control.membership import Membership
from fedns.control.overview import Overview
from fedns.federation.health import PathBad, Synced, Unreadable
from fedns.federation.objects import Cluster
from fedns.settings.schema import Address, Member, PathProbe, Settings
from tests.control.stage import Control, Followed, export, rules


@pytest.fixture
def control(tmp_path: Path) -> Control:
    """A hub that tells of a cluster that it found by itself, and another member."""
    control = Control(rules("hub", "eu1"), tmp_path / "control")
    control.now = monotonic()
    control.pipeline.found("hub", "c1.hub")
    control.pipeline.replaced("hub", [])
    control.pipeline.replaced("c1.hub", [export("c1.hub", "web")])
    control.pipeline.observed("hub", Synced())
    return control


def shown(control: Control, *streams: Stream) -> dict[str, dict[str, Any]]:
    """The page's clusters by name, as a reader of the JSON has them."""
    page = Overview(
        truth=control.truth,
        publisher=control.publisher,
        pipeline=control.pipeline,
        feeds=lambda: {"hub": Followed(*streams)},
        paths=control.paths,
        membership=Membership(Settings(clusters=(Member(cluster=Cluster(name="hub")),)), lambda: None),
    ).page()
    read = json.loads(json.dumps(page))
    assert (read["generation"], read["secrets"]) == (control.publisher.generation, {})
    return {cluster["name"]: cluster for cluster in read["clusters"]}


def test_sources_and_hubs_name_each_other(control: Control) -> None:
    """A source says through whom it is known, and whether the configuration names it."""
    page = shown(control)
    assert {name: (each["via"], each["sources"], each["found"]) for name, each in page.items()} == {
        "hub": (None, ["c1.hub"], False),
        "c1.hub": ("hub", [], True),
        "eu1": (None, [], False),
    }
    assert (page["c1.hub"]["state"], page["c1.hub"]["services"]) == ("fresh", 1)


def test_faults_are_told(control: Control) -> None:
    """What cannot be read and why; problems of the feed; what was refused, objects and clusters alike."""
    control.pipeline.observed("hub", Unreadable("403 Forbidden", "slices"))
    control.pipeline.found("hub", "eu1")
    hub = shown(control)["hub"]
    assert (hub["fault"], hub["broken"], hub["problems"]) == ("403 Forbidden", ["slices"], ["something is wrong"])
    assert hub["refused"] == {"address": 2, "foreign_cluster": 1}


def test_data_paths_are_told(control: Control) -> None:
    """What is probed, and how that is: not known yet, up, or down with the reason; null where nothing is probed."""
    probe = PathProbe(tcp=Address("gw", 443))
    control.paths.probed["hub"] = probe
    assert shown(control)["hub"]["dataPath"] == {"target": "tcp gw:443", "up": None, "fault": ""}
    control.pipeline.observed("hub", PathBad("tcp gw:443: refused", lost=True))
    page = shown(control)
    assert page["hub"]["dataPath"] == {"target": "tcp gw:443", "up": False, "fault": "tcp gw:443: refused"}
    assert (page["hub"]["state"], page["hub"]["reason"]) == ("stale", "data-path: tcp gw:443: refused")
    assert (page["c1.hub"]["dataPath"], page["c1.hub"]["state"]) == (None, "fresh")  # a source has its own way
    assert page["eu1"]["dataPath"] is None


def test_streams_are_told_in_seconds_ago(control: Control) -> None:
    """Never is null; the lag is the age of the last sign that a stream is current."""
    now = monotonic()
    quiet = Stream(
        resource="services", state="watching", since=now - 20.0, last_event=now - 40.0, last_bookmark=now - 30
    )
    lost = Stream(resource="slices", state="waiting", since=now - 20.0, reason="cut", relists=Counter({"gone": 2}))
    lost.last_event = now - 40.0
    new = Stream(resource="exports", state="connecting", since=now)
    services, slices, exports = shown(control, quiet, lost, new)["hub"]["streams"]
    assert [round(services[key]) for key in ("lastEvent", "lastBookmark", "lag", "stateFor")] == [40, 30, 20, 20]
    assert (round(slices["lag"]), slices["reason"], slices["relists"]) == (40, "cut", {"gone": 2})
    assert (exports["lag"], exports["lastEvent"], exports["state"]) == (None, None, "connecting")


def test_propagation_has_quantiles(control: Control) -> None:
    """As upper bounds of what half and 99 of 100 changes took; null before the first."""
    control.publisher.propagation.sent(1, "hub", 100.0)
    control.publisher.propagation.told(1, 100.004)
    page = shown(control)
    assert page["hub"]["propagation"] == {"count": 1, "p50": 0.005, "p99": 0.005}
    assert page["eu1"]["propagation"] == {"count": 0, "p50": None, "p99": None}
