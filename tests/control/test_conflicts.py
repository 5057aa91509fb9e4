"""What members disagree about: counted, told once when it begins and once when it ends, a bounded number at a time."""

import logging

import pytest
from msgspec import structs

from fedns.answers.rules import Zone
from fedns.control import conflicts
from fedns.federation.objects import Export, Port
from tests.control.stage import Control, export, rules

WEB = ("shop", "web")
OTHER = Port("http", 81)


def differing(cluster: str, name: str = "web") -> Export:
    """An export with another port."""
    return structs.replace(export(cluster, name), ports=(OTHER,))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of conflicts since the last look."""
    told = [record.getMessage() for record in caplog.records if "Conflict" in record.getMessage()]
    caplog.clear()
    return told


def tick(control: Control) -> None:
    """Let some time pass."""
    control.now += 1.5
    control.pipeline.tick()


def test_a_conflict_begins_and_ends(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted while it lasts, and said when it comes and when it goes, not in between."""
    caplog.set_level(logging.INFO)
    found = control.pipeline.conflicts
    control.pipeline.replaced("eu1", [export("eu1", "web"), export("eu1", "alone")])
    control.pipeline.replaced("us1", [])
    control.pipeline.changed("us1", WEB, differing("us1"))
    assert found.pending == 1
    tick(control)
    assert (found.pending, set(found.held), found.counts()) == (0, {WEB}, {"PortConflict": 1})
    (line,) = lines(caplog)
    assert line.startswith("us1: shop/web: PortConflict: Conflicting ports.")
    control.pipeline.changed("us1", WEB, structs.replace(differing("us1"), created=7))
    tick(control)
    assert lines(caplog) == []
    control.pipeline.changed("us1", WEB, None)
    tick(control)
    assert (dict(found.held), found.counts()["PortConflict"]) == ({}, 0)
    assert lines(caplog) == ["us1: shop/web: PortConflict: no conflict any more"]


def test_members_that_leave_and_other_ranks_count(control: Control) -> None:
    """A member that leaves ends its conflicts; another rank says who disagrees."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.replaced("us1", [differing("us1")])
    tick(control)
    found = control.pipeline.conflicts
    assert [each.cluster for each in found.held[WEB]] == ["us1"]
    first = control.truth.rules
    ranked = tuple(structs.replace(each, trust_rank=int(each.name == "eu1")) for each in first.clusters)
    control.pipeline.reload(structs.replace(first, clusters=ranked))
    tick(control)
    assert [each.cluster for each in found.held[WEB]] == ["eu1"]
    control.pipeline.reload(rules("eu1"))
    tick(control)
    assert dict(found.held) == {}


def test_a_member_with_many_delays_nobody(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tick looks at some services, until none waits."""
    monkeypatch.setattr(conflicts, "AT_ONCE", 2)
    names = ("a", "b", "c")
    control.pipeline.replaced("eu1", [export("eu1", name) for name in names])
    control.pipeline.replaced("us1", [differing("us1", name) for name in names])
    seen = []
    for _ in range(2):
        tick(control)
        seen.append((len(control.pipeline.conflicts.held), control.pipeline.conflicts.pending))
    assert seen == [(2, 1), (3, 0)]


def test_names_over_the_limits_are_told_and_end(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """A service whose hosts do not fit is held, counted and said once; another zone, or its end, ends that."""
    caplog.set_level(logging.INFO)
    found, first = control.pipeline.conflicts, control.truth.rules
    long = structs.replace(export("eu1", "s" * 63), namespace="n" * 63)
    control.pipeline.replaced("eu1", [long, export("eu1", "web")])
    tick(control)
    assert dict(found.held) == {}
    zone = Zone(name=f"{'z' * 63}.{'y' * 45}", kind="clusterset")
    control.pipeline.reload(structs.replace(first, zones=(zone,)))
    for _ in range(2):
        tick(control)
        assert ([*found.held], found.counts()["name-too-long"]) == ([long.key], 1)
    control.pipeline.reload(first)
    tick(control)
    assert (dict(found.held), found.counts()["name-too-long"]) == ({}, 0)
    told = [each.getMessage() for each in caplog.records if "name-too-long" in each.getMessage()]
    head = f"eu1: {'/'.join(long.key)}: name-too-long: "
    assert told == [
        f"{head}Names over 255 bytes are left out: hosts under svc.{zone.name}.",
        f"{head}every name fits now",
    ]
