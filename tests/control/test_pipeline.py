"""The event path: evidence and exports in, truth, news, log lines and counts out."""

import logging

import pytest

from fedns.answers.wire import Generation, Hello
from fedns.control.pipeline import REPEAT_SECONDS
from fedns.control.publish import Link
from fedns.federation.health import Alive, Freshness, Synced, Unreachable
from fedns.federation.objects import Cluster
from tests.control.stage import TIMERS, ZONES, Control, export, rules

WEB = ("shop", "web")


def states(control: Control) -> dict[str, Freshness]:
    """The state of every member."""
    return {name: status.state for name, status in control.truth.statuses.items()}


def test_members_start_as_never_read(control: Control) -> None:
    """A configured member is syncing from the moment it joins."""
    assert states(control) == {"eu1": Freshness.SYNCING, "us1": Freshness.SYNCING}
    assert control.truth.statuses["eu1"].joined == control.now


def test_a_life_of_a_member_is_told_once_per_change(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """Each change of state is one log line with its reason, and counts one; repeated evidence says nothing."""
    caplog.set_level(logging.INFO)
    began = control.now
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    for _ in range(3):
        control.pipeline.observed("eu1", Synced())
    for passed in (TIMERS.suspect_after, TIMERS.stale_after, TIMERS.expire_after):
        control.now = began + passed
        control.pipeline.observed("eu1", Unreachable("no route"))
        control.pipeline.tick()
    lines = [record.getMessage() for record in caplog.records if "->" in record.getMessage()]
    assert [line.partition(" (")[0] for line in lines] == [
        "eu1: syncing -> fresh",
        "eu1: fresh -> suspect",
        "eu1: suspect -> stale",
        "eu1: stale -> expired",
    ]
    assert lines[3].endswith(": no route)")
    assert control.pipeline.state_changes == {"eu1": 4}


def test_time_alone_ages_members(control: Control) -> None:
    """A tick is enough to turn a silent member stale."""
    control.pipeline.observed("eu1", Synced())
    control.now += TIMERS.stale_after
    control.pipeline.tick()
    assert states(control)["eu1"] == Freshness.STALE


def test_exports_reach_the_catalog(control: Control) -> None:
    """The first reading counts as the whole, later ones and single changes as what differs."""
    generation = control.publisher.generation
    control.pipeline.replaced("eu1", iter([export("eu1", "web"), export("eu1", "api")]))
    assert control.truth.read == {"eu1"}
    assert control.publisher.generation == generation + 1
    control.pipeline.replaced("eu1", [export("eu1", "web"), export("eu1", "api")])
    assert control.publisher.generation == generation + 1
    control.pipeline.changed("eu1", WEB, export("eu1", "web", "10.0.0.2"))
    control.pipeline.changed("eu1", WEB, export("eu1", "web", "10.0.0.2"))
    assert control.publisher.generation == generation + 2
    assert control.truth.export("eu1", WEB) == export("eu1", "web", "10.0.0.2")


def test_a_stranger_says_nothing(control: Control) -> None:
    """The last words of a member that has left change nothing."""
    generation = control.publisher.generation
    control.pipeline.replaced("gone", [export("gone", "web")])
    control.pipeline.changed("gone", WEB, export("gone", "web"))
    control.pipeline.observed("gone", Alive())
    assert "gone" not in control.truth.statuses
    assert len(control.truth.catalog) == 0
    assert control.publisher.generation == generation


def test_statuses_are_repeated(control: Control) -> None:
    """Statuses are published at every change of state, and else once a second, not at every tick."""
    link = Link(Hello(slot=1, pid=1, epoch="", generation=0))
    control.publisher.links.add(link)

    def told() -> bool:
        """Whether statuses have been published since the last look."""
        news = link.outbox.pending
        list(link.outbox.take(control.truth, Generation("epoch", 1)))
        return bool(news)

    control.pipeline.tick()
    assert told()
    control.pipeline.tick()
    assert not told()
    control.now += REPEAT_SECONDS
    control.pipeline.tick()
    assert told()
    control.pipeline.observed("eu1", Synced())
    assert told()


def test_reload_withdraws_and_admits(control: Control) -> None:
    """A member that left is withdrawn at once; a new one starts as never read; the others keep what is known."""
    for name in ("eu1", "us1"):
        control.pipeline.replaced(name, [export(name, "web")])
        control.pipeline.observed(name, Synced())
    control.pipeline.reload(rules("us1", "ap1"))
    assert states(control) == {"us1": Freshness.FRESH, "ap1": Freshness.SYNCING}
    assert control.truth.read == {"us1"}
    assert control.truth.catalog.exports_of("eu1") == []
    control.pipeline.reload(rules("us1", "ap1", "eu1"))
    assert states(control)["eu1"] == Freshness.SYNCING


def test_the_same_rules_are_no_news(control: Control) -> None:
    """Reading an unchanged configuration again publishes nothing."""
    generation = control.publisher.generation
    control.pipeline.reload(rules("eu1", "us1"))
    assert control.publisher.generation == generation


def test_trust_decides_precedence(control: Control) -> None:
    """The trust ranks of the rules reach the catalog, also after a reload."""
    for name in ("eu1", "us1"):
        control.pipeline.replaced(name, [export(name, "web")])
    clusters = (Cluster(name="eu1", trust_rank=1), Cluster(name="us1"))
    control.pipeline.reload(type(control.truth.rules)(zones=ZONES, clusters=clusters))
    service = control.truth.catalog.service(WEB)
    assert service is not None
    assert [each.cluster for each in service.exports] == ["us1", "eu1"]
